"""Shows where the time of a training step, or of inference, goes, by the function that asked for each operation.

    python benchmarks/profile_step.py specs/lenet.net
    python benchmarks/profile_step.py specs/lenet.net --by operation --top 30
    python benchmarks/profile_step.py specs/lenet.net --inference --batch 1

The step is the one that `netspec train` takes, at the recipe's batch size, on random examples; inference is
`Model.forward` from an array of the host to one. Times are those of JAX's own profiler, which sums the threads that
work at the same time; their shares are what counts. What a call takes longer than all of its operations together is a
row of its own: the way into the compiled program and back.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from comparison.where import Sources, read_trace, shares

import netspec as ns
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Split

__all__ = ["OUTSIDE", "main", "profile", "profile_inference"]

_WARM_UP = 3

OUTSIDE = "outside the operations"
"""What is left of a call's time."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    chosen = _options().parse_args(arguments)
    try:
        network = ns.load(chosen.spec, set={"train.batch": str(chosen.batch)} if chosen.batch else None)
        profiled = profile_inference if chosen.inference else profile
        seconds, sources = profiled(network, chosen.steps)
    except (ns.NetspecError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    names: Mapping[str, Callable[[str], str]] = {
        "function": lambda operation: operation if operation == OUTSIDE else sources.function(operation),
        "node": lambda operation: operation if operation == OUTSIDE else sources.node(operation),
        "operation": lambda operation: f"{operation} ({sources.function(operation)})",
    }
    each = "call" if chosen.inference else "step"
    total = sum(seconds.values())
    found = shares(seconds, names[chosen.by])[: chosen.top]
    if chosen.json:
        print(json.dumps([(share.name, share.seconds / total) for share in found]))
        return 0
    print(f"{network.name}, batch {network.recipe.batch}: {1e3 * total / chosen.steps:.2f} ms of operations a {each}\n")
    print(f"{'share':>6} {f'ms a {each}':>10}  {chosen.by}")
    for share in found:
        many = f"  [{len(share.operations)} operations]" if len(share.operations) > 1 else ""
        print(f"{share.seconds / total:6.1%} {1e3 * share.seconds / chosen.steps:10.3f}  {share.name}{many}")
    return 0


def profile(network: ns.Network, steps: int) -> tuple[dict[str, float], Sources]:
    """Return the seconds of each operation in some training steps, and where the operations come from."""
    model = ns.compile(network)
    trainer = Trainer(model, steps_per_epoch=steps, epochs=1, seed=0)
    data = trainer.place(_examples(network, model))
    indices = np.arange(network.recipe.batch, dtype=np.int32)
    state = trainer.start()
    for _ in range(_WARM_UP):
        state, _metrics = trainer.step(state, data, indices)
    jax.block_until_ready(state)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        with jax.profiler.trace(folder):
            for _ in range(steps):
                state, _metrics = trainer.step(state, data, indices)
            jax.block_until_ready(state)  # type: ignore[no-untyped-call]
        seconds = read_trace(Path(folder))
    text = trainer._step.lower(state, data.images, data.labels, indices).compile().as_text() or ""
    package = Path(ns.__file__).parent / "backends" / "jax"
    return seconds, Sources(text, package, {node.name for node in network.nodes})


def profile_inference(network: ns.Network, calls: int) -> tuple[dict[str, float], Sources]:
    """Return the seconds of each operation in some calls of `Model.forward`, and where the operations come from."""
    model, batch = ns.compile(network), network.recipe.batch
    variables, images = model.init(), _examples(network, model).images
    inputs = images if model.graph.tokens else images.astype(np.float32) / 255

    def several() -> None:
        for _ in range(calls):
            np.asarray(model.forward(variables, inputs))

    several()
    began = time.perf_counter()
    several()
    taken = time.perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        with jax.profiler.trace(folder):
            several()
        seconds = read_trace(Path(folder))
    # Threads that work at the same time count one after the other, so that this is the least that is left.
    seconds[OUTSIDE] = max(taken - sum(seconds.values()), 0.0)
    text = model.lower(batch).compile().as_text() or ""
    package = Path(ns.__file__).parent / "backends" / "jax"
    return seconds, Sources(text, package, {node.name for node in network.nodes})


def _examples(network: ns.Network, model: ns.Model) -> Split:
    """Return one batch of random examples."""
    rng, batch = np.random.default_rng(0), network.recipe.batch
    shape = (batch, *network.input)
    tokens = model.graph.tokens
    images = rng.integers(0, tokens, shape, np.int32) if tokens else rng.integers(0, 256, shape, dtype=np.uint8)
    classes = model.graph.shape(model.graph.logits)[0]
    return Split(images, rng.integers(0, classes, batch).astype(np.int32))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Show where the time of a training step goes.")
    parser.add_argument("spec", type=Path, help="a .net file")
    parser.add_argument("--by", choices=("function", "node", "operation"), default="function", help="what is summed up")
    parser.add_argument("--inference", action="store_true", help="of `Model.forward` instead of a training step")
    parser.add_argument("--steps", type=int, default=10, help="steps or calls that are traced; 10 unless given")
    parser.add_argument("--batch", type=int, help="instead of the recipe's")
    parser.add_argument("--top", type=int, default=20, help="rows; 20 unless given")
    parser.add_argument("--json", action="store_true", help="print names and shares as one line of JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
