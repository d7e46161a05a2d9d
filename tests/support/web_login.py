"""A login of the exporter's web server."""

import base64

HASH = "$2b$04$hQcpx9wvsYJDLvHtgEHZAOcMgwMOYWeeFVE7DR8ud3Angqg3SZ5H."  # of hunter2
NEEDED = "a username and a password are required\n"


def basic(user: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
