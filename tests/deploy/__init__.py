"""What is shipped in deploy/."""
