"""One mutation in a copy of the tree, and what the tests say of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mutants.mutate import Mutation, applied

__all__ = ["FAILED", "Trial", "baseline", "by_relevance", "copied", "tried"]

FAILED = 1
"""The exit code where a mutation survives; pytest's own where a test fails."""

_NO_TESTS = 5
_STOPPED = (FAILED, 2, 3)  # a test failed; a file could not be collected; pytest itself broke


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutation of one file.

    Attributes:
        file: the file, from the root of the repository.
        mutation: what is changed.
        text: the changed line, as it is without the mutation.
    """

    file: str
    mutation: Mutation
    text: str


def copied(root: Path, folder: Path) -> None:
    """Copy the tree, without what git ignores, and make sure that it is what Python would import there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    # A file that is changed twice in a second would be taken for the one that is compiled already, but for its hash.
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "netspec", "tests"]
    subprocess.run([sys.executable, *compiling], cwd=folder, check=True)
    found = subprocess.run(
        [sys.executable, "-c", "import netspec; print(netspec.__file__)"],
        cwd=folder,
        env=_environment(folder),
        check=True,
        capture_output=True,
        text=True,
    )
    if not Path(found.stdout.strip()).is_relative_to(folder):
        raise SystemExit(f"the tests would import {found.stdout.strip()}, not the copy in {folder}")


def by_relevance(file: str, tests: Sequence[str], root: Path) -> tuple[list[str], list[str]]:
    """Return the test files that name a module, or lie in the folder of its name, and the others."""
    parts = Path(file).with_suffix("").parts
    within = ".".join(parts[:-1])
    names = re.compile(rf"{re.escape('.'.join(parts))}\b|from {re.escape(within)} import [^\n]*\b{parts[-1]}\b")
    first = [
        test
        for test in tests
        if test.startswith(f"tests/{parts[1]}/") or names.search((root / test).read_text(encoding="utf-8"))
    ]
    return first, [test for test in tests if test not in first]


def baseline(folder: Path, tests: Sequence[str], workers: str) -> float:
    """Return the seconds that the tests take without a mutation, under which they must pass."""
    began = time.monotonic()
    code, said = _pytest(folder, tests, workers, None)
    if code:
        raise SystemExit(f"the tests fail without any mutation:\n{said}")
    return time.monotonic() - began


def tried(trial: Trial, folder: Path, stages: Iterable[Sequence[str]], *, limit: float, workers: str) -> str:
    """Return what the tests say of a mutation: it is `caught`, takes too much `time`, or `survived`.

    Args:
        trial: the mutation.
        folder: the copy of the tree, in which the file is put back in the end.
        stages: test files, those first that are likely to notice.
        limit: seconds for one stage.
        workers: how many processes run tests.
    """
    path = folder / trial.file
    before = path.read_bytes()
    try:
        path.write_bytes(applied(before.decode("utf-8"), trial.mutation).encode("utf-8"))
        for tests in stages:
            code, said = _pytest(folder, tests, workers, limit) if tests else (0, "")
            if code is None:
                return "time"
            if code in _STOPPED:
                return "caught"
            if code not in {0, _NO_TESTS}:
                raise SystemExit(f"pytest ended with {code}:\n{said}")
        return "survived"
    finally:
        path.write_bytes(before)


def _pytest(folder: Path, tests: Sequence[str], workers: str, limit: float | None) -> tuple[int | None, str]:
    """Return pytest's exit code, None where it took longer than the limit, and the end of what it printed."""
    # Given once more, the number of processes replaces the one of pyproject.toml.
    words = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-n", workers, *tests]
    with subprocess.Popen(
        words,
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as running:
        try:
            said, _ = running.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            # With all processes that tests have begun, also where this one is interrupted.
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    return running.returncode, "\n".join(said.splitlines()[-30:])


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
