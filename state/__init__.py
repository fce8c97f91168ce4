"""The shared state of a fleet."""
