"""The six boards."""

from dashboards.src.board import Board
from dashboards.src.boards import consumer, exporter, overview, raft, servers, stream

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    raft.BOARD,
    servers.BOARD,
    stream.BOARD,
    consumer.BOARD,
    exporter.BOARD,
)
