"""The goals, as data, and whether what was measured reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple, TypeAlias

from comparison.cases import CASES, MULTILAYER, PEERS, TUTORIAL_CONVOLUTIONS
from comparison.results import Cache, Measured, Reached, Results, Rounds

__all__ = ["GOALS", "TIMES", "Goal", "State", "TimeGoal", "Verdict", "judge", "judge_time"]

_LAYERS = ("keras", "flax")
_TORCH = ("torch", "torch_best", "torch_compile", "torch_compile_best")
_EVERYONE = tuple(peer for peer in PEERS if peer != "bare")
State: TypeAlias = Literal["reached", "not reached", "not measured"]


@dataclass(frozen=True)
class Goal:
    """Each of some peers takes at least `ratio` times as long as netspec: training, or inference at all batch sizes."""

    text: str
    networks: Sequence[str]
    peers: Sequence[str]
    ratio: float
    inference: bool = False
    batches: Sequence[int] = ()
    """Only these, where the goal is about inference."""


GOALS: Sequence[Goal] = (
    Goal("convolutional tutorials: 3x faster than Keras and Flax", TUTORIAL_CONVOLUTIONS, _LAYERS, 3.0),
    Goal("convolutional tutorials: 1.5x faster than the fastest PyTorch", TUTORIAL_CONVOLUTIONS, _TORCH, 1.5),
    Goal("perceptrons and softmax: 1.5x faster than Keras and Flax", MULTILAYER, _LAYERS, 1.5),
    Goal("perceptrons and softmax: 2x faster than the fastest PyTorch", MULTILAYER, _TORCH, 2.0),
    Goal("mobilenet: 3x faster than Keras", ("mobilenet",), ("keras",), 3.0),
    Goal("mobilenet: 1.5x faster than the fastest PyTorch", ("mobilenet",), _TORCH, 1.5),
    Goal("resnet20, transformer: 1.5x faster than Keras and Flax", ("resnet20", "transformer"), _LAYERS, 1.5),
    Goal("resnet20, transformer: not slower than the fastest PyTorch", ("resnet20", "transformer"), _TORCH, 1.0),
    Goal("LeNet step within 2.5x of its matrix products", ("lenet",), ("floor",), 1 / 2.5),
    Goal("inference: never slower than the best peer", tuple(CASES), _EVERYONE, 1.0, inference=True),
    Goal("inference of one example: 2x faster than Keras `predict`", tuple(CASES), ("keras",), 2.0, True, (1,)),
    Goal("inference within 1.1x of a bare jitted function", tuple(CASES), ("bare",), 1 / 1.1, inference=True),
)


@dataclass(frozen=True)
class TimeGoal:
    """A median time from process start to an accuracy, with an empty or a filled compilation cache."""

    text: str
    seconds: float
    cache: Cache


TIMES: Sequence[TimeGoal] = (
    TimeGoal("99 % on MNIST within 20 s of process start, warm cache", 20.0, "warm"),
    TimeGoal("99 % on MNIST within 30 s of process start, cold cache", 30.0, "cold"),
)


class Verdict(NamedTuple):
    """Whether a goal is reached, by how many of its comparisons, and the ones that fail, worst first."""

    state: State
    held: int
    compared: int
    misses: Sequence[str]


def judge(goal: Goal, results: Results) -> Verdict:
    """Return whether a goal is reached on everything that was measured."""
    compared = sorted(_compared(goal, results), key=lambda pair: pair[1])
    missed = [(what, ratio) for what, ratio in compared if ratio < goal.ratio]
    if not compared:
        return Verdict("not measured", 0, 0, ())
    state: State = "not reached" if missed else "reached"
    texts = tuple(f"{what} {_times(goal, ratio)}" for what, ratio in missed)
    return Verdict(state, len(compared) - len(missed), len(compared), texts)


def judge_time(goal: TimeGoal, reached: Reached) -> Verdict:
    """Return whether the median of the seeds is within the time."""
    if not reached.of(goal.cache):
        return Verdict("not measured", 0, 0, ())
    middle = reached.median(goal.cache)
    if middle <= goal.seconds:
        return Verdict("reached", 1, 1, ())
    return Verdict("not reached", 0, 1, ("never" if middle == inf else f"{middle:.1f} s",))


def _compared(goal: Goal, results: Results) -> Iterator[tuple[str, float]]:
    """Yield (what, ratio): for each network and batch size the peer that comes closest to the goal."""
    for name in goal.networks:
        measured = results.networks.get(name)
        if measured is None:
            continue
        for where, rounds in _places(goal, name, measured):
            found = {peer: rounds[peer].ratio for peer in goal.peers if peer in rounds}
            if found:
                peer = min(found, key=lambda peer: found[peer])
                title = PEERS[peer].title if peer in PEERS else peer
                yield f"{where} ({title})", found[peer]


def _places(goal: Goal, name: str, measured: Measured) -> Iterator[tuple[str, dict[str, Rounds]]]:
    if not goal.inference:
        yield name, {**measured.training, **({"floor": measured.floor} if measured.floor else {})}
        return
    for batch, rounds in measured.inference.items():
        if not goal.batches or batch in goal.batches:
            yield f"{name} at {batch}", dict(rounds)


def _times(goal: Goal, ratio: float) -> str:
    """Return a ratio as the goal says it: below 1 it is about how much longer netspec may take."""
    return f"{1 / ratio:.2f}x as long" if goal.ratio < 1 else f"{ratio:.2f}x"
