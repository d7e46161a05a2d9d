"""How NATS is logged in to: secrets from files and names only, and every mistake in one sentence."""

import json
from pathlib import Path

import nkeys
import pytest
import trustme

from jetstream_exporter.config import ConfigError, parse
from jetstream_exporter.config.errors import below
from jetstream_exporter.config.login import read_login
from jetstream_exporter.config.nats import Nats

URLS = ["nats://n:4222"]
SEED = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER).decode()

CREDS = f"""\
-----BEGIN NATS USER JWT-----
header.claims.signature
------END NATS USER JWT------
-----BEGIN USER NKEY SEED-----
{SEED}
------END USER NKEY SEED------
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seed").write_text(f"# a user\n{SEED}\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "jwt").write_text("header.claims.signature\n")
    (tmp_path / "user.creds").write_text(CREDS)
    (tmp_path / "nats" / "context").mkdir(parents=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("n").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "n.pem"))
    return tmp_path


def context(folder: Path, **fields: object) -> Nats:
    (folder / "nats" / "context" / "prod.json").write_text(json.dumps(fields))
    return Nats(context="prod")


def test_each_login_becomes_the_clients_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_TOKEN", "t0ken")
    logins = {
        "password": Nats(urls=URLS, username="u", password_file="secret"),
        "token": Nats(urls=URLS, token_env="NATS_TOKEN"),
        "nkey": Nats(urls=URLS, nkey_seed_file="seed"),
        "creds": Nats(urls=URLS, credentials_file="user.creds"),
        "nobody": Nats(urls=URLS),
    }
    found = {name: read_login(nats, below("x")).options for name, nats in logins.items()}
    assert found == {
        "password": {"user": "u", "password": "hunter2"},
        "token": {"token": "t0ken"},
        "nkey": {"nkeys_seed_str": SEED},
        "creds": {"user_credentials": "user.creds"},
        "nobody": {},
    }


def test_a_jwt_goes_with_a_signature_of_its_seed(folder: Path) -> None:
    options = read_login(Nats(urls=URLS, jwt_file="jwt", nkey_seed_file="seed"), below("x")).options
    assert options["user_jwt_cb"]() == b"header.claims.signature"
    assert len(options["signature_cb"]("nonce")) == 88


def test_tls_is_set_up_as_configured(folder: Path) -> None:
    nats = Nats(
        urls=["tls://n"],
        ca_file="ca.pem",
        cert_file="n.pem",
        key_file="n.pem",
        tls_first=True,
        server_name="other",
        inbox_prefix="_INBOX_mon",
    )
    options = read_login(nats, below("x")).options
    assert options.pop("tls").get_ca_certs()
    assert options == {
        "tls_handshake_first": True,
        "tls_hostname": "other",
        "inbox_prefix": "_INBOX_mon",
    }


def test_a_context_of_the_nats_program_is_read(folder: Path) -> None:
    nats = context(
        folder,
        url="nats://a:4222,b:4222",
        user="u",
        password="p",
        jetstream_domain="hub",
        inbox_prefix="_I",
        color_scheme="",
    )
    login = read_login(nats, below("x"))
    assert login.urls == ["nats://a:4222", "nats://b:4222"]  # its second one had no scheme
    assert login.options == {"user": "u", "password": "p", "inbox_prefix": "_I"}
    assert login.domain == "hub"
    (folder / "nats" / "context" / "prod.json").rename(folder / "mine.json")
    assert read_login(Nats(context=str(folder / "mine.json")), below("x")).domain == "hub"


def test_a_context_means_what_the_program_takes_it_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PLACE", str(folder))
    monkeypatch.setenv("NATS_TOKEN", "t0ken")
    (folder / "a.creds").write_text(CREDS)
    options = {
        "~/a.creds": {"creds": "~/a.creds"},
        "$PLACE/a.creds": {"creds": "$PLACE/a.creds"},
        "file://": {"creds": f"file://{folder}/a.creds"},
    }
    for name, fields in options.items():
        login = read_login(context(folder, **fields), below("x"))
        assert login.options == {"user_credentials": f"{folder}/a.creds"}, name
        assert login.urls == ["nats://127.0.0.1:4222"]
    both = context(
        folder, url="n:4222", user="u", password="p", token="env://NATS_TOKEN", creds="c"
    )
    assert read_login(both, below("x")).urls == ["nats://n:4222"]
    assert read_login(both, below("x")).options == {"user": "u", "password": "p", "token": "t0ken"}
    stored = context(folder, user="u", password=f"file://{folder}/secret")
    assert read_login(stored, below("x")).options == {"user": "u", "password": "hunter2"}
    bearer = read_login(context(folder, user_jwt="header.claims.signature"), below("x")).options
    assert bearer["user_jwt_cb"]() == b"header.claims.signature"
    assert bearer["signature_cb"]("nonce") == b""


def test_an_address_alone_is_a_url_as_for_every_client(folder: Path) -> None:
    urls = ["localhost:4222", "nats", "tls://n"]
    assert read_login(Nats(urls=urls), below("x")).urls == [
        "nats://localhost:4222",
        "nats://nats",
        "tls://n",
    ]


def test_what_is_configured_beats_the_context(folder: Path) -> None:
    nats = context(folder, url="nats://a:4222", token="t")
    own = Nats(context="prod", urls=URLS, username="u", password_file="secret")
    assert read_login(own, below("x")).options == {"user": "u", "password": "hunter2"}
    assert read_login(own, below("x")).urls == URLS
    assert read_login(nats, below("x")).options == {"token": "t"}


MISTAKES = {
    "no url": (Nats(username="u"), ": has no URL; set one such as nats://nats:4222"),
    "no NATS url": (
        Nats(urls=["nats://n", "http://n"]),
        ".urls[1]: 'http://n' is not a URL like nats://nats:4222",
    ),
    "secret in a url": (
        Nats(urls=["nats://u:hunter2@n"]),
        ".urls[0]: a URL must not contain a username or a password; use username and password_file",
    ),
    "secret in an address": (
        Nats(urls=["u:hunter2@n"]),
        ".urls[0]: a URL must not contain a username or a password; use username and password_file",
    ),
    "secret in no url": (
        Nats(urls=["nats:/u:hunter2@n"]),
        ".urls[0]: this is not a URL like nats://nats:4222",
    ),
    "secret behind a slash": (
        Nats(urls=["nats://u/hunter2@n"]),
        ".urls[0]: this is not a URL like nats://nats:4222",
    ),
    "two logins": (
        Nats(urls=URLS, username="u", credentials_file="secret"),
        ": credentials_file and username are mutually exclusive; use one login",
    ),
    "two passwords": (
        Nats(urls=URLS, username="u", password_file="secret", password_env="HOME"),
        ": password_file and password_env are mutually exclusive",
    ),
    "a password for nobody": (
        Nats(urls=URLS, password_file="secret"),
        ": a password requires a username",
    ),
    "a jwt alone": (Nats(urls=URLS, jwt_file="jwt"), ": jwt_file requires nkey_seed_file"),
    "no file": (
        Nats(urls=URLS, credentials_file="absent"),
        ".credentials_file: absent cannot be read: No such file or directory",
    ),
    "no variable": (
        Nats(urls=URLS, token_env="NOT_SET_ANYWHERE"),
        ".token_env: the environment variable NOT_SET_ANYWHERE is not set",
    ),
    "nothing in a file": (
        Nats(urls=URLS, username="u", password_file="empty"),
        ".password_file: empty is empty",
    ),
    "no credentials": (
        Nats(urls=URLS, credentials_file="secret"),
        ".credentials_file: secret contains no JWT and seed as written by `nsc generate creds`",
    ),
    "no seed": (
        Nats(urls=URLS, nkey_seed_file="secret"),
        ".nkey_seed_file: secret contains no nkey seed; the seed of a user begins with SU",
    ),
    "half a certificate": (
        Nats(urls=URLS, cert_file="n.pem"),
        ": cert_file and key_file must be set together",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(mistake: str, folder: Path) -> None:
    nats, sentence = MISTAKES[mistake]
    with pytest.raises(ConfigError) as caught:
        read_login(nats, below("here"))
    assert str(caught.value) == f"here{sentence}"
    assert "hunter2" not in str(caught.value)


def test_what_a_context_cannot_do_here_is_said(folder: Path) -> None:
    with pytest.raises(ConfigError, match="nsc generate creds"):
        read_login(context(folder, url="nats://a", nsc="nsc://op/acc/user"), below("x"))
    with pytest.raises(ConfigError, match="nsc generate creds"):
        read_login(context(folder, url="nats://a", creds="nsc://op/acc/user"), below("x"))
    with pytest.raises(ConfigError, match="variable NOT_SET_ANYWHERE is not set"):
        read_login(context(folder, url="nats://a", token="env://NOT_SET_ANYWHERE"), below("x"))
    with pytest.raises(ConfigError, match="SOCKS proxies"):
        read_login(context(folder, url="nats://a", socks_proxy="socks5://p"), below("x"))
    with pytest.raises(ConfigError, match=r"x: context absent: .* cannot be read"):
        read_login(Nats(context="absent"), below("x"))


def test_a_wrong_connection_is_told_with_its_line_and_files_are_beside_the_file(
    folder: Path,
) -> None:
    text = (
        "clusters:\n  - name: c\n    system:\n      urls: [nats://n]\n      token_file: ./absent\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse(text, "exporter.yaml")
    assert str(caught.value) == (
        "exporter.yaml:5: clusters[0].system.token_file: absent cannot be read: "
        "No such file or directory"
    )
    (folder / "sub").mkdir()
    (folder / "sub" / "absent").write_text("t")
    assert parse(text, "sub/exporter.yaml").clusters[0].system.token_file == "sub/absent"
