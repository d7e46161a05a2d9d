"""A real three-node cluster on a laptop, with a workload on it and failures on request."""
