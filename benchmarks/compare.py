"""Times netspec beside Keras, Flax NNX and PyTorch on the same networks, and writes docs/performance.md.

    python benchmarks/compare.py                                   # everything, then the page
    python benchmarks/compare.py --nets lenet --peers keras torch  # single rows again
    python benchmarks/compare.py --only inference --rounds 9
    python benchmarks/compare.py --to-99 specs/lenet.net           # only the race to 99 % on MNIST
    python benchmarks/compare.py --profiles                        # only where the time goes that misses a goal
    python benchmarks/compare.py --table                           # only the page, from the recorded figures

What is measured goes into benchmarks/results/compare.json, a network at a time: the work can be stopped and taken up
again. A machine other than the recorded one needs a file of its own: --json, with --page for its table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from comparison.cases import CASES, PEERS, Case, quick
from comparison.goals import GOALS, judge
from comparison.measure import MEASURES, Plan, measure
from comparison.results import Machine, Measured, Reached, Results, merge, read, write
from comparison.table import page
from comparison.to_99 import race
from comparison.workers import WorkerError

import netspec as ns
from netspec.system.files import atomic_write

__all__ = ["main"]

_ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, write the page, and return the exit code."""
    chosen = _options().parse_args(arguments)
    try:
        if chosen.to_99:
            _race(chosen)
        elif chosen.profiles:
            _profile_again(chosen)
        elif not chosen.table:
            _compare(chosen)
        atomic_write(chosen.page, page(read(chosen.json)).encode())
    except (ns.NetspecError, ValueError, WorkerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {chosen.page}", file=sys.stderr)
    return 0


def _compare(chosen: argparse.Namespace) -> None:
    for name in chosen.nets:
        began = time.perf_counter()
        case = _case(name, chosen)
        plan = Plan(case, chosen.peers, chosen.only)
        for said in measure(plan):
            if isinstance(said, str):
                _tell(f"{name}: {said}")
            else:
                measured, versions = said
                # Judged with the peers that were measured before.
                both = merge(read(chosen.json), Results(networks={name: measured})).networks[name]
                measured = _explained(name, both, case)
                _record(chosen.json, Results(networks={name: measured}, versions=versions))
                _summarize(name, measured, time.perf_counter() - began)


def _explained(name: str, measured: Measured, case: Case) -> Measured:
    """Add where the time of a step goes, and that of inference, where they miss a goal."""
    step = _misses(name, measured, inference=False)
    alone = {batch: measured.model_copy(update={"inference": {batch: r}}) for batch, r in measured.inference.items()}
    slow = [batch for batch, only in alone.items() if _misses(name, only, inference=True)]
    if step or slow:
        _tell(f"{name}: profiling")
    return measured.model_copy(
        update={
            "profile": _profile(name, case, measured.batch) if step else (),
            "inference_profiles": {batch: _profile(name, case, batch, "--inference") for batch in slow},
        }
    )


def _misses(name: str, measured: Measured, *, inference: bool) -> bool:
    alone = Results(networks={name: measured})
    return any(judge(goal, alone).state == "not reached" for goal in GOALS if goal.inference == inference)


def _profile(name: str, case: Case, batch: int, *more: str) -> tuple[tuple[str, float], ...]:
    """Return where the time goes: the largest shares."""
    command = [sys.executable, str(_ROOT / "benchmarks" / "profile_step.py"), str(case.spec), "--json", "--top", "6"]
    command += ["--batch", str(batch), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"the profile of {name} failed: {done.stderr.strip()[-300:]}")
    return tuple((what, share) for what, share in json.loads(done.stdout))


def _profile_again(chosen: argparse.Namespace) -> None:
    for name, measured in read(chosen.json).networks.items():
        if name in chosen.nets:
            _record(chosen.json, Results(networks={name: _explained(name, measured, CASES[name])}))


def _case(name: str, chosen: argparse.Namespace) -> Case:
    case = quick(CASES[name]) if chosen.quick else CASES[name]
    steps = max(chosen.steps // case.batches, 1) * case.batches if chosen.steps else case.steps
    return replace(case, steps=steps, batch=chosen.batch or case.batch, rounds=chosen.rounds or case.rounds)


def _race(chosen: argparse.Namespace) -> None:
    for spec in chosen.to_99:
        for said in race(spec, range(chosen.seeds)):
            if isinstance(said, Reached):
                _record(chosen.json, Results(to_99={spec.stem: said}))
            else:
                _tell(f"{spec.stem}: {said}")


def _record(path: Path, results: Results) -> None:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax  # noqa: PLC0415 - only to say what computes, without taking its memory

    kind = jax.devices()[0]
    machine = Machine.this("cpu" if kind.platform == "cpu" else kind.device_kind)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write(path, merge(read(path), results.model_copy(update={"machine": machine, "date": now})))


def _summarize(name: str, measured: Measured, seconds: float) -> None:
    ratios = ", ".join(f"{peer} {rounds.ratio:.2f}" for peer, rounds in measured.training.items())
    doubtful = [peer for peer in measured.losses if measured.disagrees(peer)]
    _tell(f"{name}: {ratios or 'no training'} ({seconds:.0f} s)")
    if doubtful:
        _tell(f"{name}: other losses than netspec's: {', '.join(doubtful)}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Time netspec beside other libraries.")
    parser.add_argument("--nets", nargs="+", choices=list(CASES), default=list(CASES), metavar="NAME", help="networks")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS), metavar="NAME", help="of these")
    parser.add_argument("--rounds", type=_positive, help="rounds of A B A C …; 5, or 3 of deep networks, unless given")
    parser.add_argument("--steps", type=_positive, help="training steps in a round, rounded to whole passes")
    parser.add_argument("--batch", type=_positive, help="training batch instead of the recipe's")
    parser.add_argument(
        "--only", nargs="+", choices=MEASURES, default=MEASURES, metavar="MEASURE", help="of these only"
    )
    parser.add_argument("--quick", action="store_true", help="as little as shows that everything runs")
    parser.add_argument("--to-99", nargs="+", type=Path, metavar="SPEC", help="time these specs to 99 %% on MNIST")
    parser.add_argument("--seeds", type=_positive, default=5, help="seeds of --to-99; 5 unless given")
    parser.add_argument("--profiles", action="store_true", help="only profiles of what misses a goal")
    parser.add_argument("--table", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--json", type=Path, default=_ROOT / "benchmarks" / "results" / "compare.json", metavar="FILE")
    parser.add_argument("--page", type=Path, default=_ROOT / "docs" / "performance.md", metavar="FILE")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a positive number")
    return number


if __name__ == "__main__":
    sys.exit(main())
