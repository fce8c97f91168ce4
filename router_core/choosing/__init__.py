"""From a group to one deployment: who may serve, who is preferred, and the question to the pool."""
