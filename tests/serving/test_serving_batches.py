"""Batches: what waits is computed together, padded to a compiled size, and everyone gets the answers of their own."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest

from netspec.serving.batching import Batcher, Ended, Full, batch_sizes


class Model:
    """Doubles numbers, and holds every batch until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        self.begun, self.may = threading.Event(), threading.Event()
        self.wrong: Exception | None = None

    def __call__(self, array: Any) -> Any:
        self.begun.set()
        assert self.may.wait(20)
        if self.wrong:
            raise self.wrong
        values = array["x"] if isinstance(array, dict) else array
        self.batches.append(values[:, 0].tolist())
        doubled = [2 * value for value in values[:, 0].tolist()]
        return {"a": doubled, "b": [-value for value in doubled]} if isinstance(array, dict) else doubled


def rows(*values: float) -> Any:
    return np.array(values, np.float32)[:, None]


def test_the_sizes_that_are_compiled() -> None:
    assert batch_sizes(64) == (1, 8, 64)
    assert batch_sizes(100) == (1, 8, 64, 100)
    assert (batch_sizes(1), batch_sizes(2), batch_sizes(8)) == ((1,), (1, 2), (1, 8))


def test_what_waits_is_computed_together_and_padded() -> None:
    model = Model()
    counted: list[int] = []
    batcher = Batcher(model, (1, 8), wait=0, most=100, computed=counted.append)
    first = batcher.submit(rows(1))
    assert model.begun.wait(20)
    # The first is being computed: these wait together, but the whole numbers are another program.
    others = [batcher.submit(rows(2, 3)), batcher.submit(rows(4)), batcher.submit(rows(5).astype(np.int32))]
    assert batcher.waiting == 4
    model.may.set()
    assert first.result(20) == [2]
    assert [other.result(20) for other in others] == [[4, 6], [8], [10]]
    batcher.end()
    assert model.batches == [[1], [2, 3, 4, 4, 4, 4, 4, 4], [5]]
    assert counted == [1, 3, 1]


def test_a_large_request_is_cut_and_the_next_one_fills_its_last_batch() -> None:
    model = Model()
    batcher = Batcher(model, (1, 4), wait=0, most=100)
    held = batcher.submit(rows(0))
    assert model.begun.wait(20)
    large, small = batcher.submit(rows(1, 2, 3, 4, 5)), batcher.submit(rows(6, 7))
    model.may.set()
    assert (held.result(20), large.result(20), small.result(20)) == ([0], [2, 4, 6, 8, 10], [12, 14])
    batcher.end()
    assert model.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 7]]


def test_those_that_arrive_within_the_wait_are_one_batch() -> None:
    model = Model()
    model.may.set()
    batcher = Batcher(model, (1, 4), wait=60, most=100)
    futures = [batcher.submit(rows(n)) for n in range(4)]
    # A full batch waits no longer.
    assert [f.result(20) for f in futures] == [[0], [2], [4], [6]]
    late = batcher.submit(rows(9))
    batcher.end()
    assert late.result(0) == [18], "the end waits for nobody"
    assert model.batches == [[0, 1, 2, 3], [9]]


def test_several_inputs_and_outputs() -> None:
    model = Model()
    model.may.set()
    batcher = Batcher(model, (4,), wait=0, most=100)
    given = {"x": rows(1, 2), "y": np.zeros((2, 3), np.int32)}
    assert batcher.submit(given).result(20) == [{"a": 2, "b": -2}, {"a": 4, "b": -4}]
    batcher.end()


def test_the_queue_is_bounded_and_ends() -> None:
    model = Model()
    batcher = Batcher(model, (1, 4), wait=0, most=3)
    held = batcher.submit(rows(0))
    assert model.begun.wait(20)
    large = batcher.submit(rows(1, 2, 3, 4, 5))
    with pytest.raises(Full):
        batcher.submit(rows(6))
    model.may.set()
    assert len(large.result(20)) == 5
    assert held.result(20) == [0]
    batcher.end()
    with pytest.raises(Ended):
        batcher.submit(rows(1))


def test_a_failure_is_that_of_its_batch_alone() -> None:
    model = Model()
    model.wrong = ValueError("no")
    batcher = Batcher(model, (1, 4), wait=0, most=100)
    first = batcher.submit(rows(1, 2, 3, 4, 5))
    assert model.begun.wait(20)
    other = batcher.submit(rows(6).astype(np.int32))
    model.may.set()
    for future in (first, other):
        with pytest.raises(ValueError, match="no"):
            future.result(20)
    model.wrong = None
    assert batcher.submit(rows(7)).result(20) == [14]
    assert batcher.waiting == 0
    batcher.end()


@pytest.mark.parametrize("seed", range(5))
def test_everyone_gets_their_own_whatever_comes_together(seed: int) -> None:
    draw = random.Random(seed)
    model = Model()
    model.may.set()
    batcher = Batcher(model, (1, 3, 8), wait=0.001, most=10_000)
    found: dict[int, Any] = {}

    def ask(number: int) -> None:
        values = [float(1000 * number + i) for i in range(draw.randint(1, 12))]
        kind = draw.choice([np.float32, np.float64])
        found[number] = (batcher.submit(rows(*values).astype(kind)).result(20), [2 * value for value in values])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batcher.end()
    assert len(found) == 30
    assert all(answers == expected for answers, expected in found.values())
    assert all(len(batch) in (1, 3, 8) for batch in model.batches)


def test_who_leaves_does_not_end_the_thread_that_computes() -> None:
    model = Model()
    batcher = Batcher(model, (1,), wait=0, most=100)
    left, stays = batcher.submit(rows(1)), batcher.submit(rows(2))
    assert model.begun.wait(20)
    assert not left.cancel()
    model.may.set()
    assert stays.result(20) == [4]
    batcher.end()
