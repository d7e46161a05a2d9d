"""Rows of what the configuration expects to exist."""

from jetstream_exporter.snapshot.rows.row import Row


class ExpectedObject(Row, frozen=True):
    """A server, stream or consumer. `present` is None where who could hold it has not answered.

    `account` is empty for a server. A consumer's name is `STREAM/CONSUMER`.
    """

    cluster: str
    kind: str
    account: str
    name: str
    present: bool | None
