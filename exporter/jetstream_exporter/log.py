"""Logging in logfmt or JSON, changes of state only. A secret is never handed to it."""

import logging
import sys
from typing import Literal

import structlog

Format = Literal["logfmt", "json"]
LEVELS = ("debug", "info", "warn", "error")


def configure(level: str, style: Format) -> None:
    """Send one line an event to standard error."""
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
    """A name with a carriage return in it must not forge a line; the renderers see to the other breaks."""
    return {
        key: value.replace("\r", "\\r") if isinstance(value, str) else value
        for key, value in event.items()
    }


class _ToStructlog(logging.Handler):
    """What libraries log, in our format."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(component=record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _route_standard_logging(level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(max(level, logging.WARNING))
