"""Ways to break a running cluster so that one alert fires, and to repair it again."""

from jetstream_exporter.demo.stack.scenarios.consumers import (
    ConsumerCrash,
    ConsumerStalled,
    MissingAcks,
    NoSubscribers,
    PoisonMessage,
    SlowConsumerBacklog,
)
from jetstream_exporter.demo.stack.scenarios.scenario import Scenario
from jetstream_exporter.demo.stack.scenarios.servers import (
    LeaderFlapping,
    LonelyServerLost,
    QuorumLost,
    ServerKilled,
)
from jetstream_exporter.demo.stack.scenarios.streams import (
    ForgottenDurable,
    MirrorBroken,
    StorageFilling,
    StreamFull,
)

SCENARIOS: dict[str, type[Scenario]] = {
    scenario.name: scenario
    for scenario in (
        ConsumerStalled,
        PoisonMessage,
        MissingAcks,
        ConsumerCrash,
        SlowConsumerBacklog,
        ServerKilled,
        QuorumLost,
        StreamFull,
        StorageFilling,
        ForgottenDurable,
        MirrorBroken,
        LonelyServerLost,
        NoSubscribers,
        LeaderFlapping,
    )
}

__all__ = ["SCENARIOS", "Scenario"]
