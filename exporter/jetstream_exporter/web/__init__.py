"""The HTTP side: routes, formats, deadlines and who may read. Knows no JetStream."""
