"""Many processes that fetch the same file at once, from mirrors most of which misbehave."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from promises.frame import ROOT, Effort, Found
from promises.mirrors import BAD, GOOD, Mirrors, serving

__all__ = ["measure"]


def measure(effort: Effort) -> Found:
    """Let all processes fetch into a fresh folder, round after round; a round begins when all have ended the last."""
    rng = Random(effort.seed)
    count, rounds = effort.of(16, 4), effort.of(50, 4)
    wrong: Counter[str] = Counter()
    with serving() as mirrors, _fetchers(count) as fetchers:
        for i in range(rounds):
            folder = effort.folder / str(i)
            wrong.update(_round(rng, mirrors, fetchers, folder, locks=i % 2 == 0))
    told = "; ".join(f"{what} ({times})" for what, times in wrong.most_common(3))
    return Found(
        done=f"{count} processes at once, {rounds} rounds, half of them where file locks do not work; each round a "
        f"fresh folder, and mirrors chosen from {len(BAD)} that misbehave with a good one among them",
        figure=f"{count * rounds - wrong.total():,} of {count * rounds:,} fetches ended with the right file"
        + (f"; {told}" if told else ", nothing left beside it"),
        kept=not wrong,
    )


def _round(
    rng: Random, mirrors: Mirrors, fetchers: list[subprocess.Popen[str]], folder: Path, *, locks: bool
) -> Iterator[str]:
    """Yield what went wrong in one round."""
    mirrors.content = rng.randbytes(rng.choice((1_000, 100_000, 700_000)))
    digest, target = hashlib.sha256(mirrors.content).hexdigest(), folder / "data" / "file"
    for fetcher in fetchers:
        # Each meets its own mishaps: as if the mirrors changed from one moment to the next.
        kinds = [*rng.sample(sorted(BAD), rng.randint(0, 4)), rng.choice(sorted(GOOD)), rng.choice(sorted(BAD))]
        job: dict[str, Any] = {"urls": [mirrors.url(kind) for kind in kinds], "target": str(target), "sha256": digest}
        assert fetcher.stdin is not None
        fetcher.stdin.write(json.dumps({**job, "size": len(mirrors.content), "locks": locks}) + "\n")
        fetcher.stdin.flush()
    for fetcher in fetchers:
        assert fetcher.stdout is not None
        outcome = json.loads(fetcher.stdout.readline() or '"the process died"')
        if outcome:
            yield outcome
    if target.read_bytes() != mirrors.content:
        yield "a corrupt file at the end"
    left = sorted(path.name for path in target.parent.iterdir() if path.name not in ("file", ".file.lock"))
    if left:
        yield f"left behind: {', '.join(left)}"


@contextmanager
def _fetchers(count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that import nothing but the downloading; they end when their input does."""
    environment = {k: v for k, v in os.environ.items() if k != "NETSPEC_OFFLINE"}
    environment |= {"PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    command = [sys.executable, str(Path(__file__).with_name("fetcher.py"))]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.communicate()
