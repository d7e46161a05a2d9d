"""The file of `--web.config.file`."""

from pathlib import Path

import pytest
from tests.support.web_login import HASH

from jetstream_exporter.config import ConfigError
from jetstream_exporter.web.config import load_web_config


class TestFile:
    """The file of `--web.config.file`."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "web.yaml"

    def test_none_means_open(self) -> None:
        assert load_web_config("").basic_auth_users == {}

    def test_hashes_of_every_kind_are_taken(self, file: Path) -> None:
        lines = "".join(f"  {kind}: '{HASH.replace('$2b$', f'$2{kind}$')}'\n" for kind in "aby")
        file.write_text(f"basic_auth_users:\n{lines}")
        assert list(load_web_config(str(file)).basic_auth_users) == ["a", "b", "y"]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (
                "basic_auth: {}",
                "1: basic_auth: unknown key; allowed here: tls_server_config, http_server_config, basic_auth_users, "
                "rate_limit; did you mean basic_auth_users?",
            ),
            (
                f"basic_auth_users: {{'prometheus:hunter2': '{HASH}'}}",
                "1: basic_auth_users: a username cannot be empty or contain a colon",
            ),
            (
                "basic_auth_users:\n  prometheus: hunter2",
                "2: basic_auth_users.prometheus: is not a bcrypt hash; make one with `htpasswd -nBC "
                "10 USER`",
            ),
            (
                f"basic_auth_users: {{prometheus: '{HASH.replace('$04$', '$31$')}'}}",
                "1: basic_auth_users.prometheus: has a cost of 31; allowed are 4 to 15",
            ),
            (
                "basic_auth_users: {a: 3}",
                "1: basic_auth_users: expected a string, got a whole number",
            ),
            ("basic_auth_users: [a]", "1: basic_auth_users: expected a mapping, got a list"),
            (
                "tls_server_config: yes",
                "1: tls_server_config: expected a mapping, got true or false",
            ),
            (
                "tls_server_config:\n  cert: a",
                "2: tls_server_config.cert: must not be in this file; write it to a "
                "separate file and set cert_file",
            ),
            ("tls_server_config: {cert_file: a}", "1: tls_server_config: key_file is missing"),
            (
                "# none\ntls_server_config:\nbasic_auth_users: {}",
                "2: tls_server_config: is empty; set cert_file and key_file",
            ),
            (
                "? tls_server_config\n: \n",
                "1: tls_server_config: is empty; set cert_file and key_file",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}",
                "1: tls_server_config.min_version: unknown value 'TLS10'; allowed here: TLS12, "
                "TLS13",
            ),
            (
                "tls_server_config: {cert_file: /nowhere/a, key_file: /nowhere/b}",
                "1: tls_server_config.cert_file: /nowhere/a cannot be read: No such file or directory",
            ),
            (
                f"tls_server_config: {{cert_file: '{__file__}', key_file: '{__file__}'}}",
                "1: tls_server_config: its files cannot be loaded: not PEM, or not a certificate and "
                "its key",
            ),
            (
                "tls_server_config: {key: '-----BEGIN PRIVATE KEY-----hunter2'}",
                "1: tls_server_config.key: must not be in this file; "
                "write it to a separate file and set key_file",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}",
                "1: tls_server_config.client_ca_file: does not request client certificates by itself; set "
                "client_auth_type: RequireAndVerifyClientCert too",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_ca: c}",
                "1: tls_server_config.client_ca: does not request client certificates by itself; set "
                "client_auth_type: RequireAndVerifyClientCert too",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_allowed_sans: [c], "
                "client_auth_type: NoClientCert}",
                "1: tls_server_config.client_allowed_sans: does not request client certificates by "
                "itself; set client_auth_type: RequireAndVerifyClientCert too",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_ca: c, client_ca_file: d}",
                "1: tls_server_config.client_ca: and client_ca_file are mutually exclusive; set one of them",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: "
                "TLS12}",
                "1: tls_server_config.max_version: is below min_version (TLS13)",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, max_version: TLS11}",
                "1: tls_server_config.max_version: unknown value 'TLS11'; allowed here: TLS12, "
                "TLS13",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, cipher_suites: "
                "[TLS_AES_128_GCM_SHA256]}",
                "1: tls_server_config.cipher_suites[0]: TLS_AES_128_GCM_SHA256 is a suite of "
                "TLS 1.3, which are always enabled; list suites of TLS 1.2 only",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, curve_preferences: [X25519, "
                "CurveP256]}",
                "1: tls_server_config.curve_preferences: Python's TLS supports a single "
                "curve; list one or remove the key",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, curve_preferences: [P256]}",
                "1: tls_server_config.curve_preferences[0]: unknown curve 'P256'; allowed here: "
                "CurveP256, CurveP384, CurveP521, X25519",
            ),
            (
                "http_server_config: {http2: true}",
                "1: http_server_config.http2: HTTP/2 is not supported; remove the key or set it to "
                "false",
            ),
            (
                "http_server_config: {headers: {X-Frame: DENY}}",
                "1: http_server_config.headers.X-Frame: unknown header; allowed here: "
                "Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, "
                "X-Frame-Options, X-XSS-Protection",
            ),
            (
                'http_server_config: {headers: {X-Frame-Options: "a\\r\\nb"}}',
                "1: http_server_config.headers.X-Frame-Options: is not the value of a header",
            ),
            (
                "rate_limit: {interval: 1}",
                "1: rate_limit.interval: 1 is not a duration; write it like 30s, 5m or 1h30m",
            ),
            (
                "rate_limit: {burst: 0}",
                "1: rate_limit.burst: expected a whole number >= 1",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: "
                "RequireAndVerifyClientCert}",
                "1: tls_server_config.client_auth_type: requires client_ca_file",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: "
                "RequireAnyClientCert}",
                "1: tls_server_config.client_auth_type: RequireAnyClientCert checks nothing and is not supported; "
                "use RequireAndVerifyClientCert",
            ),
        ],
    )
    def test_a_mistake_is_told_in_one_sentence(self, text: str, sentence: str, file: Path) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_web_config(str(file))
        assert str(caught.value) == f"{file}:{sentence}"
        assert "hunter2" not in str(caught.value)
