"""Fuzz for hours what strangers can send: `make fuzz`, or `make fuzz ARGS="--seconds 3600 --target events"`.

The targets are those of the test suite (tests/fuzz/targets.py). Inputs that lead somewhere new are kept in the corpus
folder, so that the next run begins there. What crashes is written to tests/fuzz/cases/TARGET, where the suite replays
it. `--hypothesis` makes answers of the right shape out of the types that read them; `--atheris` (after `pip install
atheris`) has the rounds of one target guided by coverage.
"""

import argparse
import hashlib
import logging
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import structlog
from hypothesis import given, settings

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "exporter")]

from tests.fuzz.mutate import mutated  # noqa: E402
from tests.fuzz.seeds import CASES, seeds  # noqa: E402
from tests.fuzz.structured import KINDS, bodies  # noqa: E402
from tests.fuzz.targets import TARGETS  # noqa: E402

CORPUS = ROOT / ".fuzz"
LARGEST = 300_000  # bytes of an input that is kept
SHAPES = 50  # rounds of one turn with hypothesis


class Corpus:
    """The inputs of one target, in memory and in its folder."""

    def __init__(self, target: str, folder: Path) -> None:
        self._folder = folder / target
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = [path.read_bytes() for path in sorted(self._folder.glob("*.bin"))]
        self.inputs = seeds(target) + kept
        self._seen: set[str] = set()

    def note(self, data: bytes, path: str) -> None:
        """Keep the input if it took a path that none took before."""
        if path in self._seen or len(data) > LARGEST:
            return
        self._seen.add(path)
        self.inputs.append(data)
        (self._folder / f"{digest(data)}.bin").write_bytes(data)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def round_of(target: str, data: bytes) -> str | None:
    """Run one input. The traceback if it crashes; the crash is written down as a case."""
    try:
        TARGETS[target](data)
    except Exception:
        folder = CASES / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{digest(data)}.bin").write_bytes(data)
        return traceback.format_exc()
    return None


def lines_of(target: str, data: bytes) -> tuple[str | None, str]:
    """The crash, if any, and the lines of ours that ran, as a name."""
    ran: set[tuple[str, int]] = set()

    def trace(frame: object, _event: str, _argument: object) -> object:
        code = frame.f_code  # type: ignore[attr-defined]
        if "jetstream_exporter" not in code.co_filename:
            return None
        ran.add((code.co_name, frame.f_lineno))  # type: ignore[attr-defined]
        return trace

    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        crash = round_of(target, data)
    finally:
        sys.settrace(None)
    return crash, hashlib.sha256(repr(sorted(ran)).encode()).hexdigest()


def by_turns(targets: list[str], seconds: float) -> Iterator[str]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield from targets


def run(targets: list[str], seconds: float, folder: Path, seed: int) -> int:
    """Fuzz the targets by turns; returns how many kinds of crash were found."""
    rng = random.Random(seed)  # noqa: S311
    corpora = {target: Corpus(target, folder) for target in targets}
    rounds, crashes = dict.fromkeys(targets, 0), dict.fromkeys(targets, 0)
    kinds: set[str] = set()
    for target in by_turns(targets, seconds):
        data = mutated(rng.choice(corpora[target].inputs), rng)
        rounds[target] += 1
        if rounds[target] % 10:  # tracing is slow
            crash = round_of(target, data)
        else:
            crash, path = lines_of(target, data)
            corpora[target].note(data, path)
        if crash is not None:
            crashes[target] += 1
            kind = re.sub(r"0x[0-9a-f]+|[0-9]{5,}", "N", crash[-600:])
            if kind not in kinds:
                kinds.add(kind)
                print(f"{target}: crash {digest(data)}\n{crash}", file=sys.stderr)
    for target in targets:
        print(f"{target}: {rounds[target]} rounds, {crashes[target]} crashes")
    return len(kinds)


def turn(target: str, rounds: Counter[str]) -> bool:
    """Some rounds of what hypothesis makes; whether none crashed. The traceback is that of the smallest input."""

    @settings(max_examples=SHAPES, deadline=None, database=None)
    @given(bodies(target))
    def run(data: bytes) -> None:
        rounds[target] += 1
        TARGETS[target](data)

    try:
        run()
    except Exception:
        traceback.print_exc()
        return False
    return True


def shaped(targets: list[str], seconds: float) -> int:
    """Fuzz the targets by turns with what hypothesis makes; returns how many crashed."""
    rounds: Counter[str] = Counter()
    crashed: set[str] = set()
    for target in by_turns(targets, seconds):
        if target not in crashed and not turn(target, rounds):
            crashed.add(target)
    for target in targets:
        print(f"{target}: {rounds[target]} rounds, {int(target in crashed)} crashes")
    return len(crashed)


def guided(target: str, seconds: float, folder: Path) -> None:
    """Run atheris, which ends the process."""
    import atheris  # noqa: PLC0415

    atheris.instrument_all()
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for data in seeds(target):
        (corpus / f"{digest(data)}.bin").write_bytes(data)

    def mutator(data: bytes, largest: int, seed: int) -> bytes:
        rng = random.Random(seed)  # noqa: S311
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, largest))
        return mutated(data, rng)[:largest]

    def one(data: bytes) -> None:
        crash = round_of(target, data)
        if crash is not None:
            print(crash, file=sys.stderr)
            raise RuntimeError(f"{target}: crash {digest(data)}")

    flags = [f"-max_total_time={int(seconds)}", f"-max_len={LARGEST}", str(corpus)]
    atheris.Setup([sys.argv[0], *flags], one, custom_mutator=mutator)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--target", action="append", choices=sorted(TARGETS))
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--atheris", action="store_true", help="one target, guided by coverage")
    parser.add_argument("--hypothesis", action="store_true", help="answers of the right shape")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    targets = arguments.target or sorted(TARGETS)
    if arguments.hypothesis:
        wanted = [target for target in targets if target in KINDS]
        return 1 if shaped(wanted, arguments.seconds) else 0
    if arguments.atheris:
        if len(targets) != 1:
            parser.error("--atheris runs one --target")
        guided(targets[0], arguments.seconds, arguments.corpus)
    print(f"seed {arguments.seed}", file=sys.stderr)
    return 1 if run(targets, arguments.seconds, arguments.corpus, arguments.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
