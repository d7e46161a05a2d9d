"""Bring what PyPI does not have. Replaced as soon as a test needs a tool."""
