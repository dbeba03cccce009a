"""The other end of the workers: starting one, asking it, and what to say when it cannot be had."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from comparison.cases import PEERS

__all__ = ["Worker", "WorkerError", "absence"]

_BENCHMARKS = Path(__file__).resolve().parents[1]


class WorkerError(Exception):
    """A worker has ended before it answered; `why` is the last line it wrote."""

    def __init__(self, peer: str, why: str) -> None:
        super().__init__(f"{peer}: {why}")
        self.why = why


class Worker:
    """A process of its own that runs one program of one job, and does nothing while it is not asked."""

    def __init__(self, peer: str, folder: Path) -> None:
        self.peer, self.log = peer, folder / f"{peer}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "comparison.worker", peer, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=_environment(folder, peer),
            )

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to a request; raises WorkerError when there is none."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": request, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self.peer, self._last_line()) from None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(self.peer, self._last_line())
        return json.loads(line)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        # Workers have nothing to put in order, and some libraries take seconds over it.
        self.process.kill()
        self.process.communicate()

    def _last_line(self) -> str:
        code = self.process.wait()
        lines = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else f"ended with exit code {code}"


def absence(peer: str) -> str:
    """Return why a peer cannot run here, or nothing."""
    library = PEERS[peer].library
    if find_spec(library) is None:
        return f"{library} is not installed: pip install 'netspec[benchmark]'"
    compilers = (os.environ.get("CXX"), "c++", "g++", "clang++")
    if "compile" in peer and not any(shutil.which(name) for name in compilers if name):
        return "torch.compile needs a C++ compiler"
    return ""


_KEEP_MEMORY = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
}
"""What `netspec.keep_memory()` does for netspec, told to glibc from outside, for the best forms of the others."""


def _environment(folder: Path, peer: str) -> dict[str, str]:
    """Return the environment of a worker: nothing compiled before is found again, and no home folder is written to."""
    paths = [str(_BENCHMARKS), str(_BENCHMARKS.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / f"inductor-{peer}"),
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # a GPU is shared by all of them
        "KERAS_BACKEND": "jax",
        "KERAS_HOME": str(folder / "keras"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **(_KEEP_MEMORY if peer.endswith("_best") else {}),
    }
