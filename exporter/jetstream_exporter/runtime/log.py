"""Logging in logfmt or JSON. Only changes of state are logged, and never a secret."""

import logging
import sys
from typing import Literal

import structlog
from aiohttp.http_exceptions import HttpProcessingError

from jetstream_exporter.runtime.terminal import printable

Format = Literal["logfmt", "json"]
LEVELS = ("debug", "info", "warn", "error")


def configure(level: str, style: Format) -> None:
    """Log one line per event to standard error."""
    number = {"warn": logging.WARNING}.get(level) or logging.getLevelNamesMapping()[level.upper()]
    render: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if style == "logfmt":
        render = structlog.processors.LogfmtRenderer(
            key_order=["ts", "level", "msg"], drop_missing=True, bool_as_flag=False
        )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.EventRenamer("msg"),
            structlog.processors.format_exc_info,
            _one_line,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _route_standard_logging(number)


def _one_line(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape control characters, except line feeds: the renderers escape these, and tracebacks need them."""
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in event.items()
    }


class _ToStructlog(logging.Handler):
    """Logs what libraries log, in our format."""

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.exc_info and record.exc_info[1], HttpProcessingError):
            return  # what an unknown client sends to our port is no event of ours, and may hold a password
        logger = structlog.get_logger(component=record.name)
        level = max(
            logging.DEBUG, record.levelno // 10 * 10
        )  # structlog knows the round ones alone
        logger.log(min(level, logging.CRITICAL), record.getMessage(), exc_info=record.exc_info)


def _route_standard_logging(level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(max(level, logging.WARNING))
