"""Files and variables that a configuration names: whoever reads one, the same mistake costs the same sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jetstream_exporter.audit.documents import ManifestError, read
from jetstream_exporter.config import ConfigError, load
from jetstream_exporter.config.errors import below
from jetstream_exporter.config.http_login import read_http_login
from jetstream_exporter.config.login import read_login
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.schema import Http
from jetstream_exporter.config.secrets import LARGEST, LARGEST_DOCUMENT
from jetstream_exporter.web.config import load_web_config

URLS = ["nats://n:4222"]
Prepare = Callable[[Path], None]

# What is wrong with a file: how it is made, the sentence about a secret, and the sentence about a document.
FAULTS: dict[str, tuple[Prepare, str, str]] = {
    "missing": (
        lambda file: None,
        "cannot be read: No such file or directory",
        "cannot be read: No such file or directory",
    ),
    "a folder": (
        lambda file: file.mkdir(),
        "cannot be read: Is a directory",
        "cannot be read: Is a directory",
    ),
    "not UTF-8": (
        lambda file: file.write_bytes(b"a\nhunter2\xff") and None,
        "is not UTF-8 text (line 2)",
        "is not UTF-8 text (line 2)",
    ),
    "too large": (
        lambda file: file.write_bytes(b"#" * (LARGEST_DOCUMENT + 1)) and None,
        f"is larger than {LARGEST >> 20} MiB",
        f"is larger than {LARGEST_DOCUMENT >> 20} MiB",
    ),
    "empty": (lambda file: file.write_bytes(b"\n") and None, "is empty", ""),
}


def context(file: Path, **fields: str) -> Nats:
    place = file.parent / "context.json"
    place.write_text(json.dumps(fields | {"url": URLS[0]}))
    return Nats(context=str(place))


def of_context(file: Path) -> str:
    return f"here: context {file.parent / 'context.json'}"


# Who reads a secret: how, and what its sentence begins with.
SECRETS: dict[str, tuple[Callable[[str], object], str]] = {
    "the password of an HTTP proxy": (
        lambda file: read_http_login(Http(username="u", password_file=file), below("here")),
        "here.password_file: {file}",
    ),
    "a password of NATS": (
        lambda file: read_login(Nats(urls=URLS, username="u", password_file=file), below("here")),
        "here.password_file: {file}",
    ),
    "a token": (
        lambda file: read_login(Nats(urls=URLS, token_file=file), below("here")),
        "here.token_file: {file}",
    ),
    "a credentials file": (
        lambda file: read_login(Nats(urls=URLS, credentials_file=file), below("here")),
        "here.credentials_file: {file}",
    ),
    "a seed": (
        lambda file: read_login(Nats(urls=URLS, nkey_seed_file=file), below("here")),
        "here.nkey_seed_file: {file}",
    ),
    "a secret of a context": (
        lambda file: read_login(context(Path(file), token=f"file://{file}"), below("here")),
        "{context}: token: {file}",
    ),
    "the credentials of a context": (
        lambda file: read_login(context(Path(file), creds=file), below("here")),
        "here: the context's creds: {file}",
    ),
}
# Who reads a certificate or a key, which may hold bytes of any kind.
CERTIFICATES: dict[str, tuple[Callable[[str], object], str]] = {
    "an authority over HTTP": (
        lambda file: read_http_login(Http(ca_file=file), below("here")),
        "here.ca_file: {file}",
    ),
    "a key over HTTP": (
        lambda file: read_http_login(Http(cert_file=__file__, key_file=file), below("here")),
        "here.key_file: {file}",
    ),
    "an authority of NATS": (
        lambda file: read_login(Nats(urls=URLS, ca_file=file), below("here")),
        "here.ca_file: {file}",
    ),
    "an authority of a context": (
        lambda file: read_login(context(Path(file), ca=file), below("here")),
        "here: the context's ca: {file}",
    ),
    "the exporter's own key": (
        lambda file: load_web_config(str(web_config(Path(file)))),
        "{web}:1: tls_server_config.key_file: {file}",
    ),
}
DOCUMENTS: dict[str, tuple[Callable[[str], object], type[Exception]]] = {
    "the configuration": (load, ConfigError),
    "the web configuration": (load_web_config, ConfigError),
    "a manifest": (lambda file: list(read([file])), ManifestError),
}


def web_config(file: Path) -> Path:
    place = file.parent / "web.yaml"
    place.write_text(f"tls_server_config: {{cert_file: {__file__}, key_file: {file}}}")
    return place


def sentence(read_it: Callable[[str], object], file: Path, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        read_it(str(file))
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("reader", SECRETS)
def test_a_secret_that_cannot_be_used_is_named(reader: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "app.secret"
    prepare, what, _ = FAULTS[fault]
    prepare(file)
    read_it, begins = SECRETS[reader]

    said = sentence(read_it, file, ConfigError)

    assert f"{begins.format(file=file, context=of_context(file))} {what}" == said


@pytest.mark.parametrize("fault", ["missing", "a folder", "too large", "empty"])
@pytest.mark.parametrize("reader", CERTIFICATES)
def test_a_certificate_that_cannot_be_used_is_named(
    reader: str, fault: str, tmp_path: Path
) -> None:
    file = tmp_path / "tls.pem"
    prepare, what, _ = FAULTS[fault]
    prepare(file)
    if fault == "empty":
        file.write_bytes(b"")
    read_it, begins = CERTIFICATES[reader]

    said = sentence(read_it, file, ConfigError)

    assert f"{begins.format(file=file, web=tmp_path / 'web.yaml')} {what}" == said


@pytest.mark.parametrize("fault", ["a folder", "not UTF-8", "too large"])
@pytest.mark.parametrize("reader", DOCUMENTS)
def test_a_document_that_cannot_be_read_is_named(reader: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    if reader == "a manifest" and fault == "a folder":
        file = tmp_path / "b.yaml"
        file.symlink_to(tmp_path / "nowhere")
    prepare, _, what = FAULTS[fault]
    read_it, kind = DOCUMENTS[reader]
    if not file.is_symlink():
        prepare(file)
    else:
        what = "cannot be read: No such file or directory"
        read_it = lambda file: list(read([str(Path(file).parent)]))  # noqa: E731

    assert f"{file}: {what}" == sentence(read_it, file, kind)


@pytest.mark.parametrize(
    ("read_it", "begins"),
    [
        (
            lambda name: read_http_login(Http(username="u", password_env=name), below("here")),
            "here.password_env",
        ),
        (
            lambda name: read_login(
                Nats(urls=URLS, username="u", password_env=name), below("here")
            ),
            "here.password_env",
        ),
        (
            lambda name: read_login(Nats(urls=URLS, token_env=name), below("here")),
            "here.token_env",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    read_it: Callable[[str], object], begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NATS_SECRET", raising=False)
    said = sentence(read_it, Path("NATS_SECRET"), ConfigError)
    assert said == f"{begins}: the environment variable NATS_SECRET is not set"

    monkeypatch.setenv("NATS_SECRET", "")
    said = sentence(read_it, Path("NATS_SECRET"), ConfigError)
    assert said == f"{begins}: the environment variable NATS_SECRET is empty"

    said = sentence(read_it, Path("hunter2"), ConfigError)
    assert said == f"{begins}: the environment variable is not set"


def test_a_seed_in_place_of_a_variables_name_is_not_repeated() -> None:
    seed = "SUAM" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + "ABCDEFGHIJKLMNOPQRSTUV"
    with pytest.raises(ConfigError) as caught:
        read_login(Nats(urls=URLS, token_env=seed), below("here"))
    assert seed not in str(caught.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("secret", ["hunter2", " hunter2 "])
def test_a_line_end_is_no_part_of_a_secret_and_a_space_is(
    secret: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(f"{secret}{end}".encode())
    monkeypatch.setenv("NATS_SECRET", secret)

    token = read_login(Nats(urls=URLS, token_file=str(file)), below("here")).options["token"]
    of_context = read_login(context(file, token=f"file://{file}"), below("here")).options["token"]
    http = read_http_login(Http(username="u", password_file=str(file)), below("here"))
    variable = read_http_login(Http(username="u", password_env="NATS_SECRET"), below("here"))

    assert token == of_context == secret
    assert http.headers == variable.headers
