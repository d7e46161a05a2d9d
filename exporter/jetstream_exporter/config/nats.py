"""How NATS itself is reached, and what is asked there: system account, JetStream API, advisories.

Secrets stand in files or in environment variables, never in the configuration.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jetstream_exporter.config.values import Size

Hot = Literal["naks", "acks", "api"]


class Nats(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One connection to NATS. Files are read anew whenever it is made, so secrets can be exchanged."""

    urls: Annotated[
        list[str],
        Meta(
            description="URLs of the servers, such as `nats://nats-0:4222` or `tls://nats-0:4222`."
        ),
    ] = []
    context: Annotated[
        str,
        Meta(
            description=(
                "Context of the `nats` command, by its name or its file. Keys that are set here override it."
            )
        ),
    ] = ""
    credentials_file: Annotated[
        str, Meta(description="Credentials file (`.creds`) with a JWT and a seed.")
    ] = ""
    jwt_file: Annotated[
        str, Meta(description="File with the JWT of a user. Requires `nkey_seed_file`.")
    ] = ""
    nkey_seed_file: Annotated[str, Meta(description="File with the nkey seed of a user.")] = ""
    username: Annotated[str, Meta(description="Username, for a login with a password.")] = ""
    password_file: Annotated[str, Meta(description="File with the password.")] = ""
    password_env: Annotated[str, Meta(description="Environment variable with the password.")] = ""
    token_file: Annotated[str, Meta(description="File with a token.")] = ""
    token_env: Annotated[str, Meta(description="Environment variable with a token.")] = ""
    ca_file: Annotated[str, Meta(description="Trusted certificate authorities (PEM).")] = ""
    cert_file: Annotated[str, Meta(description="Client certificate (PEM).")] = ""
    key_file: Annotated[str, Meta(description="Key of the client certificate (PEM).")] = ""
    tls_first: Annotated[
        bool, Meta(description="Start the TLS handshake before the server sends its INFO.")
    ] = False
    server_name: Annotated[
        str,
        Meta(
            description="Name to verify in the server certificates, if it is not the host of the URL."
        ),
    ] = ""
    insecure_skip_verify: Annotated[
        bool, Meta(description="Do not verify server certificates. For tests only.")
    ] = False
    inbox_prefix: Annotated[
        str, Meta(description="Prefix of the inbox subjects for replies. The default is `_INBOX`.")
    ] = ""

    @property
    def enabled(self) -> bool:
        return bool(self.urls or self.context)


class System(Nats, frozen=True):
    """Connection to the system account, which reports every server without a list of targets."""


class ExactLag(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Requests for single messages, to export exactly when the oldest waiting ones were stored."""

    budget: Annotated[
        int,
        Meta(
            description=(
                "Maximum number of messages that are requested after each scrape. 0 switches it off. Requires the "
                "permission to publish to `$JS.API.STREAM.MSG.GET.*`."
            ),
            ge=0,
            le=1000,
        ),
    ] = 0
    max_message_bytes: Annotated[
        Size,
        Meta(
            description=(
                "The server sends the whole message. Nothing is requested from streams whose `max_msg_size` or "
                "average message size is larger than this."
            )
        ),
    ] = Size(64 * 2**10)


class AccountApi(Nats, frozen=True):
    """Connection to the JetStream API of one account."""

    account: Annotated[
        str,
        Meta(
            description="ID of the account, for the label `account`. By default the exporter asks the server."
        ),
    ] = ""
    domain: Annotated[
        str, Meta(description="JetStream domain, if it is not that of the server.")
    ] = ""
    api_prefix: Annotated[
        str, Meta(description="Prefix of the imported JetStream API, instead of `$JS.API`.")
    ] = ""
    streams: Annotated[
        list[str],
        Meta(
            description=(
                "Streams to request one by one, if listing streams is not permitted. By default all streams."
            )
        ),
    ] = []
    consumers: Annotated[
        dict[str, list[str]],
        Meta(
            description="Consumers of each stream to request one by one, if listing consumers is not permitted."
        ),
    ] = {}
    exact_lag: Annotated[
        ExactLag,
        Meta(
            description=(
                "Request single messages where the delivery lag cannot be calculated exactly. Off by default."
            )
        ),
    ] = ExactLag()


class Advisories(Nats, frozen=True):
    """Connection that receives the advisories of one account, or of the system account."""

    account: Annotated[
        str,
        Meta(
            description="ID of the account, for the label `account`. By default the exporter asks the server."
        ),
    ] = ""
    hot: Annotated[
        list[Hot],
        Meta(
            description=(
                "Events that are as frequent as messages and must be enabled here: `naks`, `acks` (samples), "
                "`api`."
            )
        ),
    ] = []
    stream: Annotated[
        str,
        Meta(
            description=(
                "Stream that captures `$JS.EVENT.>`. The exporter reads it instead of subscribing, so that "
                "no event is missed."
            )
        ),
    ] = ""
    durable: Annotated[str, Meta(description="Name of the durable consumer of that stream.")] = (
        "jetstream-exporter"
    )
    excess_after: Annotated[
        int,
        Meta(
            description="Number of deliveries of a message above which further deliveries are counted.",
            ge=1,
        ),
    ] = 3
