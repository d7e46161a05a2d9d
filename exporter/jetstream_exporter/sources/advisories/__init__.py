"""JetStream's events: received as they are sent, or read from a stream that captures them."""
