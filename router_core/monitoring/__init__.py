"""What metrics show of the pool, and what providers say of their limits."""
