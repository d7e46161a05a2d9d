"""The ways to ask a cluster, one module each. A source gives reports; it computes nothing."""
