"""The eight boards. That for the week of moving over from another exporter, `shadow`, is none of them."""

from dashboards.src.board import Board
from dashboards.src.boards import (
    accounts,
    consumer,
    exporter,
    fleet,
    overview,
    raft,
    servers,
    stream,
)

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    raft.BOARD,
    servers.BOARD,
    stream.BOARD,
    consumer.BOARD,
    exporter.BOARD,
    accounts.BOARD,
    fleet.BOARD,
)
