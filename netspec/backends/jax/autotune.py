"""Autotuning: the strategies of each operation, each compiled alone, are timed on the device, and the times stored.

What is measured are the operations that are loops of their own: convolutions, pooling, matrix products. All others
XLA melts into those around them, where they do not take the time that they take alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import jax
import numpy as np

from netspec import ops
from netspec.backends.jax.emitters import EMITTERS, EmitContext, OpContext
from netspec.backends.timings import TimingsCache, cpu_name
from netspec.graph.graph import Operation
from netspec.ops import Shape, format_shape
from netspec.planning import Layout, OpInstance, Strategy, Timings
from netspec.planning.cost import expected

__all__ = ["Autotuner", "Tuning", "device_name", "measure", "race"]

_MEASURED = (ops.Conv, ops.ConvTranspose, ops.MaxPool, ops.AvgPool, ops.MatMul)

_HOPELESS = 20
"""What is expected to take so many times as long as the best is not tried: it costs memory and patience."""

_GIVE_UP = 3
"""What has been seen to take so many times as long as the best is not measured again."""

_ROUNDS = 30
_ENOUGH = 0.2
"""Seconds after which an operation has been measured long enough, after a few rounds."""

_SHORT = 200e-6
"""Seconds. Of programs that take less, several runs are taken together where they do not overlap."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How far the measuring for a plan is.

    Attributes:
        done: operations that are measured.
        total: operations to measure.
        operation: which is measured now; "" at the end.
        seconds: since the first one.
        note: why the times could not be kept; "" where they are.
    """

    done: int
    total: int
    operation: str
    seconds: float
    note: str = ""


Runner: TypeAlias = Callable[[int], None]
"""Runs a program so many times, and waits until it is done."""


class Autotuner:
    """Gives the times of a plan's operations: those that are remembered, and for the others measures them.

    Args:
        folder: where they are remembered.
        batches: the batch sizes that are measured; all unless given.
        progress: called before each operation that is measured, and at the end; never where all are known.
        measure: gives the microseconds of some strategies.
    """

    def __init__(
        self,
        folder: Path,
        *,
        batches: Collection[int] | None = None,
        progress: Callable[[Tuning], None] | None = None,
        measure: Callable[[OpInstance, jax.Device], Mapping[Strategy, float]] | None = None,
    ) -> None:
        self.folder = folder
        self._batches = batches
        self._known: dict[tuple[str, OpInstance], Mapping[Strategy, float]] = {}
        self._alone = Lock()
        self._progress = progress or (lambda _: None)
        self._measure = measure or _measure_apart

    def __call__(self, listed: Sequence[OpInstance], device: jax.Device) -> Timings:
        """Return the times on a device; see `plans.Tune`."""
        # Programs are compiled in threads, and what is measured side by side is not measured.
        with self._alone:
            return self._times(listed, device)

    def _times(self, listed: Sequence[OpInstance], device: jax.Device) -> Timings:
        name = device_name(device)
        remembered = TimingsCache(self.folder, name)
        missing: list[OpInstance] = []
        for instance in dict.fromkeys(filter(self._worth_measuring, listed)):
            found = self._known.get((name, instance)) or remembered.get(instance)
            if found is None:
                missing.append(instance)
            else:
                self._known[name, instance] = found
        if missing:
            self._measure_all(missing, device, remembered)
        return lambda instance: self._known.get((name, instance), {})

    def _worth_measuring(self, instance: OpInstance) -> bool:
        wanted = self._batches is None or instance.batch in self._batches
        return wanted and isinstance(instance.op, _MEASURED) and len(list(instance.strategies())) > 1

    def _measure_all(self, missing: Sequence[OpInstance], device: jax.Device, remembered: TimingsCache) -> None:
        began, note, total = time.perf_counter(), "", len(missing)
        for done, instance in enumerate(missing):
            self._progress(Tuning(done, total, _words(instance), time.perf_counter() - began))
            found = self._known[remembered.device, instance] = self._measure(instance, device)
            try:
                remembered.put(instance, found)
            except OSError as error:
                note = f"{self.folder}: {error.strerror or error}"
        self._progress(Tuning(total, total, "", time.perf_counter() - began, note))


def device_name(device: jax.Device) -> str:
    """Return a name that differs between devices of different speed."""
    return cpu_name() if device.platform == "cpu" else f"{device.platform}: {device.device_kind}"


def _words(instance: OpInstance) -> str:
    """Return an operation in words: `Conv 1x28x28 to 20x24x24, batch 64, with gradients`."""
    shapes = f"{format_shape(instance.inputs[0])} to {format_shape(instance.output)}"
    return f"{type(instance.op).__name__} {shapes}, batch {instance.batch}{', with gradients' * instance.gradient}"


# --- one operation ------------------------------------------------------------------------------------------------


def _measure_apart(instance: OpInstance, device: jax.Device) -> Mapping[Strategy, float]:
    """Measure in a thread of its own: plans are made while a function is traced, and there nothing would run."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(measure, instance, device).result()


