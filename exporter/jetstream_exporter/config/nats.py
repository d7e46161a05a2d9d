"""How NATS itself is reached, and what is asked there: system account, JetStream API, advisories.

Secrets stand in files or in environment variables, never in the configuration.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Hot = Literal["naks", "acks", "api"]


class Nats(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One connection to NATS. Files are read anew whenever it is made, so secrets can be exchanged."""

    urls: Annotated[
        list[str],
        Meta(description="Servers to connect to, `nats://nats-0:4222` or `tls://nats-0:4222`."),
    ] = []
    context: Annotated[
        str,
        Meta(
            description="A context of the `nats` program, by its name or its file; what is set here beats it."
        ),
    ] = ""
    credentials_file: Annotated[str, Meta(description="Credentials (`.creds`): JWT and seed.")] = ""
    jwt_file: Annotated[
        str, Meta(description="File that holds a user's JWT; goes with `nkey_seed_file`.")
    ] = ""
    nkey_seed_file: Annotated[str, Meta(description="File that holds a user's nkey seed.")] = ""
    username: Annotated[str, Meta(description="User, for a login by password.")] = ""
    password_file: Annotated[str, Meta(description="File that holds that user's password.")] = ""
    password_env: Annotated[
        str, Meta(description="Environment variable that holds that user's password.")
    ] = ""
    token_file: Annotated[str, Meta(description="File that holds a token.")] = ""
    token_env: Annotated[str, Meta(description="Environment variable that holds a token.")] = ""
    ca_file: Annotated[str, Meta(description="Certificate authorities (PEM) to trust.")] = ""
    cert_file: Annotated[str, Meta(description="Client certificate (PEM).")] = ""
    key_file: Annotated[str, Meta(description="The client certificate's key (PEM).")] = ""
    tls_first: Annotated[
        bool, Meta(description="Shake hands for TLS before the server says anything.")
    ] = False
    server_name: Annotated[
        str, Meta(description="Name that the servers' certificates must hold, if not the URL's.")
    ] = ""
    insecure_skip_verify: Annotated[
        bool, Meta(description="Trust any certificate. For tests only.")
    ] = False
    inbox_prefix: Annotated[
        str, Meta(description="Where answers come in; by default `_INBOX`.")
    ] = ""

    @property
    def enabled(self) -> bool:
        return bool(self.urls or self.context)


class System(Nats, frozen=True):
    """The system account: every server, without a list of targets."""


class AccountApi(Nats, frozen=True):
    """The JetStream API of one account."""

    account: Annotated[
        str,
        Meta(
            description="The account's id, for the label `account`; by default the server is asked."
        ),
    ] = ""
    domain: Annotated[
        str, Meta(description="JetStream domain to ask, if not the server's own.")
    ] = ""
    api_prefix: Annotated[
        str, Meta(description="Prefix of the API where it is imported, instead of `$JS.API`.")
    ] = ""
    streams: Annotated[
        list[str],
        Meta(
            description="Streams to ask for one by one, where listing them is not permitted; by default all."
        ),
    ] = []
    consumers: Annotated[
        dict[str, list[str]],
        Meta(
            description="By stream, consumers to ask for one by one, where listing them is not permitted."
        ),
    ] = {}


class Advisories(Nats, frozen=True):
    """The events that JetStream publishes in one account, or in the system account."""

    account: Annotated[
        str,
        Meta(
            description="The account's id, for the label `account`; by default the server is asked."
        ),
    ] = ""
    hot: Annotated[
        list[Hot],
        Meta(
            description="Events as frequent as messages, heard only when asked for: `naks`, `acks` (samples), `api`."
        ),
    ] = []
    stream: Annotated[
        str,
        Meta(
            description="A stream that captures `$JS.EVENT.>`; read instead of listening, so that none is missed."
        ),
    ] = ""
    durable: Annotated[str, Meta(description="Name of the durable consumer on that stream.")] = (
        "jetstream-exporter"
    )
    excess_after: Annotated[
        int,
        Meta(description="Deliveries of one message beyond this number are counted.", ge=1),
    ] = 3
