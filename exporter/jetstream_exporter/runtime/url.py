"""How a server's URL is written, in labels, pages and logs alike."""

from yarl import URL


def text(url: URL, default_port: int | None = None) -> str:
    """Scheme, host, port and path, without a trailing slash. The port is written even if it is the default."""
    port = url.explicit_port or default_port
    host = url.raw_host or ""
    host = f"[{host}]" if ":" in host else host
    address = host if port is None else f"{host}:{port}"
    return f"{url.scheme}://{address}{url.raw_path.rstrip('/')}"
