"""End to end: several processes, one real server, simulated upstreams, and witnesses outside the router."""
