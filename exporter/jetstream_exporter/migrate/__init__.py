"""The way over from prometheus-nats-exporter and nats-surveyor: what gives their series, and the command that rewrites
dashboards and rules.

`names` is the one table: the rules of `rules/compat` are generated from it, and the command rewrites by it.
"""
