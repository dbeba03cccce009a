"""Benchmark of a network on a device: training step, gradients and inference, beside a large matrix product."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from netspec.backends.jax.autotune import Tuning, device_name
from netspec.backends.jax.exhausted import enough_memory
from netspec.backends.jax.model import Model
from netspec.backends.jax.train.step import Trainer
from netspec.data.labels import ONE_ROW
from netspec.data.types import Split
from netspec.diagnostics.diagnostic import NetspecError
from netspec.graph.graph import Graph
from netspec.graph.recipe_checks import used_batch
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.planning import op_instances
from netspec.planning.explain import Line
from netspec.recipe.losses import CrossEntropy
from netspec.system.packages import installed_version
from netspec.workflows.compiling import compile_network

__all__ = ["Bench", "Measurement", "Operations", "What", "bench", "timed_in_turn"]

What: TypeAlias = Literal["training step", "loss and gradients", "inference"]

_INFERENCE = (1, 1024)
"""Batches of inference, beside the recipe's."""

_ROUNDS = 7
_ROUND = 0.1
"""Seconds that a round of one measurement takes about, where a call takes less."""

_PRODUCT = {"cpu": 2048}
_PRODUCT_ELSEWHERE = 8192
"""Rows and columns of the matrices whose product is the measure of all."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one call takes.

    Attributes:
        what: which call.
        batch: examples in it.
        rounds: seconds of a call in each round.
        first: seconds of the first call, in which the program is traced and compiled.
        flops: floating-point operations of one call: those of the forward pass, and as many again for each gradient.
    """

    what: What
    batch: int
    rounds: tuple[float, ...]
    first: float
    flops: float

    @property
    def seconds(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of what lies between the quartiles of the rounds, as a share of the median."""
        low, _, high = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return (high - low) / 2 / self.seconds

    @property
    def examples_per_second(self) -> float:
        """Examples that are done in a second."""
        return self.batch / self.seconds

    @property
    def gflops(self) -> float:
        """Floating-point operations a second, in thousands of millions."""
        return self.flops / self.seconds / 1e9


@dataclass(frozen=True, slots=True)
class Operations:
    """How each operation was computed, in training or in inference at a batch."""

    training: bool
    batch: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """All that was measured.

    Attributes:
        name: of the network.
        device: what computed.
        platform: `cpu`, `gpu` …
        versions: of netspec, jax and jaxlib.
        product_gflops: what a large matrix product of float32 reached in the same rounds.
        measurements: in the order of the table.
        operations: of training, then of each batch of inference.
    """

    name: str
    device: str
    platform: str
    versions: Mapping[str, str]
    product_gflops: float
    measurements: tuple[Measurement, ...]
    operations: tuple[Operations, ...]


_Runner: TypeAlias = Callable[[int], None]
"""Calls a function so many times, and waits until all is done."""


@enough_memory()
def bench(
    network: Network,
    device: str | jax.Device | None = None,
    *,
    graph: Graph | None = None,
    batch: int | None = None,
    steps: int | None = None,
    autotune: bool | None = None,
    progress: Callable[[str], None] | None = None,
) -> Bench:
    """Measure a network on random data of the right shape.

    Args:
        network: what is measured.
        device: what computes; JAX's default unless given.
        graph: of the network; traced here unless given.
        batch: examples a call, instead of the recipe's in training, and of 1, the recipe's and 1024 in inference.
        steps: calls in a round; unless given, so many that a round takes about a tenth of a second.
        autotune: as for `netspec.compile`.
        progress: called with what is done now.

    Raises:
        SpecError: when shapes do not fit.
        DeviceError: when there is no such device.
    """
    say = progress or (lambda _: None)
    graph = trace(network) if graph is None else graph
    for output in graph.outputs:
        shape = graph.shape(output.logits)
        if len(graph.outputs) > 1 or len(shape) == 1 or network.reconstructs:
            continue
        raise NetspecError(
            f"{network.name} ends in {'x'.join(map(str, shape))} numbers: there is nothing it could be trained on",
            ONE_ROW,
        )
    model = compile_network(network, device, autotune=autotune, graph=graph, tuning=lambda t: say(_tuning_text(t)))
    training = batch or used_batch(network)
    inference = (batch,) if batch else tuple(sorted({*_INFERENCE, training}))
    calls: dict[tuple[What, int], _Runner] = {}
    modes = [(True, training), *((False, size) for size in inference)]
    say("choosing how to compute")
    operations = tuple(Operations(g, n, tuple(model.explain(n, gradient=g))) for g, n in modes)
    calls["training step", training] = _step(model, training)
    calls["loss and gradients", training] = _gradients(model, training)
    calls |= {("inference", size): _inference(model, size) for size in inference}
    product, size = _product(model.device)
    first: dict[tuple[What, int], float] = {}
    for (what, count), run in calls.items():
        say(f"compiling: {what}, batch {count:,}")
        first[what, count] = _seconds(run, 1)
    product(1)
    rounds = timed_in_turn([product, *calls.values()], steps=steps, progress=say)
    flops = {True: _training_flops(model.graph, training) / training, False: float(model.graph.flops)}
    return Bench(
        name=network.name,
        device=device_name(model.device).removeprefix(f"{model.device.platform}: "),
        platform=model.device.platform,
        versions={name: installed_version(name) or "" for name in ("netspec", "jax", "jaxlib")},
        product_gflops=2 * size**3 / statistics.median(rounds[0]) / 1e9,
        measurements=tuple(
            Measurement(
                what=what,
                batch=count,
                rounds=tuple(taken),
                first=first[what, count],
                flops=count * flops[what != "inference"],
            )
            for (what, count), taken in zip(calls, rounds[1:], strict=True)
        ),
        operations=operations,
    )


def _tuning_text(tuning: Tuning) -> str:
    at = f"{tuning.done + bool(tuning.operation)} of {tuning.total}"
    return f"autotune: measuring {at}: {tuning.operation}" if tuning.operation else f"autotune: measured {at}"


# --- timing -------------------------------------------------------------------------------------------------------


def timed_in_turn(
    runners: list[_Runner],
    *,
    steps: int | None = None,
    progress: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[list[float]]:
    """Return, for each runner, the seconds of a call in each round. They take turns: a machine is not always as fast.

    Args:
        runners: programs that have run before.
        steps: calls in a round; chosen for each runner unless given.
        progress: called with the round.
        clock: returns the time in seconds.
    """
    counts = [steps or max(1, min(1000, int(_ROUND / max(_seconds(run, 1, clock), 1e-9)))) for run in runners]
    taken: list[list[float]] = [[] for _ in runners]
    for number in range(_ROUNDS):
        if progress:
            progress(f"round {number + 1} of {_ROUNDS}")
        for run, count, own in zip(runners, counts, taken, strict=True):
            own.append(_seconds(run, count, clock) / count)
    return taken


def _seconds(run: _Runner, count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    began = clock()
    run(count)
    return clock() - began


# --- what is called -----------------------------------------------------------------------------------------------


def _inference(model: Model, batch: int) -> _Runner:
    """Return a runner of `model.forward`, each call waited for, as somebody who needs the answer does."""
    variables, x = model.init(), jax.device_put(_images(model.graph, batch), model.device)

    def run(count: int) -> None:
        for _ in range(count):
            jax.block_until_ready(model.forward(variables, x))  # type: ignore[no-untyped-call]

    return run


def _gradients(model: Model, batch: int) -> _Runner:
    """Return a runner of `model.backward` in training."""
    x, y = jax.device_put((_images(model.graph, batch), _labels(model.graph, batch)), model.device)
    if model.network.reconstructs:
        compared = next((o for o in model.graph.outputs if o.loss.compares), model.graph.outputs[0])
        y = model.targets(x, y).reshape(batch, *model.graph.shape(compared.logits))
    variables, rng = model.init(), jax.random.key(0)

    def run(count: int) -> None:
        for _ in range(count):
            loss, gradients = model.backward(variables, x, y, train=True, rng=rng)
            jax.block_until_ready((loss, gradients))  # type: ignore[no-untyped-call]

    return run


def _step(model: Model, batch: int) -> _Runner:
    """Return a runner of training steps, each on the state that the one before made; the last one is waited for."""
    # So long a training that no step of it is one of the last, which see images as they are.
    trainer = Trainer(model, steps_per_epoch=1000, epochs=1_000_000, seed=0)
    data = trainer.place(Split(_images(model.graph, 2 * batch), _labels(model.graph, 2 * batch)))
    indices = np.random.default_rng(0).permutation(2 * batch)[:batch].astype(np.int32)
    state = trainer.start()

    def run(count: int) -> None:
        nonlocal state
        for _ in range(count):
            state, metrics = trainer.step(state, data, indices)
        jax.block_until_ready((state, metrics))  # type: ignore[no-untyped-call]

    return run


def _product(device: jax.Device) -> tuple[_Runner, int]:
    """Return a runner of a large matrix product, and the size of its matrices."""
    size = _PRODUCT.get(device.platform, _PRODUCT_ELSEWHERE)
    a = jax.device_put(np.random.default_rng(0).standard_normal((size, size), np.float32), device)
    dot = jax.jit(jnp.matmul)

    def run(count: int) -> None:
        for _ in range(count):
            dot(a, a).block_until_ready()

    return run, size


def _images(graph: Graph, count: int) -> Any:
    """Return random inputs as a dataset has them: bytes, or token numbers; several by their names."""
    rng = np.random.default_rng(0)
    made = {
        i.name: rng.integers(i.tokens, size=(count, *i.shape), dtype=np.int32)
        if i.tokens
        else rng.integers(256, size=(count, *i.shape), dtype=np.uint8)
        for i in graph.inputs
    }
    return made if len(made) > 1 else next(iter(made.values()))


def _labels(graph: Graph, count: int) -> Any:
    """Return random targets: classes; of several outputs by their names, numbers where one gives several axes."""
    rng = np.random.default_rng(1)
    made: dict[str, Any] = {}
    for output in sorted(graph.outputs, key=lambda output: output.loss.compares):
        shape = graph.shape(output.logits)
        if len(graph.outputs) > 1 and (len(shape) > 1 or not isinstance(output.loss, CrossEntropy)):
            made[output.target] = rng.random((count, *shape), np.float32)
        else:
            made[output.target] = rng.integers(max(shape[0], 2), size=count, dtype=np.int32)
    return made if len(graph.outputs) > 1 else next(iter(made.values()))


def _training_flops(graph: Graph, batch: int) -> float:
    """Return the operations of a step: forward, and again for the gradients of parameters and of the input."""
    listed = zip(graph.operations, op_instances(graph, batch, gradient=True), strict=True)
    return float(sum(batch * o.flops * (1 + bool(o.parameters) + p.input_gradient) for o, p in listed))
