"""The ways to ask a cluster. A source returns reports of what servers answered; it computes nothing."""
