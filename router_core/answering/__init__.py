"""What a call returns, and what it is put together from."""
