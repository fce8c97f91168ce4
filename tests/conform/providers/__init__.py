"""One file per folder of recordings: what its requests mean, and what the provider's own SDK makes of its answers."""
