"""The text formats, 0.0.4 and OpenMetrics 1.0, from tables and rows in one pass. It knows nothing of JetStream."""

from jetstream_exporter.exposition.encoder import Encoder, Piece
from jetstream_exporter.exposition.labels import escape
from jetstream_exporter.exposition.text import END, OPENMETRICS, TEXT, compress

__all__ = ["END", "OPENMETRICS", "TEXT", "Encoder", "Piece", "compress", "escape"]
