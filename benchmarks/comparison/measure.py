"""Measuring one network: all its programs are started, checked, and then timed in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from comparison.cases import PEERS, Case
from comparison.prepare import make_job, product_flops
from comparison.results import NETSPEC, Agreement, Measured, Rounds
from comparison.workers import Worker, WorkerError, absence

__all__ = ["MEASURES", "Measure", "Plan", "measure"]

Measure: TypeAlias = Literal["train", "inference", "compile", "memory"]
MEASURES: tuple[Measure, ...] = ("train", "inference", "compile", "memory")


@dataclass(frozen=True)
class Plan:
    """What of a network is measured."""

    case: Case
    peers: Sequence[str]
    measures: Sequence[Measure] = MEASURES


@dataclass
class _Found:
    """What is known so far."""

    losses: dict[str, Agreement] = field(default_factory=dict)
    compile_seconds: dict[str, float] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def measure(plan: Plan) -> Iterator[str | tuple[Measured, Mapping[str, str]]]:
    """Measure a network; yields lines on how far it is, and at last what was measured, with the libraries' versions.

    Raises:
        WorkerError: when netspec itself fails.
    """
    case = plan.case
    with tempfile.TemporaryDirectory(prefix="compare-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder, found = Path(name), _Found()
        job = make_job(case)
        job.write(folder)
        workers: dict[str, Worker] = {}
        for peer in (NETSPEC, *plan.peers):
            yield f"starting {peer}"
            why = absence(peer) if peer in PEERS else ""
            if not why:
                workers[peer] = stack.enter_context(Worker(peer, folder))
                why = _start(workers[peer], peer, case, found)
            if why:
                found.absent[peer] = why
                if peer in workers:
                    workers.pop(peer).close()
                yield f"{peer}: {why}"
        training: Mapping[str, Rounds] = {}
        floor, inference = None, {}
        if "train" in plan.measures:
            yield "training"
            peers = [peer for peer in workers if peer != NETSPEC and PEERS[peer].trains]
            training = _rounds(workers, peers, case.rounds, case.steps, "train", {"steps": case.steps})
            floor = _floor(workers[NETSPEC], case, case.rounds)
        if "inference" in plan.measures:
            for batch, calls in case.inference.items():
                yield f"inference, batch {batch}"
                request = {"batch": batch, "calls": calls}
                _warm_up(workers.values(), request)
                peers = [peer for peer in workers if peer != NETSPEC]
                inference[batch] = _rounds(workers, peers, case.rounds, calls, "infer", request)
        yield (
            Measured(
                batch=job.batch,
                steps=case.steps,
                tolerance=case.tolerance,
                training=training,
                inference=inference,
                compile_seconds=found.compile_seconds if "compile" in plan.measures else {},
                peak_bytes=found.peak_bytes if "memory" in plan.measures else {},
                losses=found.losses,
                absent=found.absent,
                floor=floor,
            ),
            found.versions,
        )


def _start(worker: Worker, peer: str, case: Case, found: _Found) -> str:
    """Start a program, and note what that costs and whether it computes the same; returns what went wrong."""
    try:
        trains = peer == NETSPEC or PEERS[peer].trains
        started = worker.ask("start", steps=case.batches if trains else 0)
        found.versions |= started["versions"]
        if trains:
            found.compile_seconds[peer] = started["compile_seconds"]
            found.peak_bytes[peer] = started["peak_bytes"]
            found.losses[peer] = Agreement(**worker.ask("check"))
    except WorkerError as error:
        if peer == NETSPEC:
            raise
        return f"failed: {error.why}"
    return ""


def _rounds(
    workers: Mapping[str, Worker],
    peers: Iterable[str],
    rounds: int,
    count: int,
    request: str,
    arguments: Mapping[str, Any],
) -> dict[str, Rounds]:
    """Time netspec and each peer in turn, A B A C …, round after round; seconds are those of one of `count`."""
    taken: dict[str, list[tuple[float, float]]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer, pairs in taken.items():
            ours, theirs = (workers[name].ask(request, **arguments)["seconds"] / count for name in (NETSPEC, peer))
            pairs.append((ours, theirs))
    return {
        peer: Rounds(peer=tuple(theirs for _, theirs in pairs), netspec=tuple(ours for ours, _ in pairs))
        for peer, pairs in taken.items()
    }


def _floor(worker: Worker, case: Case, rounds: int) -> Rounds:
    """Time netspec's step beside what its matrix products would take at the speed of a large square one."""
    flops = product_flops(case)
    floors, steps = [], []
    for _ in range(rounds):
        floors.append(flops / worker.ask("product")["flops_per_second"])
        steps.append(worker.ask("train", steps=case.steps)["seconds"] / case.steps)
    return Rounds(peer=tuple(floors), netspec=tuple(steps))


def _warm_up(workers: Iterable[Worker], request: dict[str, Any]) -> None:
    """Let each program compile what it needs for a batch size, outside of the time that counts."""
    for worker in workers:
        for _ in range(2):
            worker.ask("infer", **{**request, "calls": 1})
