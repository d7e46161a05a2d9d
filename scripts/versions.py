"""The versions of nats-server that this project knows, said once: for tools, tests, recordings and docs.

A new one is a line here and its recording, made by `python scripts/tools.py nats-server-X` and
`python -m scripts.record versions X`.
"""

# Oldest first; whether the tests start such servers, beside reading what they said. Those started are the oldest that
# is supported, one between, one that can be gone back from to it, and the newest.
VERSIONS = {
    "2.10.26": True,
    "2.11.11": False,
    "2.12.0": False,
    "2.12.8": True,
    "2.14.5": True,
    "2.15.0": False,
    "2.15.1": True,
}
RECORDED = tuple(VERSIONS)
STARTED = tuple(version for version, is_started in VERSIONS.items() if is_started)
OLDEST, NEWEST = STARTED[0], STARTED[-1]
EXTREMES = (OLDEST, NEWEST)
BETWEEN = STARTED[1]
NEWER = STARTED[-2]  # a server of it can be replaced by one of BETWEEN
