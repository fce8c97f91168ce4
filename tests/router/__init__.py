"""The router end to end: simulated upstreams on real sockets, a real Store."""
