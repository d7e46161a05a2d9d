"""The HTTP monitoring port of every server."""
