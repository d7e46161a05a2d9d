"""Which account a connection is in: from the configuration, or by asking the server once."""

from typing import NamedTuple

import msgspec

from jetstream_exporter.sources.api import Api
from jetstream_exporter.sources.http import SourceError
from jetstream_exporter.wire import UserInfo

WHO = "$SYS.REQ.USER.INFO"
SOON = 2.0  # seconds; every server answers this for itself


class Identity(NamedTuple):
    account: str = ""  # the id
    name: str = ""


async def identify(api: Api, known: Identity) -> Identity:
    """Complete the configured identity; SourceError if the server does not say what is missing."""
    if known.account:
        return known
    try:
        data = await api.raw(WHO, within=SOON)
        user = msgspec.json.decode(data, type=UserInfo).data
    except (SourceError, msgspec.DecodeError) as error:
        raise SourceError(
            f"the account's id is not known ({error}); set `account` or permit {WHO}"
        ) from None
    return Identity(user.account, user.account_name)
