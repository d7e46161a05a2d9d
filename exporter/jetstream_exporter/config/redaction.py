"""Keeps secrets out of sentences: what may be one is not repeated, whatever it was given as."""

import os
import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "…"
NOT_SHOWN = "(not shown, as it may be a secret)"
NOT_A_NAME = "is not a file name"
LEAST = 4  # characters; a shorter secret would blot out parts of words, and is no secret
_USERINFO = re.compile(r"(?<=://)[^/\s'\"]*@")
_NAME = re.compile(r"[A-Za-z0-9._~$/ -]+")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_RANDOM = re.compile(r"[A-Z2-7]{20,}|(?=\S*[a-z])(?=\S*[A-Z])(?=\S*[0-9])\S{8,}")
_SUFFIX = re.compile(
    r".*\.(ca|cer|cert|conf|creds?|crt|json|jwt|key|nk|nkey|pass|passwd|password|pem|pub|secret|seed|token|txt)",
    re.IGNORECASE,
)


def file_name(file: str, *, bare: bool = True) -> str:
    """A file's name as a sentence may repeat it, or `NOT_SHOWN` where it may be a secret in a name's place.

    It is a name where its folder exists, where it ends as the files of logins and certificates do, where it is a path
    from the root, and, if `bare`, where it has no folder at all. What looks drawn at random is none.
    """
    if not _NAME.fullmatch(file) or any(_RANDOM.fullmatch(part) for part in file.split("/")):
        return NOT_SHOWN
    is_path = file.startswith("/") and file.count("/") > 1
    is_name = (
        _SUFFIX.fullmatch(file) is not None
        or is_path
        or ("/" in file and os.path.isdir(os.path.dirname(file)))
    )
    return file if is_name or (bare and "/" not in file) or os.path.exists(file) else NOT_SHOWN


def variable_name(name: str) -> str:
    """An environment variable's name and a space; nothing where a secret may stand in its place."""
    is_name = _VARIABLE.fullmatch(name) and not _RANDOM.fullmatch(name)
    return f"{name} " if is_name else ""


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without users and passwords of URLs, and without these secrets in any way of writing them."""
    text = _USERINFO.sub(f"{HIDDEN}@", text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= LEAST:
            for written in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
                text = text.replace(written, HIDDEN)
    return text
