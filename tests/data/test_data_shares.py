"""Shares drawn by a hash of each example."""

from __future__ import annotations

import numpy as np
import pytest

import netspec as ns
from netspec.data.for_network import load_data
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.draws import chosen, drawn, drawn_by_class

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


NAMES = [f"example {i}".encode() for i in range(600)]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.9])
def test_each_class_gives_its_share_and_an_example_that_is_added_moves_at_most_one_of_its_class(share: float) -> None:
    classes = ["abbccc"[i * i % 6] for i in range(len(NAMES))]
    before: dict[bytes, bool] = {}
    for count in range(1, len(NAMES)):
        at = drawn_by_class("test", NAMES[-count:], classes[-count:], share)
        after = dict(zip(NAMES[-count:], at, strict=True))
        moved = [classes[NAMES.index(name)] for name in before if before[name] != after[name]]
        assert moved in ([], [classes[-count]])
        for name in set(classes[-count:]):
            own = [took for took, of in zip(at, classes[-count:], strict=True) if of == name]
            assert abs(sum(own) - share * len(own)) <= 0.1 * share * len(own) + 1
            assert not all(own)
        before = after


def test_where_no_class_is_far_from_its_share_each_is_drawn_by_itself() -> None:
    many = [str(i).encode() for i in range(20_000)]
    at = drawn_by_class("test", many, ["a", "b"] * 10_000, 0.2)
    assert at == chosen(list(map(drawn("test"), many)), 0.2)


def test_a_number_is_divided_among_the_classes() -> None:
    classes = ["a"] * 400 + ["b"] * 150 + ["c"] * 50
    at = drawn_by_class("test", NAMES, classes, 60)
    assert [sum(at[:400]), sum(at[400:550]), sum(at[550:])] == [40, 15, 5]
    assert sum(drawn_by_class("test", NAMES, classes, 61)) == 61


def test_equal_examples_of_several_classes_are_on_one_side() -> None:
    twice = [NAMES[i // 3] for i in range(600)]
    for part in (0.25, 150):
        at = drawn_by_class("test", twice, ["a", "b", "a"] * 200, part)
        assert len(set(zip(twice, at, strict=True))) == 200
        assert 130 <= sum(at) <= 170
    # However often one is there, something is left to learn from.
    assert not all(drawn_by_class("test", [b"a"] * 90 + [b"b"], [""] * 91, 0.9))


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
