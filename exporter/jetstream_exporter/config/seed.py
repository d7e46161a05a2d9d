"""Judges the seeds and JWTs of logins by themselves, so that one that cannot be used is named at the start.

A server says of a wrong seed only that it refuses the login, and the NATS library fails in ways of its own. No sentence
here repeats what it judges.
"""

import binascii
import re
from base64 import b32decode

LENGTH = 58  # characters: two bytes that say what it is, 32 of the seed, two of the checksum
PUBLIC = 56
ALPHABET = re.compile(r"[A-Z2-7]+")
ROLES = {
    "A": "an account",
    "O": "an operator",
    "N": "a server",
    "C": "a cluster",
    "X": "a curve key",
}
JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
BEGINS = "the seed of a user begins with SU"


def seed_fault(seed: str) -> str | None:
    """Why this cannot sign for a user, as a sentence's end; None if it can."""
    if not seed.isascii():
        return "contains a seed with a character that is not ASCII"
    if len(seed) == PUBLIC and seed[0] in "UAONCX" and ALPHABET.fullmatch(seed):
        return f"contains a public key instead of a seed; {BEGINS}"
    if not seed.startswith("S"):
        return f"contains no nkey seed; {BEGINS}"
    role = seed[1:2]
    if role in ROLES and ALPHABET.fullmatch(seed):
        return f"contains the seed of {ROLES[role]} instead of a user; {BEGINS}"
    if role != "U":
        return f"contains no nkey seed; {BEGINS}"
    return _text_fault(seed)


def _text_fault(seed: str) -> str | None:
    if not ALPHABET.fullmatch(seed):
        return "contains a seed that is not base32 (A to Z and 2 to 7)"
    if len(seed) != LENGTH:
        how = "too short" if len(seed) < LENGTH else "too long"
        return f"contains a seed that is {how}: it has {len(seed)} characters instead of {LENGTH}"
    raw = b32decode(seed + "=" * (-LENGTH % 8))
    if binascii.crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
        return "contains a seed with a wrong checksum; at least one character is wrong"
    return None


def find_seed(text: str) -> str:
    """The seed in a file that may hold comments and lines of dashes around it; what stands there where none does."""
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and line[0] not in "#-"]
    return next((line for line in found if line.startswith("S")), found[0] if found else "")


def credentials(text: str) -> tuple[str, str] | None:
    """JWT and seed of a `.creds` file, each empty where its section is; None where a section is missing."""
    jwt, seed = _section(text, "BEGIN NATS USER JWT"), _section(text, "BEGIN USER NKEY SEED")
    return None if jwt is None or seed is None else (jwt, seed)


def _section(text: str, head: str) -> str | None:
    """The line after the one with the head; empty if there is none, or the next head."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        if head in line:
            following = lines[number] if number < len(lines) else "-"
            return "" if following.startswith("-") else following
    return None


def credentials_fault(text: str) -> str | None:
    """Why these are no credentials that can be used; None if they are."""
    found = credentials(text)
    if found is None:
        return "contains no JWT and seed as written by `nsc generate creds`"
    jwt, seed = found
    if not JWT.fullmatch(jwt):
        return "contains no JWT between its BEGIN and END lines"
    return seed_fault(seed)
