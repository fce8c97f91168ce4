"""Conformance with recorded traffic and the providers' own SDKs: `make conform`. See README.md."""
