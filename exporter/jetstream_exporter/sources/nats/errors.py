"""The NATS library's errors as sentences for an operator, and its log as single lines."""

import logging
import os
import socket
import ssl

import aiohttp
import nats.errors

from jetstream_exporter.config.errors import ConfigError
from jetstream_exporter.report import LATE
from jetstream_exporter.sources.errors import SourceError

ODD = "the server does not speak the NATS protocol"


def error_text(error: BaseException) -> str:
    """What went wrong, for an operator. Of an error that is not known only its kind is given: it may hold a secret."""
    reported = str(error).removeprefix("nats: ").strip("'\" \r\n")
    match error:
        case SourceError() | ConfigError():
            text = reported
        case ssl.SSLError():
            text = f"TLS failed: {error.reason or 'the server speaks another protocol'}"
        case nats.errors.SecureConnWantedError():
            text = "the server offers no TLS, which the configuration requires"
        case nats.errors.NoRespondersError():
            text = "no responders: the account of the user does not provide it"
        case nats.errors.AuthorizationError():
            text = "the server refuses the login"
        case nats.errors.Error() if "uthorization" in reported or "uthentication" in reported:
            text = f"the server refuses the login: {reported}"
        case TimeoutError():
            text = LATE
        case socket.gaierror():
            text = f"cannot connect: {error.strerror}"
        case aiohttp.ClientError():
            text = "cannot connect: the address does not serve NATS over WebSocket"
        case OSError():
            text = f"cannot connect: {os.strerror(error.errno) if error.errno else _system(error)}"
        case nats.errors.Error():
            text = reported or type(error).__name__
        case _:
            text = f"{ODD} ({type(error).__name__})"
    return text


def _system(error: OSError) -> str:
    """asyncio's own error of several addresses has no number; it lists the errors of each."""
    return "no address answers" if "Multiple exceptions" in str(error) else type(error).__name__


class _OneLine(logging.Filter):
    """Makes one line of an error inside the library, which logs it with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.msg, record.args = "%s", (_meaning(error),)
            record.exc_info = record.exc_text = None
        return True


def _meaning(error: BaseException) -> str:
    what = f"the NATS library failed ({type(error).__name__})"
    return f"{what}; the exporter reconnects and repeats the requests or reports them as failed"


for _name in ("nats.aio.client", "nats.aio.subscription", "nats.js.client"):
    logging.getLogger(_name).addFilter(_OneLine())
