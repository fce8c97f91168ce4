"""Wire formats: one folder a family, one file a kind of call. See `router_core.providers.dialect`."""
