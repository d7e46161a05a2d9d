"""Small configuration files."""


def clusters(target: str, more: str = "") -> str:
    return f"clusters:\n  - targets: [{target}]\n{more}"


def with_http(http: str) -> str:
    return clusters("http://nats:8222", f"    http: {http}\n")
