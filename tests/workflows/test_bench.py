"""The measuring of `netspec bench`: rounds in turn, waited for, medians; FLOPs of a step counted by hand."""

from __future__ import annotations

import pytest

import netspec as ns
from netspec.graph.trace import trace
from netspec.workflows.bench import Measurement, _training_flops, bench, timed_in_turn


class Clock:
    """A clock that only runs when a program does, and the order in which programs ran."""

    def __init__(self) -> None:
        self.now, self.ran = 0.0, list[str]()

    def __call__(self) -> float:
        return self.now

    def takes(self, name: str, seconds: float, slow: int = 0) -> object:
        def run(count: int) -> None:
            self.ran.append(f"{name}{count}")
            self.now += count * seconds * (3 if len(self.ran) == slow else 1)

        return run


def test_programs_take_turns_and_quick_ones_are_called_more_often() -> None:
    clock = Clock()
    rounds = timed_in_turn([clock.takes("a", 1.0), clock.takes("b", 1 / 128)], clock=clock)
    assert rounds == [pytest.approx([1.0] * 7), pytest.approx([1 / 128] * 7)]
    assert clock.ran == ["a1", "b1", *["a1", "b12"] * 7]


def test_a_disturbed_round_stays_in_it_and_out_of_the_median() -> None:
    clock = Clock()
    told: list[str] = []
    (rounds,) = timed_in_turn([clock.takes("a", 1.0, slow=4)], steps=2, clock=clock, progress=told.append)
    assert rounds == pytest.approx([1, 1, 1, 3, 1, 1, 1])
    assert (clock.ran[0], told[-1]) == ("a2", "round 7 of 7")
    found = Measurement("inference", 10, tuple(rounds), first=5.0, flops=4e9)
    assert (found.seconds, found.spread, found.examples_per_second, found.gflops) == (1, 0, 10, 4)
    assert Measurement("inference", 1, (1, 2, 3, 4, 5), 1, 1).spread == pytest.approx(1 / 3)


def test_the_operations_of_a_step() -> None:
    graph = trace(ns.parse("input 5; fc 4 relu; fc 3 softmax"))
    # The first layer needs no gradient of its input; bias, activation and softmax count one an output.
    first, second = 2 * 5 * 4, 2 * 4 * 3
    small = 4 * 3 + 4 * 2 + 3 * 3 + 3 * 2
    assert _training_flops(graph, 10) == 10 * (first * 2 + second * 3 + small)


@pytest.mark.parametrize(
    "text",
    [
        "input 6 tokens=9\nembedding 4; take last; fc 3 softmax",
        'input 1x4x4\nfc 3 relu; fc 16 sigmoid; reshape 1x4x4\ndata "x.npz" { target input }',
        "input 4; fc 1 sigmoid",
        "input 4; fc 3; dropout",
    ],
    ids=["tokens", "autoencoder", "one output", "numbers"],
)
def test_every_kind_of_network_is_measured(text: str) -> None:
    found = bench(ns.parse(text), "cpu", batch=3, steps=1)
    assert [(m.what, m.batch) for m in found.measurements] == [
        ("training step", 3),
        ("loss and gradients", 3),
        ("inference", 3),
    ]
    assert all(m.seconds > 0 and m.flops > 0 and m.first > 0 for m in found.measurements)
    assert [(o.training, o.batch) for o in found.operations] == [(True, 3), (False, 3)]
