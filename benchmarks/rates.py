"""Measures what netspec/planning/rates.py holds: how fast this JAX computes convolutions, with each strategy.

    python benchmarks/rates.py --keep build/rates-0.12.json

Each strategy is compiled alone, as autotuning does it, and the least time of many runs counts; the strategies of one
convolution take turns, with a rest before each run, so that a busy machine still gives each of them a moment to
itself. With `--keep` the least times of earlier runs count too, so that one version can be measured in turn with
another one.

The table says, for each convolution, the fastest strategies with what was measured and, in parentheses, what the rates
in use expect, and how much slower the strategy that they expect to be fastest is than the one that was. The rates of a
new version are those under which no strategy is chosen that is more than a tenth slower.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

from netspec.backends.host_memory import keep_memory

keep_memory()  # before JAX is imported, as in every training

import jax  # noqa: E402

import netspec as ns  # noqa: E402
from netspec import ops  # noqa: E402
from netspec.backends.jax.autotune import Runner, _compiled  # noqa: E402
from netspec.graph.trace import trace  # noqa: E402
from netspec.passes import Mode, optimize  # noqa: E402
from netspec.planning import OpInstance, Strategy, op_instances  # noqa: E402
from netspec.planning.cost import expected  # noqa: E402

CASES = (
    ("1x28x28", "conv 20 5x5", 64),  # LeNet
    ("20x12x12", "conv 50 5x5", 64),
    ("3x32x32", "conv 16 3x3 pad=1", 128),  # ResNet-20
    ("16x32x32", "conv 16 3x3 pad=1", 128),
    ("16x32x32", "conv 32 3x3 stride=2 pad=1", 128),
    ("32x16x16", "conv 32 3x3 pad=1", 128),
    ("64x8x8", "conv 64 3x3 pad=1", 128),
    ("32x28x28", "conv 64 3x3", 64),
    ("128x8x8", "conv 128 3x3 pad=1", 64),
    ("64x16x16", "conv 64 3x3 pad=1", 32),
    ("32x12x12", "conv 32 5x5", 64),
    ("8x28x28", "conv 16 3x3", 32),
    ("16x14x14", "conv 32 5x5 pad=2", 64),
    ("32x32x32", "conv 64 1x1", 64),
)
"""Input, convolution, images."""

REST = 0.02
"""Seconds before each run: who has rested is given the processor first."""

HOPELESS = 2.5
"""What took so many times as long as the best in the first rounds is not run again."""


def instances() -> Iterator[tuple[str, OpInstance]]:
    """Yield the convolutions, in training and in inference, each with its name."""
    for shape, line, batch in CASES:
        first = shape[:2] in {"1x", "3x"}
        before = "" if first else f"conv {shape.partition('x')[0]} 1x1; "
        network = ns.parse(f"input {shape}; {before}{line}; globalpool; fc 10")
        for gradient in (True, False):
            graph = optimize(trace(network), Mode.TRAINING if gradient else Mode.INFERENCE)
            found = [p for p in op_instances(graph, batch, gradient=gradient) if isinstance(p.op, ops.Conv)]
            mode = "step" if gradient else "forward"
            yield f"{batch} x {shape} {line}, {mode}", found[0 if first else 1]


def name(strategy: Strategy) -> str:
    """Return the name of a strategy with its layout."""
    return f"{strategy.name} {strategy.layout.name}"


def measure(instance: OpInstance, rounds: int) -> dict[str, float]:
    """Return the least microseconds of each strategy."""
    device = jax.devices()[0]
    runners: dict[str, Runner] = {}
    for strategy in instance.strategies():
        try:
            runners[name(strategy)] = _compiled(instance, strategy, device)
            runners[name(strategy)](1)
        except jax.errors.JaxRuntimeError:
            continue
    best = dict.fromkeys(runners, math.inf)
    for number in range(rounds):
        for key in list(runners):
            if number >= 6 and best[key] > HOPELESS * min(best.values()):
                continue
            time.sleep(REST)
            began = time.perf_counter()
            runners[key](1)
            best[key] = min(best[key], 1e6 * (time.perf_counter() - began))
    return best


def line(key: str, instance: OpInstance, known: dict[str, float]) -> str:
    """Return what was measured of one convolution, beside what was expected."""
    foreseen = {name(strategy): expected(instance, strategy, "cpu") for strategy in instance.strategies()}
    chosen = min(known, key=lambda strategy: foreseen[strategy])
    loss = known[chosen] / min(known.values()) - 1
    fastest = " | ".join(f"{w} {known[w]:,.0f} ({foreseen[w]:,.0f})" for w in sorted(known, key=known.__getitem__)[:4])
    return f"{key}: {fastest}; chosen: {chosen}, {100 * loss:.0f} % slower than the best"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="a file of least times, which this run adds to")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    kept: dict[str, dict[str, float]] = {}
    if options.keep and options.keep.is_file():
        kept = json.loads(options.keep.read_text(encoding="utf-8"))
    for key, instance in instances():
        known = kept.setdefault(key, {})
        for strategy, microseconds in measure(instance, options.rounds).items():
            known[strategy] = min(known.get(strategy, math.inf), microseconds)
        if options.keep:
            options.keep.parent.mkdir(parents=True, exist_ok=True)
            options.keep.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(line(key, instance, known), flush=True)


if __name__ == "__main__":
    main()
