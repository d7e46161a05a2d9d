"""The ORDERS workload: producer, consumers and dead letters as one would write them for production.

Everything here needs only nats-py and works against any server; the demo runs it all in one
process, `python -m jetstream_exporter.demo.orders` runs one part of it.
"""
