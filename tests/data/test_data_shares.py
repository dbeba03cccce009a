"""Shares drawn by a hash of each example."""

from __future__ import annotations

import numpy as np
import pytest

import netspec as ns
from netspec.data.for_network import load_data
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.draws import chosen, drawn

X = np.random.default_rng(0).random((400, 3)).astype(np.float32)
Y = np.arange(400) % 2
NET = 'input 3; fc 2 softmax\ndata "x.npz" { validation 15% }'


def rows(array: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in array}


def test_a_share_is_drawn_and_added_examples_move_no_other() -> None:
    first = load_data(ns.parse(NET), (X[:300], Y[:300], X[:5], Y[:5]))
    more = load_data(ns.parse(NET), (X[::-1], Y[::-1], X[:5], Y[:5]))
    assert first.validation is not None
    assert more.validation is not None
    assert len(first.train) + len(first.validation) == 300
    assert 0.08 < len(first.validation) / 300 < 0.22
    assert rows(first.validation.images) <= rows(more.validation.images)
    assert rows(first.train.images) <= rows(more.train.images)
    label = dict(zip((row.tobytes() for row in X), Y, strict=True))
    assert [label[row.tobytes()] for row in more.validation.images] == more.validation.labels.tolist()


def test_equal_examples_stay_together() -> None:
    twice = np.concatenate([X, X])
    found = load_data(ns.parse(NET), (twice, np.concatenate([Y, Y]), X[:5], Y[:5]))
    assert found.validation is not None
    assert not rows(found.validation.images) & rows(found.train.images)


def test_draws_for_different_purposes_have_nothing_to_do_with_each_other() -> None:
    examples = [str(i).encode() for i in range(4000)]
    test, validation = (np.array(list(map(drawn(name), examples))) < 0.5 for name in ("test", "validation"))
    assert [test.mean(), validation.mean(), (test & validation).mean()] == pytest.approx([0.5, 0.5, 0.25], abs=0.03)


def test_so_many_are_drawn_and_equal_ones_together() -> None:
    assert chosen([0.5, 0.1, 0.3, 0.1], 3) == [False, True, True, True]
    assert chosen([0.5, 0.1, 0.3, 0.1], 1) == [False, False, True, False]  # both at 0.1 have no room
    assert chosen([0.5, 0.1, 0.3, 0.1], 0) == [False] * 4
    assert chosen([0.5, 0.1, 0.3, 0.1], 0.3) == [False, True, False, True]


def test_a_share_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="leaves none for"):
        load_data(ns.parse(NET.replace("15%", "0.1%")), (X[:20], Y[:20], X[:5], Y[:5]))
    arrays = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, "x_val": X, "y_val": Y}
    with pytest.raises(DataError, match=r"`validation 0.15` takes examples"):
        load_data(ns.parse(NET), arrays)


def test_training_measures_the_drawn_part() -> None:
    events = list(ns.train(ns.parse(NET + "\ntrain { epochs 1 }"), data=(X, Y, X[:5], Y[:5])))
    started = next(e for e in events if isinstance(e, ns.Started))
    assert started.train + started.validation == 400
    assert started.validation > 20
