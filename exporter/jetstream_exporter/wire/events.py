"""Advisories and metrics that servers publish."""

from jetstream_exporter.wire.part import Unsigned, Wire


class Advisory(Wire):
    """An event of `$JS.EVENT.>`, of any type, with the fields that it is counted by."""

    type: str = ""
    id: str = ""
    account: str = ""  # in the system account's copies
    domain: str = ""
    stream: str = ""
    consumer: str = ""
    stream_seq: Unsigned = 0
    deliveries: Unsigned = 0
    ack_time: Unsigned = 0  # ns
    action: str = ""  # of a stream or consumer: create, modify, delete
