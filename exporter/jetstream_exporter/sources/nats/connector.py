"""Makes the client of a connection: reads the login, dials the servers, and takes the first one that answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors
from yarl import URL

from jetstream_exporter.config.errors import below
from jetstream_exporter.config.login import Login, read_login
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.redaction import without_secrets
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.lookup import SystemLookup
from jetstream_exporter.sources.nats.client import SecureClient, end
from jetstream_exporter.sources.nats.dialling import Candidate, candidates, first_of
from jetstream_exporter.sources.nats.errors import error_text
from jetstream_exporter.sources.nats.permissions import Permissions

PORT = 4222
CONNECT = 3  # seconds for one server
AVOIDED = 8  # addresses that failed last and are tried after the others
OPTIONS: dict[str, Any] = {
    "name": "jetstream-exporter",
    "connect_timeout": CONNECT,
    # A lost connection ends this client; Connection makes the next one.
    "allow_reconnect": False,
    "max_reconnect_attempts": 1,
    "reconnect_time_wait": 0,
    "ping_interval": 10,  # seconds
    "max_outstanding_pings": 2,
}
SECRET = ("password", "token", "nkeys_seed_str")  # options that no sentence may hold

Opened = Callable[[SecureClient], Awaitable[None]]


class Connector:
    """Connects once each time it is asked to. Files and variables are read anew for every attempt.

    `note` takes the errors that a client reports, and says whether they leave it as it is. `opened` is awaited with
    every new client, before anybody else gets it.
    """

    def __init__(
        self,
        settings: Nats,
        place: str,
        permissions: Permissions,
        max_bytes: int,
        *,
        note: Callable[[Exception], bool],
        opened: Opened | None,
    ) -> None:
        self._settings = settings
        self._place = place
        self._permissions = permissions
        self._max_bytes = max_bytes
        self._note = note
        self._opened = opened
        self._lookup = SystemLookup()
        self._avoided: list[str] = []  # addresses that failed, the last one last
        self.has_alternatives = False  # there is more than one address
        self.login = Login([], {})

    async def connect(self) -> SecureClient:
        """The first server that answers, those that failed last tried last; SourceError with the last one's reason."""
        self.login = await asyncio.to_thread(read_login, self._settings, below(self._place))
        every = await candidates(self.login.urls, self._avoided, self._lookup)
        self.has_alternatives = len(every) > 1
        self._permissions.begin()
        while True:
            client = await first_of(every, self._connect_to, end)
            if self._opened is None:
                return client
            try:
                async with asyncio.timeout(CONNECT):
                    await self._opened(client)
                return client
            except (nats.errors.Error, OSError, ValueError, SourceError) as error:
                await end(client)
                every = [one for one in every if one.url != client.url]
                if not every:
                    raise SourceError(self._permissions.needed() or error_text(error)) from None
            except BaseException:
                await end(client)
                raise

    def avoid(self, url: str) -> None:
        others = [one for one in self._avoided if one != url]
        self._avoided = [*others[-AVOIDED:], url]

    async def _connect_to(self, candidate: Candidate) -> SecureClient:
        client = SecureClient(secure=self.login.secure, max_bytes=self._max_bytes)
        client.url = candidate.url

        async def on_error(error: Exception) -> None:
            if not self._note(error):
                client.reason = client.reason or error_text(error)

        options: dict[str, Any] = {"tls_hostname": candidate.host} if candidate.host else {}
        options |= OPTIONS | self.login.options
        try:
            async with asyncio.timeout(CONNECT):
                await client.connect(servers=[candidate.url], error_cb=on_error, **options)
        except asyncio.CancelledError:
            await end(client)
            raise
        except Exception as error:  # an odd server, odd credentials: each is a reason
            await end(client)
            self.avoid(candidate.url)
            is_vague = isinstance(error, nats.errors.NoServersError) and client.reason
            reason = client.reason if is_vague else error_text(error)
            raise SourceError(self._permissions.needed() or reason) from None
        client.reason = ""
        return client

    def without_secrets(self, error: Exception) -> str:
        """The error as a sentence without any secret of the login."""
        secrets = [str(value) for name, value in self.login.options.items() if name in SECRET]
        secrets += [part for url in self.login.urls for part in (URL(url).password,) if part]
        return without_secrets(error_text(error), secrets)


def target_of(settings: Nats) -> str:
    """The name of a connection in labels and logs: its first server, or its context."""
    if not settings.urls:
        return f"context {settings.context}"
    first = settings.urls[0]
    try:
        url = URL(first if "://" in first else f"nats://{first}")
        return f"{url.scheme}://{url.host}:{url.explicit_port or PORT}"
    except ValueError:
        return "nats"
