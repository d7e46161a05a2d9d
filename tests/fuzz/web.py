"""What can be said to the exporter's own pages and files: addresses, logins, the web configuration."""

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from yarl import URL

from jetstream_exporter.app import App
from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.load import check_target, with_port
from jetstream_exporter.config.seed import credentials, credentials_fault, find_seed, seed_fault
from jetstream_exporter.config.urls import CLIENT, check_url
from jetstream_exporter.config.values import Pattern
from jetstream_exporter.web.auth import _read
from jetstream_exporter.web.config import load_web_config

ANY = Pattern(".*")
ANY.regex = re.compile(".*")


def addresses(data: bytes) -> None:
    """A target of /probe, or an address of the configuration. What is allowed is asked, and nothing beside it."""
    text = data.decode("utf-8", "replace")
    try:
        check_url(text, CLIENT, "place", login_allowed=True)
    except ConfigError as error:
        _check(error)
    try:
        check_target(text, "target")
        asked = with_port(text)
    except ConfigError as error:
        _check(error)
        return
    if App._allows(ANY, text):
        url = URL(asked)
        assert with_port(asked) == asked
        assert url.host
        assert (url.user, url.password, url.query_string, url.fragment) == (None, None, "", "")
        assert url.path.strip("/") == ""


def logins(data: bytes) -> None:
    """A header with a login, or a file with credentials."""
    header, text = data.decode("latin-1"), data.decode("utf-8", "replace")
    _read(header)
    _read(f"Basic {header}")
    credentials_fault(text)
    credentials(text)
    seed_fault(find_seed(text))


def web_configuration(data: bytes) -> None:
    """The file of --web.config.file; it names its certificate in the folder it is in, where there is none."""
    with TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        file = Path(folder) / "web.yaml"
        file.write_bytes(data)
        try:
            load_web_config(str(file))
        except ConfigError as error:
            _check(error, str(file))


def _check(error: ConfigError, place: str = "") -> None:
    """One line that begins with the place."""
    assert str(error).startswith(place)
    assert "\n" not in str(error)