def measure(instance: OpInstance, device: jax.Device) -> dict[Strategy, float]:
    """Return the microseconds of each strategy that is worth trying and that the platform can compile."""
    cost = {strategy: expected(instance, strategy, device.platform) for strategy in instance.strategies()}
    tried = [strategy for strategy in cost if cost[strategy] <= _HOPELESS * min(cost.values())]
    runners: dict[Strategy, Runner] = {}
    for strategy in sorted(tried, key=cost.__getitem__):
        try:
            runner = _compiled(instance, strategy, device)
            runner(1)
        except jax.errors.JaxRuntimeError:
            continue  # the platform cannot compile it, or has no memory for it: another strategy will do
        runners[strategy] = runner
    seconds = race(runners, overlapping=device.platform == "cpu")
    return {strategy: 1e6 * s for strategy, s in seconds.items()}


def race(
    runners: Mapping[Strategy, Runner], *, overlapping: bool, clock: Callable[[], float] = time.perf_counter
) -> dict[Strategy, float]:
    """Return the least seconds that a run of each program took. They run in turn: a machine is not always as fast.

    Args:
        runners: the programs, each of which has run before.
        overlapping: whether runs that are started one after the other overlap, so that each has to be waited for.
        clock: returns the time in seconds.
    """

    def timed(strategy: Strategy, times: int) -> float:
        began = clock()
        runners[strategy](times)
        return (clock() - began) / times

    best = {strategy: timed(strategy, 1) for strategy in runners}
    spent = 0.0
    for number in range(_ROUNDS):
        for strategy in [w for w in best if best[w] <= _GIVE_UP * min(best.values())]:
            times = 1 if overlapping else max(1, min(20, int(_SHORT / max(best[strategy], 1e-9))))
            best[strategy] = min(best[strategy], timed(strategy, times))
            spent += best[strategy] * times  # what disturbs a run does not shorten the search
        if number >= 3 and spent > _ENOUGH:
            break
    return best


def _compiled(instance: OpInstance, strategy: Strategy, device: jax.Device) -> Runner:
    """Return a runner of one strategy on random numbers, compiled."""
    rng = np.random.default_rng(0)

    def array(shape: Shape) -> Any:
        return jax.device_put(rng.standard_normal(shape, np.float32), device)

    x = array(_placed(instance.inputs[0], instance.batch, strategy.layout))
    parameters = [array(shape) for shape in instance.parameters]
    function = _forward(instance, strategy)
    arguments: tuple[Any, ...] = (x, parameters)
    if instance.gradient and (parameters or instance.input_gradient):
        back = array(_placed(instance.output, instance.batch, strategy.layout))
        function, arguments = _with_gradients(function, instance.input_gradient), (x, parameters, back)
    program = jax.jit(function).lower(*arguments).compile()

    def run(times: int) -> None:
        for _ in range(times):
            made = program(*arguments)
        jax.block_until_ready(made)  # type: ignore[no-untyped-call]

    return run


def _placed(shape: Shape, batch: int, layout: Layout) -> Shape:
    """Return the shape of a batch in a layout."""
    declared = (batch, *shape)
    return tuple(declared[axis] for axis in layout.axes(len(declared)))


def _forward(instance: OpInstance, strategy: Strategy) -> Callable[..., Any]:
    operation = Operation(instance.op, (0,), (), 1, instance.output, "", 0)
    context = OpContext(operation, strategy.layout, strategy.name)
    emit = EMITTERS[type(instance.op)]
    return lambda x, parameters: emit(instance.op, EmitContext(instance.gradient, None), context, x, parameters)


def _with_gradients(forward: Callable[..., Any], input_gradient: bool) -> Callable[..., Any]:
    """Return a function to the output and the gradients: with respect to the parameters, and to the input if asked."""

    def both(x: jax.Array, parameters: list[jax.Array], back: jax.Array) -> Any:
        if input_gradient:
            made, pull = jax.vjp(forward, x, parameters)
        else:
            made, pull = jax.vjp(lambda p: forward(x, p), parameters)
        return made, pull(back)

    return both
