"""`jetstream-exporter status`: what is wrong now, in a terminal."""
