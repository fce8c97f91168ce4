"""What `make lint` knows about Lua: names (`scope`), header contracts (`header`), both put together (`checks`)."""
