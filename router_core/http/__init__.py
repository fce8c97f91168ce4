"""The HTTP engine under the providers: sessions, timeouts, proxies, uploads, server-sent events."""
