"""Rules: NATS servers: alive, healthy, connected, with room on their disks; and their accounts."""

from rules.src.model import Group, RuleFile
from rules.src.server import (
    account,
    advisories,
    api,
    backlog,
    certificates,
    health,
    leafnodes,
    links,
    routes,
    storage,
)

SERVER = Group(
    name="jetstream-server",
    interval="30s",
    rules=(
        *health.DOWN,
        *storage.ALERTS,
        *api.ALERTS,
        *backlog.ALERTS,
        *advisories.ALERTS,
        *health.NOTICES,
        *certificates.ALERTS,
    ),
)

LINKS = Group(
    name="nats-links",
    interval="30s",
    rules=(*links.ALERTS, *leafnodes.ALERTS, *routes.ALERTS),
)

ACCOUNT = Group(
    name="jetstream-account",
    interval="30s",
    rules=account.ALERTS,
)

FILE = RuleFile(
    subject="server",
    comment=(
        "These rules are about NATS servers and accounts: whether servers run and are healthy, and "
        "whether their storage suffices."
    ),
    groups=(
        SERVER,
        LINKS,
        ACCOUNT,
    ),
)
