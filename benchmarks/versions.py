"""Compares training steps between two Pythons, each with a JAX of its own: the ratio of the least times.

    python benchmarks/versions.py OLD/bin/python NEW/bin/python specs/lenet.net specs/resnet20.net --batch 16

The two take turns, step by step, and rest before each one; of each the least time counts, so that a busy machine makes
it last longer, but the ratio little worse. Both import netspec from this folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
REST = 0.02  # seconds


def work(spec: str, batch: int | None) -> None:
    """Time one step of a spec for each line of standard input."""
    from netspec.backends.host_memory import keep_memory  # noqa: PLC0415

    keep_memory()
    import jax  # noqa: PLC0415

    import netspec as ns  # noqa: PLC0415
    from netspec.graph.recipe_checks import used_batch  # noqa: PLC0415
    from netspec.workflows.bench import _step  # noqa: PLC0415

    network = ns.load(spec)
    run = _step(ns.compile(network), batch or used_batch(network))
    run(3)
    print(f"jax {jax.__version__}", flush=True)
    for _ in sys.stdin:
        time.sleep(REST)
        began = time.perf_counter()
        run(1)
        print(time.perf_counter() - began, flush=True)


def main() -> None:
    """Compare, and print a line for each spec."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="a Python")
    parser.add_argument("new", help="another one")
    parser.add_argument("specs", nargs="+")
    parser.add_argument("--batch", type=int, help="examples in a step; the recipe's unless given")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.specs[0], options.batch)
        return
    batch = ["--batch", str(options.batch)] if options.batch else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for spec in options.specs:
        workers = [
            subprocess.Popen(
                [python, __file__, "-", "-", spec, *batch, "--work"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for python in (options.old, options.new)
        ]
        names, least = [], [float("inf")] * 2
        for worker in workers:
            assert worker.stdout
            names.append(worker.stdout.readline().strip())
        for _ in range(options.rounds):
            for number, worker in enumerate(workers):
                assert worker.stdin
                assert worker.stdout
                print(file=worker.stdin, flush=True)
                least[number] = min(least[number], float(worker.stdout.readline()))
        for worker in workers:
            worker.communicate()
        old, new = least
        said = f"{names[0]} {1e3 * old:.2f} ms, {names[1]} {1e3 * new:.2f} ms"
        print(
            f"{spec}{', batch ' * bool(batch)}{options.batch or ''}: {said}: {new / old:.2f} times as long", flush=True
        )


if __name__ == "__main__":
    main()
