"""Which account a connection is in: from the configuration, or by asking the server once."""

import asyncio
import contextlib
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from jetstream_exporter.sources.decoding import AnswerError, decode
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.api import Api
from jetstream_exporter.sources.nats.connection import Connection
from jetstream_exporter.wire import AccountInfo, UserInfo

ONLY_SYSTEM = "$SYS.REQ.SERVER.PING.STATSZ"  # servers answer it in the system account only
INFO = "$JS.API.INFO"
ANSWERS = 0.5  # seconds in which every answer to `INFO` comes
WHO = "$SYS.REQ.USER.INFO"
SOON = 2.0  # seconds; every server answers this for itself


class AccountIdentity(NamedTuple):
    account: str = ""  # the id
    name: str = ""


async def identify(api: Api, configured: AccountIdentity) -> AccountIdentity:
    """Complete the configured identity; SourceError if the server does not say what is missing."""
    if configured.account:
        return configured
    try:
        data = await api.raw(WHO, within=SOON)
        user = decode(data, UserInfo).data
    except SourceError as error:
        raise SourceError(
            f"the ID of the account is unknown ({error}); set `account` or permit {WHO}"
        ) from None
    return AccountIdentity(user.account, user.account_name)


async def is_system_account(api: Api, connection: Connection, client: Client) -> bool:
    """Whether this is the system account, which receives the events of all accounts.

    Servers answer `ONLY_SYSTEM` there alone, but so can anybody in another account. What nobody can keep away there is
    the server's own answer that the account has JetStream, which the system account cannot have.
    """
    connection.permissions.expect_refusal(ONLY_SYSTEM)
    try:
        await api.raw(ONLY_SYSTEM, within=1)
    except SourceError:
        return False
    return not await _has_jetstream(connection, client)


async def _has_jetstream(connection: Connection, client: Client) -> bool:
    """Whether one of the answers that come within half a second says so."""
    answers: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=answers.put)
    connection.permissions.expect_refusal(INFO)
    await client.publish(INFO, b"", reply=inbox)
    try:
        async with asyncio.timeout(ANSWERS):
            while True:
                message = await answers.get()
                with contextlib.suppress(AnswerError):
                    if message.data and decode(message.data, AccountInfo).error is None:
                        return True
    except TimeoutError:
        return False
    finally:
        await subscription.unsubscribe()
