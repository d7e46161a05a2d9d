"""Over a NATS connection: the system account, and the JetStream API of an account."""
