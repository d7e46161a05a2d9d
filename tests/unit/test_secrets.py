"""No sentence repeats a secret, wherever it was put; and a seed that cannot be used is named at the start."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import nkeys
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from tests.support.examples import examples

from jetstream_exporter.config import ConfigError, parse
from jetstream_exporter.config.errors import below
from jetstream_exporter.config.login import read_login
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.redaction import NOT_SHOWN, file_name, without_secrets
from jetstream_exporter.config.seed import credentials, seed_fault

URLS = ["nats://n:4222"]
USER = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER).decode()
ACCOUNT = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_ACCOUNT).decode()
PUBLIC = nkeys.from_seed(USER.encode()).public_key.decode()
FAULTS = {
    "empty": ("", "contains no nkey seed; the seed of a user begins with SU"),
    "cut": (USER[:-1], "contains a seed that is too short: it has 57 characters instead of 58"),
    "cut in half": (
        USER[:20],
        "contains a seed that is too short: it has 20 characters instead of 58",
    ),
    "too long": (
        USER + "A",
        "contains a seed that is too long: it has 59 characters instead of 58",
    ),
    "not base32": (
        USER[:10] + "1" + USER[11:],
        "contains a seed that is not base32 (A to Z and 2 to 7)",
    ),
    "in small letters": (
        "SU" + USER[2:].lower(),
        "contains a seed that is not base32 (A to Z and 2 to 7)",
    ),
    "a public key": (
        PUBLIC,
        "contains a public key instead of a seed; the seed of a user begins with SU",
    ),
    "of an account": (
        ACCOUNT,
        "contains the seed of an account instead of a user; the seed of a user begins with SU",
    ),
    "not ASCII": (f"{USER[:-1]}é", "contains a seed with a character that is not ASCII"),
    "changed": (
        USER[:20] + ("A" if USER[20] != "A" else "B") + USER[21:],
        "contains a seed with a wrong checksum; at least one character is wrong",
    ),
    "something else": ("hunter2", "contains no nkey seed; the seed of a user begins with SU"),
}


def creds(seed: str, jwt: str = "header.claims.signature") -> str:
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def error(nats: Nats) -> str:
    with pytest.raises(ConfigError) as caught:
        read_login(nats, below("here"))
    return str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seed_that_cannot_be_used_is_named_at_the_start_with_its_file(
    fault: str, tmp_path: Path
) -> None:
    seed, sentence = FAULTS[fault]
    assert seed_fault(seed) == sentence
    file = tmp_path / "app.creds"
    file.write_text(creds(seed), encoding="utf-8")
    said = error(Nats(urls=URLS, credentials_file=str(file)))
    assert said == f"here.credentials_file: {file} {sentence}"
    file.write_text(seed, encoding="utf-8")
    said = error(Nats(urls=URLS, nkey_seed_file=str(file)))
    assert said == f"here.nkey_seed_file: {file} {sentence if seed else 'is empty'}"
    (tmp_path / "c.json").write_text(json.dumps({"user_jwt": "a.b.c", "user_seed": seed}))
    if seed:  # without a seed it is a bearer token
        said = error(Nats(context=str(tmp_path / "c.json")))
        assert said == f"here: the context's user_seed: {sentence}"


def test_a_seed_that_can_be_used_has_no_fault() -> None:
    assert seed_fault(USER) is None


@given(st.binary(min_size=32, max_size=32))
def test_every_seed_that_the_library_makes_is_right_and_none_that_was_cut(raw: bytes) -> None:
    seed = nkeys.encode_seed(raw, nkeys.PREFIX_BYTE_USER).decode()
    assert seed_fault(seed) is None
    assert all(seed_fault(seed[:length]) for length in range(len(seed)))


def test_a_jwt_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "app.creds"
    file.write_text(creds(USER, jwt=""))
    said = error(Nats(urls=URLS, credentials_file=str(file)))
    assert said == f"here.credentials_file: {file} contains no JWT between its BEGIN and END lines"
    file.write_text("no token")
    (tmp_path / "seed.nk").write_text(USER)
    nats = Nats(urls=URLS, jwt_file=str(file), nkey_seed_file=str(tmp_path / "seed.nk"))
    assert error(nats) == f"here.jwt_file: {file} contains no JWT"


def test_credentials_are_read_as_the_tools_write_them() -> None:
    assert credentials(creds(USER)) == ("header.claims.signature", USER)
    assert credentials("-----BEGIN NATS USER JWT-----\n") is None
    assert credentials("") is None


# Where an operator may put a secret itself instead of its file, by key of a connection.
FILES = (
    "credentials_file",
    "jwt_file",
    "nkey_seed_file",
    "password_file",
    "token_file",
    "ca_file",
    "cert_file",
    "key_file",
)
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIH5k\n-----END PRIVATE KEY-----\n"
SECRETS = st.one_of(
    st.text(string.ascii_letters + string.digits + "+/=", min_size=24, max_size=60),
    st.text(string.ascii_letters + "0123456789/+=!$%&", min_size=12, max_size=30).map(
        lambda text: f"q/{text}#7Zq"
    ),
    st.just(USER),
    st.just(PEM),
)


def texts(attempt: Callable[[], object]) -> str:
    """What is said, if anything; nothing but a ConfigError may come."""
    try:
        attempt()
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("key", FILES)
@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS)
@example(secret=USER)
@example(secret=PEM)
@example(secret="a+b/c=")
@example(secret="s3cr3t/hunter2")
def test_a_secret_in_place_of_its_file_is_not_repeated(key: str, secret: str) -> None:
    quoted = json.dumps(secret)
    beside = ', "username": "u"' if key == "password_file" else ""
    for place in ("system", "http"):
        if place == "http" and key in ("credentials_file", "jwt_file", "nkey_seed_file"):
            continue
        urls = '"urls": ["nats://n"], ' if place == "system" else ""
        cluster = (
            f'{{"targets": ["http://a:8222"], "{place}": {{{urls}"{key}": {quoted}{beside}}}}}'
        )
        said = texts(lambda text=cluster: parse(f'{{"clusters": [{text}]}}', "exporter.yaml"))
        assert secret.strip() not in said
        assert all(line not in said for line in secret.split("\n") if len(line) > 5)


@pytest.mark.parametrize("field", ["creds", "nkey", "ca", "cert", "user_seed", "url"])
@pytest.mark.parametrize(
    "secret", [USER, "hunter2", "s3cr3t/hunter2", "a+b/c=", PEM, "file://hunter2", "env://hunter2"]
)
def test_a_secret_in_a_field_of_a_context_is_not_repeated(
    field: str, secret: str, tmp_path: Path
) -> None:
    fields = {field: secret, "user_jwt": "a.b.c"} if field == "user_seed" else {field: secret}
    fields |= {"key": "k.pem"} if field == "cert" else {}
    if field == "url":
        fields = {"url": f"nats://u:{secret}@n:42222222"}
    (tmp_path / "c.json").write_text(json.dumps(fields))
    said = texts(lambda: read_login(Nats(context=str(tmp_path / "c.json")), below("x")))
    assert "hunter2" not in said
    assert secret not in said


@pytest.mark.parametrize(
    "name",
    [
        "/etc/nats/app.creds",
        "./secrets/app.creds",
        "/no/such/folder/creds",
        "seed.nk",
        "/var/run/secrets/nats/token",
        "absent",
    ],
)
def test_the_name_of_a_file_is_repeated(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize("name", [USER, PEM, "a+b/c=", "s3cr3t/hunter2", "Zm9vYmFyMTIz", "a:b"])
def test_what_may_be_a_secret_is_not(name: str) -> None:
    assert file_name(name) == NOT_SHOWN


@given(secret=st.text(min_size=4, max_size=40), user=st.text(string.ascii_letters, min_size=1))
@example(secret="pass@word", user="u")
@example(secret="a/bc", user="u")
def test_a_text_loses_the_users_of_urls_and_known_secrets(secret: str, user: str) -> None:
    text = f"cannot connect to nats://{user}:{quote(secret, safe='')}@[::1]:4222, said {secret!r}"
    cleaned = without_secrets(text, [secret])
    assert secret not in cleaned.replace("cannot connect to", "").replace(
        "[::1]:4222, said", ""
    ) or (secret in "nats://…@")
    assert f"{user}:" not in cleaned.replace("nats:", "")
