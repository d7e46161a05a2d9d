"""What a reload leaves of the connections that hear events, and what it says of those that it exchanges."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jetstream_exporter.config.nats import Advisories
from jetstream_exporter.config.schema import Cluster, Collect
from jetstream_exporter.sources import source_set as module
from jetstream_exporter.sources.advisories.source import AdvisoriesSource
from jetstream_exporter.sources.collector import Source
from jetstream_exporter.sources.lookup import SystemLookup
from jetstream_exporter.sources.purpose import Purpose
from jetstream_exporter.sources.source_set import SourceSet
from jetstream_exporter.wire import Advisory

URL = "nats://127.0.0.1:4222"


def source_set(
    *advisories: Advisories, before: SourceSet | None = None, name: str = ""
) -> SourceSet:
    first = before or SourceSet(SystemLookup(), Purpose.EVERYTHING)
    return first.rebuilt([Cluster(name=name, advisories=list(advisories))], Collect())


def heard(made: SourceSet) -> list[AdvisoriesSource]:
    return [source for source in made.sources if isinstance(source, AdvisoriesSource)]


def test_an_entry_that_is_new_misses_nothing() -> None:
    assert [source.gaps for source in heard(source_set(Advisories(urls=[URL])))] == [0]


def test_an_entry_that_did_not_change_goes_on() -> None:
    first = source_set(Advisories(urls=[URL]))
    assert heard(source_set(Advisories(urls=[URL]), before=first)) == heard(first)


@pytest.mark.parametrize(
    "changed",
    [
        Advisories(urls=[URL], hot=["naks"]),
        Advisories(urls=[URL, "nats://127.0.0.2:4222"]),
        Advisories(urls=[URL], username="u", password_env="P"),
        Advisories(urls=[URL], stream="EVENTS"),
    ],
    ids=["events", "server", "login", "stream"],
)
def test_an_entry_that_changes_counts_a_gap(changed: Advisories) -> None:
    second = source_set(changed, before=source_set(Advisories(urls=[URL])))
    assert [source.gaps for source in heard(second)] == [1]
    third = source_set(Advisories(urls=[URL]), before=second)
    assert [source.gaps for source in heard(third)] == [2], "a counter does not fall"


def test_a_stream_that_keeps_the_events_makes_no_gap_of_a_change() -> None:
    first = source_set(Advisories(urls=[URL], stream="EVENTS"))
    second = source_set(Advisories(urls=[URL], stream="EVENTS", hot=["naks"]), before=first)
    assert [source.gaps for source in heard(second)] == [0]


def test_what_was_heard_and_not_added_up_yet_is_not_lost_and_not_counted_twice() -> None:
    first = source_set(Advisories(urls=[URL]))
    event = Advisory(type="io.nats.jetstream.advisory.v1.nak", id="1", stream="S", consumer="c")
    assert heard(first)[0].counter.add(event, "A", 3)
    (source,) = heard(source_set(Advisories(urls=[URL], hot=["naks"]), before=first))
    assert not source.counter.add(event, "A", 3)
    assert source.counter.take().objects.keys() == {("A", "S", "c")}


def test_another_clusters_connections_have_no_part_in_it() -> None:
    first = source_set(Advisories(urls=[URL]), name="one")
    second = source_set(Advisories(urls=[URL], hot=["naks"]), before=first, name="two")
    assert [source.gaps for source in heard(second)] == [0]
    assert heard(second)[0].counter is not heard(first)[0].counter


def test_clusters_without_a_name_are_told_apart_by_their_addresses() -> None:
    other = "nats://127.0.0.2:4222"
    kept, gone = (Cluster(advisories=[Advisories(urls=[url])]) for url in (URL, other))
    first = SourceSet(SystemLookup(), Purpose.EVERYTHING).rebuilt([kept, gone], Collect())
    changed = Cluster(advisories=[Advisories(urls=[other], hot=["naks"])])
    stranger = Cluster(advisories=[Advisories(urls=["nats://127.0.0.3:4222"])])
    second = heard(first.rebuilt([kept, changed, stranger], Collect()))
    assert second[0] is heard(first)[0]
    assert [source.gaps for source in second] == [0, 1, 0]
    assert second[1].counter is heard(first)[1].counter
    assert len({id(source.counter) for source in second}) == 3


def test_a_login_that_changes_while_sources_are_built_is_read_by_the_next_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("before")
    build = module.build_sources

    def changing(*arguments: Any, **settings: Any) -> Sequence[Source]:
        file.write_text("changed meanwhile")
        return build(*arguments, **settings)

    monkeypatch.setattr(module, "build_sources", changing)
    entry = Advisories(urls=[URL], username="u", password_file=str(file))
    first = source_set(entry)
    assert heard(source_set(entry, before=first)) != heard(first)
