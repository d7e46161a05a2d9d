"""Sign what is in a registry with cosign, where a key is given: `sign_images.py IMAGE…`.

COSIGN_PRIVATE_KEY is the text of a private key as `cosign generate-key-pair` writes it, COSIGN_PASSWORD its password.
Each image is signed by its digest, with the images of its platforms, and the signature is verified. It lies beside the
image in the registry; nothing is sent to a transparency log. A chart in a registry is signed in the same way. Without a
key nothing is signed, and the output says so.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

KEY = "COSIGN_PRIVATE_KEY"
OFF_THE_LOG = ("--tlog-upload=false", "--use-signing-config=false")


class SignError(Exception):
    """Something cannot be signed; one sentence."""


def sign(images: Sequence[str], cosign: str, insecure: Sequence[str] = ()) -> list[str]:
    """The images with their digests, all signed and verified with the key in the environment."""
    with tempfile.TemporaryDirectory() as folder:
        public = Path(folder) / "cosign.pub"
        public.write_text(run(cosign, "public-key", "--key", f"env://{KEY}"), encoding="ascii")
        return [sign_one(cosign, image, public, insecure) for image in images]


def sign_one(cosign: str, image: str, public: Path, insecure: Sequence[str]) -> str:
    digest = run(cosign, "triangulate", "--type=digest", *insecure, image).strip()
    options = ("--yes", "--recursive", *OFF_THE_LOG, *insecure)
    run(cosign, "sign", "--key", f"env://{KEY}", *options, digest)
    run(cosign, "verify", "--key", str(public), "--insecure-ignore-tlog=true", *insecure, digest)
    return digest


def run(*argv: str) -> str:
    try:
        done = subprocess.run(argv, text=True, capture_output=True, check=False)
    except OSError as error:
        raise SignError(f"{argv[0]} does not start: {error.strerror}") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise SignError(f"{' '.join(argv[:2])} failed: {' '.join(last)}")
    return done.stdout


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="such as ghcr.io/NAME:TAG")
    parser.add_argument("--cosign", default="cosign", help="the program (default: %(default)s)")
    parser.add_argument(
        "--insecure-registry", action="store_true", help="of a trial: a registry without TLS"
    )
    found = parser.parse_args(argv)
    if not os.environ.get(KEY):
        for image in found.images:
            print(f"{image} is not signed: the environment has no {KEY}")
        return 0
    insecure = ("--allow-insecure-registry", "--allow-http-registry")
    try:
        signed = sign(found.images, found.cosign, insecure if found.insecure_registry else ())
    except SignError as error:
        print(f"sign_images: {error}", file=sys.stderr)
        return 1
    for image in signed:
        print(f"{image} is signed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
