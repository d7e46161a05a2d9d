"""The HTTP server: routes, formats, deadlines and access. It does not know JetStream."""
