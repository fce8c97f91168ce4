"""The simulated upstream, over real sockets."""
