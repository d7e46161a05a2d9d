"""Images, sizes and configurations are read as Kubernetes and nats-server read them, whatever stands there."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import manifests as example

from jetstream_exporter.audit import kubernetes
from jetstream_exporter.audit.finding import judge
from jetstream_exporter.audit.manifests import Manifest, split_image, workloads
from jetstream_exporter.audit.natsconf import NatsConf, quantity, size


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nats", ("nats", "")),
        ("nats:2.15", ("nats", "2.15")),
        ("host:5000/nats", ("host:5000/nats", "")),
        ("host:5000/nats:2.15@sha256:ab", ("host:5000/nats", "@sha256:ab")),
    ],
)
def test_an_image_is_taken_apart(image: str, expected: tuple[str, str]) -> None:
    assert split_image(image) == expected


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("1G", 10**9),
        ("1GB", 2**30),
        ("1Gi", 2**30),
        ("1GiB", 2**30),
        ("512m", 512 * 10**6),
        ("7", 7),
        ("many", None),
    ],
)
def test_sizes_are_read_as_nats_server_reads_them(text: str, bytes_: int | None) -> None:
    assert size(text) == bytes_


@pytest.mark.parametrize(
    ("text", "bytes_"), [("10Gi", 10 * 2**30), ("10G", 10**10), ("1.5Ti", 3 * 2**39), ("x", None)]
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, bytes_: int | None) -> None:
    assert quantity(text) == bytes_


def test_a_configuration_is_read_in_either_notation_and_without_its_comments() -> None:
    plain = NatsConf(
        "# max_file_store: 1G\njetstream {\n max_file_store = 2G // old\n}\nlame_duck_duration: 1m30s"
    )
    json = NatsConf('{"jetstream": {"max_file_store": 2G, "store_dir": "/data"}}')

    accounts = NatsConf("accounts {A: {jetstream: {max_file: 1G}}}\njetstream {max_file_store: 2G}")

    assert accounts.value("max_file_store") == "2G"
    assert plain.value("max_file_store") == json.value("max_file_store") == "2G"
    assert plain.duration("lame_duck_duration") == 90
    assert json.value("store_dir") == "/data"
    assert plain.has("jetstream")
    assert json.has("jetstream")
    assert not NatsConf("port: 4222").has("jetstream")


EXAMPLE = example.objects()
ODD: list[Any] = [
    None,
    0,
    -1,
    10**30,
    1.5,
    True,
    "",
    "x",
    "$A",
    [],
    ["x"],
    [None],
    {},
    {"x": 1},
    {1: {}},
]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    below = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, part in below:
        yield (*at, key)
        yield from places(part, (*at, key))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(place=st.sampled_from(list(places(EXAMPLE))), odd=st.sampled_from(ODD))
def test_nothing_that_stands_where_it_should_not_ends_the_audit(
    place: tuple[Any, ...], odd: Any
) -> None:
    objects = deepcopy(EXAMPLE)
    inside: Any = objects
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = odd

    objects = [each for each in objects if isinstance(each, dict)]
    for found in judge(kubernetes.CHECKS, workloads([Manifest("here.yaml", o) for o in objects])):
        assert found.object.partition(" ")[0] in ("StatefulSet", "Deployment", "DaemonSet")
