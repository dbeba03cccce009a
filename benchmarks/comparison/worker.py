"""A process that runs one program on one job: a request on a line of JSON comes in, an answer goes out.

    python -m comparison.worker keras_best FOLDER

Requests: `start`, `check`, `train`, `infer`, `product`. While it waits for the next one, it does nothing.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from comparison.job import Job, Program, evaluation_loss

__all__ = ["Session", "main", "make"]

Answer: TypeAlias = dict[str, Any]


def main(peer: str, folder: str) -> None:
    """Answer requests until there are no more."""
    # What libraries print goes to the log, so that nothing but answers is on standard output.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    session = Session(peer, Job.read(Path(folder)))
    for line in sys.stdin:
        request = json.loads(line)
        answer = session.answer(request.pop("do"), request)
        print(json.dumps(answer), file=answers, flush=True)


class Session:
    """One program and the requests it answers."""

    def __init__(self, peer: str, job: Job) -> None:
        self.peer, self.job = peer, job
        self.program: Program
        self.requests: Mapping[str, Callable[..., Answer]] = {
            "start": self.start,
            "check": self.check,
            "train": self.train,
            "infer": self.infer,
            "product": self.product,
        }

    def answer(self, request: str, arguments: Mapping[str, Any]) -> Answer:
        """Do what a request asks for."""
        return self.requests[request](**arguments)

    def start(self, steps: int) -> Answer:
        """Build the program and train twice: the first time is longer by what compiling takes."""
        began = time.perf_counter()
        self.program = make(self.peer, self.job, dropout=True)
        self.program.train(steps)
        first = time.perf_counter() - began
        again = _seconds(lambda: self.program.train(steps))
        return {
            "compile_seconds": max(first - again, 0.0),
            "peak_bytes": _peak_bytes(),
            "versions": _versions(self.peer),
        }

    def check(self) -> Answer:
        """Train through all batches once, without dropout, and return the losses in training and after it."""
        program = make(self.peer, self.job, dropout=False) if self.job.has_dropout else self.program
        program.reset()
        mean = program.mean_loss(program.train(self.job.batches))
        return {"loss": mean, "test_loss": evaluation_loss(self.job, program)}

    def train(self, steps: int) -> Answer:
        """Time some steps from the initial weights."""
        self.program.reset()
        return {"seconds": _seconds(lambda: self.program.train(steps))}

    def infer(self, batch: int, calls: int) -> Answer:
        """Time some predictions of a batch."""

        def predict() -> None:
            for _ in range(calls):
                self.program.predict(batch)

        return {"seconds": _seconds(predict)}

    def product(self) -> Answer:
        """Time a large matrix product."""
        from comparison.netspec_side import product_rate  # noqa: PLC0415

        return {"flops_per_second": product_rate()}


def make(peer: str, job: Job, *, dropout: bool) -> Program:
    """Return a program; its library is imported here, so that no worker holds another's."""
    library, _, form = peer.partition("_")
    best = form.endswith("best")
    if library == "torch":
        from comparison.torch_side import TorchProgram  # noqa: PLC0415

        return TorchProgram(job, dropout=dropout, best=best, compiled="compile" in form)
    if library == "keras":
        from comparison.keras_side import KerasBest, KerasProgram  # noqa: PLC0415

        return (KerasBest if best else KerasProgram)(job, dropout=dropout)
    if library == "flax":
        from comparison.flax_side import FlaxBest, FlaxProgram  # noqa: PLC0415

        return (FlaxBest if best else FlaxProgram)(job, dropout=dropout)
    from comparison.netspec_side import BareProgram, NetspecProgram  # noqa: PLC0415

    return (BareProgram if library == "bare" else NetspecProgram)(job, dropout=dropout)


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peak_bytes() -> int:
    """Return the most memory this process has held. Linux's own figure begins anew with the program, rusage's not."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _versions(peer: str) -> dict[str, str]:
    library = peer.partition("_")[0]
    packages = {"torch": ("torch",), "keras": ("keras", "jax"), "flax": ("flax", "jax", "optax")}
    return {name: version(name) for name in packages.get(library, ("netspec", "jax", "optax"))}


if __name__ == "__main__":
    main(*sys.argv[1:])
