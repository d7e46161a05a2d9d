"""One bad file a mistake, and the exact sentence that the operator reads."""

from pathlib import Path

import pytest
from tests.support.configurations import clusters, with_http

from jetstream_exporter.config import ConfigError, parse

TOP = "clusters, collect, filters, limits, families, labels, expect, shard, probe, status"
TAGGED = "YAML tags are not supported; use mappings, lists, strings, numbers, true or false"


def expecting(account: str) -> str:
    return f"expect:\n  - accounts:\n      - account: A\n        {account}"


MISTAKES = {
    "a pattern for an expected stream": (
        expecting("streams: [ORDERS, 'KV_.*']"),
        "bad.yaml:4: expect[0].accounts[0].streams[1]: 'KV_.*' is not the name of a stream: names are exact, "
        "without patterns",
    ),
    "an expected consumer without its stream": (
        expecting("consumers: [worker]"),
        "bad.yaml:4: expect[0].accounts[0].consumers[0]: 'worker' is not STREAM/CONSUMER; write it like "
        "ORDERS/worker",
    ),
    "an expected consumer of no stream": (
        expecting("consumers: [/worker]"),
        "bad.yaml:4: expect[0].accounts[0].consumers[0]: '/worker' has an empty name",
    ),
    "an expected stream without a name": (
        expecting("streams: ['']"),
        "bad.yaml:4: expect[0].accounts[0].streams[0]: '' has an empty name",
    ),
    "an expected stream with a name that is too long": (
        expecting(f"streams: [{'x' * 256}]"),
        "bad.yaml:4: expect[0].accounts[0].streams[0]: a name has at most 255 characters",
    ),
    "an expected stream that stands twice": (
        expecting("streams: [ORDERS]") + "\n  - accounts: [{account: A, streams: [ORDERS]}]",
        "bad.yaml:5: expect[1].accounts[0].streams[0]: duplicate stream 'ORDERS'",
    ),
    "an expected server that stands twice": (
        "expect: [{servers: [n1, n1]}]",
        "bad.yaml:1: expect[0].servers[1]: duplicate server 'n1'",
    ),
    "expected objects of one of several clusters": (
        "clusters: [{targets: [http://a]}, {targets: [http://b]}]\nexpect:\n  - servers: [n1]",
        "bad.yaml:3: expect[0]: 2 clusters are configured; set cluster",
    ),
    "expected objects of no account": (
        "expect: [{accounts: [{streams: [ORDERS]}]}]",
        "bad.yaml:1: expect[0].accounts[0]: object missing required field `account`",
    ),
    "a mapping for the expected objects": (
        "expect: {streams: [ORDERS]}",
        "bad.yaml:1: expect: expected a list, got a mapping",
    ),
    "unknown key at the top": (
        "cluster: []",
        f"bad.yaml:1: cluster: unknown key; allowed here: {TOP}; did you mean clusters?",
    ),
    "unknown key in a section": (
        "limits: {streams: 5}\ncollect:\n  tmeout: 5s",
        "bad.yaml:3: collect.tmeout: unknown key; allowed here: timeout, min_interval, config_interval, "
        "max_response_bytes, health_check, links, accounts, delivery_lag; did you mean timeout?",
    ),
    "unknown key in a list": (
        "clusters:\n  - targets: [http://a]\n  - target: http://b",
        "bad.yaml:3: clusters[1].target: unknown key; allowed here: name, targets, http, "
        "system, accounts, advisories; did you mean targets?",
    ),
    "unknown key two sections deep": (
        "filters:\n  streams:\n    incldue: [a]",
        "bad.yaml:3: filters.streams.incldue: unknown key; allowed here: include, exclude; did you mean include?",
    ),
    "password inline": (
        with_http("{username: prometheus, password: hunter2}"),
        "bad.yaml:3: clusters[0].http.password: unknown key; allowed here: ca_file, cert_file, key_file, "
        "insecure_skip_verify, username, password_file, password_env; did you mean password_env or password_file?",
    ),
    "a string for a mapping": (
        with_http("hunter2"),
        "bad.yaml:3: clusters[0].http: expected a mapping, got a string",
    ),
    "a string for a list": (
        "clusters:\n  - targets: http://a",
        "bad.yaml:2: clusters[0].targets: expected a list, got a string",
    ),
    "a mapping for a list": (
        "clusters: {}",
        "bad.yaml:1: clusters: expected a list, got a mapping",
    ),
    "a number for a string": (
        "clusters: [{name: 3, targets: [http://a]}]",
        "bad.yaml:1: clusters[0].name: expected a string, got a whole number",
    ),
    "a section without contents": (
        "collect:\n",
        "bad.yaml:1: collect: expected a mapping, got nothing",
    ),
    "a list for the whole file": ("- collect", "bad.yaml:1: expected a mapping, got a list"),
    "a word for the whole file": ("0", "bad.yaml:1: expected a mapping, got a whole number"),
    "a fraction for a count": (
        "limits: {streams: 1.5}",
        "bad.yaml:1: limits.streams: expected a whole number, got a number",
    ),
    "a negative count": (
        "limits: {streams: -1}",
        "bad.yaml:1: limits.streams: expected a whole number that is not negative",
    ),
    "a number with too many digits": (
        f"limits:\n  streams: {'9' * 5000}",
        "bad.yaml:2: cannot be read as a whole number",
    ),
    "yes for a duration": (
        "collect: {timeout: yes}",
        "bad.yaml:1: collect.timeout: true is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "a duration without a unit": (
        "collect: {timeout: 30}",
        "bad.yaml:1: collect.timeout: 30 is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "a negative duration": (
        "collect: {min_interval: -5s}",
        "bad.yaml:1: collect.min_interval: '-5s' is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "a negative budget of lookups": (
        "clusters:\n  - accounts:\n      - urls: [nats://a]\n        exact_lag: {budget: -1}",
        "bad.yaml:4: clusters[0].accounts[0].exact_lag.budget: expected a whole number that is not negative",
    ),
    "a budget of lookups beyond reason": (
        "clusters:\n  - accounts:\n      - urls: [nats://a]\n        exact_lag: {budget: 1001}",
        "bad.yaml:4: clusters[0].accounts[0].exact_lag.budget: expected a whole number of at most 1000",
    ),
    "a budget that is a duration": (
        "clusters: [{accounts: [{urls: [nats://a], exact_lag: {budget: 5s}}]}]",
        "bad.yaml:1: clusters[0].accounts[0].exact_lag.budget: expected a whole number, got a string",
    ),
    "messages of no size to look up": (
        "clusters: [{accounts: [{urls: [nats://a], exact_lag: {max_message_bytes: 0}}]}]",
        "bad.yaml:1: clusters[0].accounts[0].exact_lag.max_message_bytes: 0 is not a size; write it like "
        "1048576, 64KiB or 256MiB",
    ),
    "an unknown setting of lookups": (
        "clusters: [{accounts: [{urls: [nats://a], exact_lag: {buget: 5}}]}]",
        "bad.yaml:1: clusters[0].accounts[0].exact_lag.buget: unknown key; allowed here: budget, "
        "max_message_bytes; did you mean budget?",
    ),
    "lookups that are only switched on": (
        "clusters: [{accounts: [{urls: [nats://a], exact_lag: true}]}]",
        "bad.yaml:1: clusters[0].accounts[0].exact_lag: expected a mapping, got true or false",
    ),
    "an empty duration": (
        "collect: {min_interval: ''}",
        "bad.yaml:1: collect.min_interval: '' is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "a duration of no number": (
        "collect: {min_interval: .nan}",
        "bad.yaml:1: collect.min_interval: nan is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "too short a timeout": (
        "collect: {timeout: 500ms}",
        "bad.yaml:1: collect.timeout: must be at least 1s",
    ),
    "a size of nothing": (
        "collect: {max_response_bytes: 0}",
        "bad.yaml:1: collect.max_response_bytes: 0 is not a size; write it like 1048576, 64KiB or 256MiB",
    ),
    "a size with an unknown unit": (
        "collect: {max_response_bytes: 5Mb}",
        "bad.yaml:1: collect.max_response_bytes: '5Mb' is not a size; write it like 1048576, 64KiB or 256MiB",
    ),
    "an unknown choice": (
        "labels:\n  account: nkey",
        "bad.yaml:2: labels.account: unknown value 'nkey'; allowed here: id, name",
    ),
    "a profile that does not exist": (
        "families:\n  profile: small",
        "bad.yaml:2: families.profile: unknown value 'small'; allowed here: full, lean",
    ),
    "a date, which is only a string here": (
        "labels: {account: 2026-99-99}",
        "bad.yaml:1: labels.account: unknown value '2026-99-99'; allowed here: id, name",
    ),
    "a broken pattern": (
        "filters:\n  streams:\n    include:\n      - ORDERS\n      - 'a('",
        "bad.yaml:5: filters.streams.include[1]: 'a(' is not a regular expression: "
        "missing ), unterminated subpattern at position 1",
    ),
    "a pattern that repeats too often": (
        "probe: {allow: ['a{99999999999999}']}",
        "bad.yaml:1: probe.allow[0]: 'a{99999999999999}' is not a regular expression: "
        "the repetition number is too large",
    ),
    "a number for a pattern": (
        "filters: {streams: {exclude: [3]}}",
        "bad.yaml:1: filters.streams.exclude[0]: 3 is not a regular expression; write it as a string",
    ),
    "a broken dead letter pattern": (
        "labels: {dead_letter: '*'}",
        "bad.yaml:1: labels.dead_letter: is not a regular expression: nothing to repeat at position 0",
    ),
    "a cluster without targets": (
        "clusters:\n  - name: a",
        "bad.yaml:2: clusters[0]: has no source; set targets "
        "(such as http://nats:8222), system or accounts",
    ),
    "two clusters of one name": (
        "clusters:\n  - {name: a, targets: [http://a]}\n  - {name: a, targets: [http://b]}",
        "bad.yaml:3: clusters[1].name: duplicate cluster name 'a'",
    ),
    "one target in two clusters": (
        "clusters:\n  - {name: a, targets: [http://n]}\n  - {name: b, targets: ['http://n:8222/']}",
        "bad.yaml:3: clusters[1].targets[0]: duplicate target 'http://n:8222'",
    ),
    "a target without a scheme": (
        clusters("nats:8222"),
        "bad.yaml:2: clusters[0].targets[0]: 'nats:8222' is not a URL like http://nats:8222",
    ),
    "a target for clients": (
        clusters("nats://nats:4222"),
        "bad.yaml:2: clusters[0].targets[0]: 'nats://nats:4222' is not a URL like http://nats:8222",
    ),
    "a target without a host": (
        clusters("'http://:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://:8222' is not a URL like http://nats:8222",
    ),
    "a variable that nobody replaced": (
        clusters("'http://${NATS_HOST}:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: the host of 'http://${NATS_HOST}:8222' contains '$'; "
        "variables and patterns are not replaced here",
    ),
    "a host as a pattern": (
        clusters("'http://*.nats:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: the host of 'http://*.nats:8222' contains '*'; "
        "variables and patterns are not replaced here",
    ),
    "a host with an empty part": (
        clusters("http://nats..svc:8222"),
        "bad.yaml:2: clusters[0].targets[0]: the host of 'http://nats..svc:8222' has an empty part "
        "between its dots",
    ),
    "SRV records with a port": (
        clusters("srv+http://_monitor._tcp.nats:8222"),
        "bad.yaml:2: clusters[0].targets[0]: remove the port of 'srv+http://_monitor._tcp.nats:8222': "
        "SRV records contain the ports",
    ),
    "a target with a space": (
        clusters("'http://nats:8222 '"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://nats:8222 ' is not a URL like http://nats:8222",
    ),
    "a target with a line break": (
        clusters(r'"http://na\nts:8222"'),
        r"bad.yaml:2: clusters[0].targets[0]: 'http://na\nts:8222' is not a URL like http://nats:8222",
    ),
    "an empty target": (
        clusters("''"),
        "bad.yaml:2: clusters[0].targets[0]: '' is not a URL like http://nats:8222",
    ),
    "half an IPv6 address": (
        clusters("'http://[::1:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://[::1:8222' is not a URL like http://nats:8222",
    ),
    "the port 0": (
        clusters("http://nats:0"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://nats:0' has an invalid port; allowed: 1 to 65535",
    ),
    "a port too high": (
        clusters("http://nats:65536"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://nats:65536' has an invalid port; allowed: 1 to 65535",
    ),
    "a port of letters": (
        clusters("http://nats:http"),
        "bad.yaml:2: clusters[0].targets[0]: this has an invalid port; allowed: 1 to 65535",
    ),
    "a password in a URL": (
        clusters("http://prometheus:hunter2@nats:8222"),
        "bad.yaml:2: clusters[0].targets[0]: a URL must not contain a username or a password; "
        "use http.username and http.password_file",
    ),
    "a password in a URL with a wrong port": (
        clusters("http://prometheus:hunter2@nats:99999"),
        "bad.yaml:2: clusters[0].targets[0]: this has an invalid port; allowed: 1 to 65535",
    ),
    "a password in what is no URL": (
        clusters("'prometheus:hunter2@nats:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: this is not a URL like http://nats:8222",
    ),
    "a token in a query": (
        clusters("'http://nats:8222/?token=hunter2'"),
        "bad.yaml:2: clusters[0].targets[0]: a URL must not have a query or a fragment here",
    ),
    "a missing file": (
        with_http("{ca_file: /nowhere/ca.pem}"),
        "bad.yaml:3: clusters[0].http.ca_file: /nowhere/ca.pem cannot be read: No such file or directory",
    ),
    "a folder for a file": (
        with_http("{ca_file: /tmp}"),
        "bad.yaml:3: clusters[0].http.ca_file: /tmp cannot be read: Is a directory",
    ),
    "a key without its certificate": (
        with_http("{key_file: /dev/null}").replace("/dev/null", __file__),
        "bad.yaml:3: clusters[0].http: cert_file and key_file must be set together",
    ),
    "two passwords": (
        with_http(f"{{username: a, password_file: {__file__}, password_env: PATH}}"),
        "bad.yaml:3: clusters[0].http: password_file and password_env are mutually exclusive",
    ),
    "a password without a user": (
        with_http("{password_env: PATH}"),
        "bad.yaml:3: clusters[0].http: a password requires a username",
    ),
    "a user with a colon": (
        with_http("{username: 'a:hunter2'}"),
        "bad.yaml:3: clusters[0].http.username: a username cannot contain a colon",
    ),
    "a password where its file's name belongs": (
        with_http("{username: a, password_file: hunter2}"),
        f"bad.yaml:3: clusters[0].http.password_file: there is no file of that name in {Path.cwd()}; "
        "this key takes the name of a file that contains the secret",
    ),
    "a file's name that is too long": (
        with_http(f"{{ca_file: /{'a' * 300}}}"),
        f"bad.yaml:3: clusters[0].http.ca_file: /{'a' * 300} cannot be read: File name too long",
    ),
    "a null character by another name": (
        with_http('{ca_file: "a\\0"}'),
        "bad.yaml:3: contains a null character, which is not allowed",
    ),
    "half of a character in a value": (
        with_http('{ca_file: "\\ud800"}'),
        "bad.yaml:3: contains half of a surrogate pair, which is not a character",
    ),
    "half of a character in a key": (
        with_http('{"\\udfff": a}'),
        "bad.yaml:3: contains half of a surrogate pair, which is not a character",
    ),
    "a password after a colon": (
        clusters("'http://prometheus:hunter2'"),
        "bad.yaml:2: clusters[0].targets[0]: this has an invalid port; allowed: 1 to 65535",
    ),
    "a connection's URL for a browser": (
        "clusters:\n  - system:\n      urls: ['http://nats:4222']",
        "bad.yaml:3: clusters[0].system.urls[0]: 'http://nats:4222' is not a URL like nats://nats:4222",
    ),
    "a secret in a connection's URL without a scheme": (
        "clusters:\n  - accounts:\n      - urls: ['u:hunter2@nats:4222']",
        "bad.yaml:3: clusters[0].accounts[0].urls[0]: a URL must not contain a username or a password; "
        "use username and password_file",
    ),
    "a seed where its file's name belongs": (
        "clusters:\n  - system:\n      urls: [nats://a]\n      nkey_seed_file: SUAhunter2",
        f"bad.yaml:4: clusters[0].system.nkey_seed_file: there is no file of that name in {Path.cwd()}; "
        "this key takes the name of a file that contains the secret",
    ),
    "a token where its variable's name belongs": (
        "clusters:\n  - system:\n      urls: [nats://a]\n      token_env: hunter2",
        "bad.yaml:4: clusters[0].system.token_env: the environment variable is not set",
    ),
    "an authority's file for NATS that is missing": (
        "clusters:\n  - system:\n      urls: [nats://a]\n      ca_file: /nowhere/ca.pem",
        "bad.yaml:4: clusters[0].system.ca_file: /nowhere/ca.pem cannot be read: No such file or directory",
    ),
    "an authority's file for NATS that is none": (
        f"clusters:\n  - system:\n      urls: [nats://a]\n      ca_file: {__file__}",
        f"bad.yaml:2: clusters[0].system: {__file__} cannot be loaded: not PEM, or not a certificate and its key",
    ),
    "a context that is missing": (
        "clusters:\n  - system:\n      context: /nowhere/prod.json",
        "bad.yaml:2: clusters[0].system: context /nowhere/prod.json: /nowhere/prod.json cannot be read: "
        "No such file or directory",
    ),
    "an environment variable that is not set": (
        with_http("{username: a, password_env: NOT_SET_ANYWHERE}"),
        "bad.yaml:3: clusters[0].http.password_env: the environment variable NOT_SET_ANYWHERE is not set",
    ),
    "a duplicate key": (
        "limits: {streams: 1}\nlabels: {}\nlimits: {streams: 2}",
        "bad.yaml:3: duplicate key 'limits'; remove one of them",
    ),
    "a mapping as a key": ("? [a]\n: b", "bad.yaml:1: keys must be scalars"),
    "no end of a list": (
        "clusters: [",
        "bad.yaml:1: is not YAML: expected the node content, but found '<stream end>'",
    ),
    "a tab": (
        "collect:\n\ttimeout: 5s",
        "bad.yaml:2: is not YAML: found character '\\t' that cannot start any token",
    ),
    "a target with a monitoring path": (
        clusters("http://a:8222/jsz"),
        "bad.yaml:2: clusters[0].targets[0]: remove /jsz: a target is the base URL "
        "of a server, and the exporter adds the endpoints",
    ),
    "a target with a monitoring path behind a proxy": (
        clusters("http://a/nats/varz/"),
        "bad.yaml:2: clusters[0].targets[0]: remove /varz: a target is the base URL "
        "of a server, and the exporter adds the endpoints",
    ),
    "two URLs in one string": (
        clusters("'http://a:8222,http://b:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://a:8222,http://b:8222' contains several URLs; write "
        "one list item for each",
    ),
    "two URLs with a space": (
        clusters("http://a:8222 http://b:8222"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://a:8222 http://b:8222' contains several URLs; write "
        "one list item for each",
    ),
    "two addresses of a connection in one string": (
        "clusters:\n  - system:\n      urls: ['nats://a:4222, b:4222']",
        "bad.yaml:3: clusters[0].system.urls[0]: 'nats://a:4222, b:4222' contains several URLs; write "
        "one list item for each",
    ),
    "a username without any password": (
        with_http("{username: a}"),
        "bad.yaml:3: clusters[0].http.username: a username requires a password; set password_file or password_env",
    ),
    "a key of clusters at the top": (
        "targets: [http://a]",
        f"bad.yaml:1: targets: unknown key; allowed here: {TOP}; did you mean clusters[].targets?",
    ),
    "a near key of another place": (
        "time-out: 5s",
        f"bad.yaml:1: time-out: unknown key; allowed here: {TOP}; did you mean collect.timeout?",
    ),
    "a key in other letters": (
        "collect: {minInterval: 5s}",
        "bad.yaml:1: collect.minInterval: unknown key; allowed here: timeout, min_interval, config_interval, "
        "max_response_bytes, health_check, links, accounts, delivery_lag; did you mean min_interval?",
    ),
    "a credentials file that is missing": (
        "clusters:\n  - system:\n      urls: [nats://a]\n      credentials_file: app.creds",
        "bad.yaml:4: clusters[0].system.credentials_file: there is no file app.creds; "
        "this key takes the name of a file that contains the secret",
    ),
    "another exporter's word": (
        "clusters:\n  - system: {urls: [nats://a], user: x}",
        "bad.yaml:2: clusters[0].system.user: unknown key; allowed here: urls, context, credentials_file, jwt_file, "
        "nkey_seed_file, username, password_file, password_env, token_file, token_env, ca_file, cert_file, key_file, "
        "tls_first, server_name, insecure_skip_verify, inbox_prefix; did you mean username?",
    ),
    "another exporter's word at the top": (
        "nats_url: http://a",
        f"bad.yaml:1: nats_url: unknown key; allowed here: {TOP}; did you mean clusters[].targets?",
    ),
    "a flag in the file": (
        "log: {level: debug}",
        f"bad.yaml:1: log: unknown key; allowed here: {TOP}; that is a flag: --log.level",
    ),
    "two documents": (
        "collect: {}\n---\nlimits: {}",
        "bad.yaml:2: a second YAML document starts here; the file must contain only one",
    ),
    "an alias without an anchor": (
        with_http("{username: a, password: *hunter2}"),
        "bad.yaml:3: is not YAML: an alias without its anchor; put quotes around a value that begins with *",
    ),
    "an unknown tag handle": (with_http("!hunter2!x y"), "bad.yaml:3: is not YAML: an unknown tag"),
    "a tag of Python's": ("collect: !!python/object:os.system {}", f"bad.yaml:1: {TAGGED}"),
    "a tag that calls": ("collect:\n  !!python/object/apply:os.getcwd []", f"bad.yaml:2: {TAGGED}"),
    "a tag of one's own": ("labels:\n  account: !hunter2 id", f"bad.yaml:2: {TAGGED}"),
    "a tag that does not fit": (
        "limits:\n  streams: !!int many",
        "bad.yaml:2: cannot be read as a whole number",
    ),
    "an alias in itself": ("clusters: &a [*a]", "bad.yaml:1: an alias refers to itself"),
    "an alias in its own mapping": (
        "collect: &a\n  timeout: *a",
        "bad.yaml:1: an alias refers to itself",
    ),
    "too deep": ("[" * 5000 + "]" * 5000, "bad.yaml: is nested too deeply"),
    "a null byte": ("a\0b", "bad.yaml: is not text: the character 0 is not allowed in it (at 1)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence_that_names_the_place(mistake: str) -> None:
    text, sentence = MISTAKES[mistake]
    with pytest.raises(ConfigError) as caught:
        parse(text, "bad.yaml")
    assert sentence == str(caught.value)
    assert "hunter2" not in str(caught.value)
