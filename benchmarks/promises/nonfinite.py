"""Numbers that are not finite, put into trainings at random moments: all are caught, and none is ever saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import netspec as ns
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Dataset, Split
from netspec.runs import files as runs
from netspec.runs import model_file
from netspec.runs.checkpoints import Checkpoints
from netspec.workflows import train as session
from promises.frame import Effort, Found

__all__ = ["measure"]

_LAYERS = (
    "fc 12 relu; fc 3 softmax",
    "fc 12 tanh; batchnorm; fc 3 softmax",
    "reshape 1x6x6; conv 4 3x3 relu; pool 2; fc 3 softmax",
    "reshape 1x6x6; conv 4 3x3 relu; batchnorm; dropout 0.2; fc 3 softmax",
)
_STEPS, _BATCH = 8, 16


def measure(effort: Effort) -> Found:
    """Spoil a weight after a step, or an example of the data, or the learning rate; stop, or go back and go on."""
    rng = Random(effort.seed)
    count = effort.of(100, 4)
    wrong: list[str] = []
    kinds = {"weight": 0, "example": 0, "rate": 0}
    for i in range(count):
        kind = rng.choice(sorted(kinds))
        kinds[kind] += 1
        problem = _one(rng, kind, effort.folder / str(i))
        if problem:
            wrong.append(f"{kind}: {problem}")
    told = ", ".join(f"{times} times by {_NAMES[kind]}" for kind, times in kinds.items())
    return Found(
        done=f"{count} trainings spoilt at a random step: {told}; half of those by an example had "
        "`on_nonfinite rewind`",
        figure=f"{count - len(wrong)} caught with the step and what went wrong named; {len(wrong)} not, or with a "
        "checkpoint or model that is not finite" + (f": {wrong[0]}" if wrong else ""),
        kept=not wrong,
    )


_NAMES = {
    "weight": "a weight that becomes NaN or infinite",
    "example": "an example with NaN",
    "rate": "a learning rate",
}


def _one(rng: Random, kind: str, folder: Path) -> str:
    """Train a network that is spoilt in one way; returns what is wrong with how that was dealt with."""
    random = np.random.default_rng(rng.getrandbits(32))
    x = random.standard_normal((_STEPS * _BATCH, 36)).astype(np.float32)
    y = x[:, :3].argmax(axis=1).astype(np.int32)
    test = Split(x[:_BATCH].copy(), y[:_BATCH])
    rewinds = kind == "example" and rng.random() < 0.5
    optimizer = f"sgd lr={10.0 ** rng.randint(20, 38):.0e}" if kind == "rate" else "adam"
    recipe = f"optimizer {optimizer}; batch {_BATCH}; epochs 3; seed {rng.randint(0, 99)}"
    recipe += f"; checkpoint every={rng.randint(1, 9)}"
    recipe += "; on_nonfinite rewind" if rewinds else ""
    network = ns.parse(f'input 36; {rng.choice(_LAYERS)}; data "mine"; train {{ {recipe} }}', name="spoilt")
    if kind == "example":
        x[rng.randrange(len(x)), rng.randrange(36)] = np.nan
    data = Dataset.of("mine", Split(x, y), test, ("0", "1", "2"))
    step = rng.randrange(3 * _STEPS)
    message = ""
    with _spoilt(step, rng) if kind == "weight" else _as_it_is():
        try:
            events = list(session.train(network, data, out=folder, log_every=rng.randint(1, 9)))
        except ns.NonFiniteLossError as error:
            message, events = error.message, []
    return _unsound(folder) or (_not_gone_on(events) if rewinds else _not_named(message, kind, step))


def _not_named(message: str, kind: str, step: int) -> str:
    if not message:
        return "not caught"
    if kind == "weight" and f"at step {step + 1} " not in message:
        return f"the step is {step + 1}: {message}"
    return "" if " finite" in message.partition(": ")[2] else f"no cause is named: {message}"


def _not_gone_on(events: list[Any]) -> str:
    if not events or not isinstance(events[-1], ns.Finished):
        return "it did not go on"
    return "" if events[-1].result.left_out == 3 else f"{events[-1].result.left_out} batches left out in 3 epochs"


def _unsound(folder: Path) -> str:
    """Return what was saved and is not finite."""
    snapshot, damaged = Checkpoints(folder).newest()
    arrays = {n: a for n, a in snapshot.arrays.items() if n != "history"} if snapshot else {}
    for name in (runs.BEST, runs.LAST):
        if (folder / name).exists():
            arrays |= model_file.read(folder / name).arrays
    bad = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
    return damaged[0] if damaged else f"{bad[0]} was saved" if bad else ""


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _spoilt(step: int, rng: Random) -> Iterator[None]:
    """Let a trained value become another after a step, whenever that step is taken."""
    advance, value, pick = Trainer.advance, rng.choice((np.nan, np.inf, -np.inf)), rng.random()

    def spoiling(self: Trainer, state: Any, history: Any, data: Any, order: Any, call: Any) -> Any:
        before = int(state.step)
        state, history = advance(self, state, history, data, order, call)
        if before <= step < before + call.steps:
            places = [(node, name) for node, own in state.params.items() for name in own]
            node, name = places[int(pick * len(places))]
            own = {**state.params[node], name: state.params[node][name].at[0].set(value)}
            state = state._replace(params={**state.params, node: own})
        return state, history

    Trainer.advance = spoiling  # type: ignore[method-assign]
    try:
        yield
    finally:
        Trainer.advance = advance  # type: ignore[method-assign]
