import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.data.order import batch_indices, epoch_order

counts = st.integers(0, 300)
seeds = st.integers(0, 2**70)
epochs = st.integers(0, 2**31)


@given(counts, seeds, epochs, st.one_of(st.booleans(), st.integers(1, 400)))
def test_every_example_once(count: int, seed: int, epoch: int, shuffle: bool | int) -> None:
    order = epoch_order(count, seed=seed, epoch=epoch, shuffle=shuffle)
    assert order.dtype == np.int32
    assert sorted(order.tolist()) == list(range(count))
    np.testing.assert_array_equal(order, epoch_order(count, seed=seed, epoch=epoch, shuffle=shuffle))


@given(counts, seeds, epochs, st.integers(1, 400))
def test_a_buffer_keeps_its_examples_together(count: int, seed: int, epoch: int, buffer: int) -> None:
    order = epoch_order(count, seed=seed, epoch=epoch, shuffle=buffer)
    for start in range(0, count, buffer):
        end = min(start + buffer, count)
        assert sorted(order[start:end].tolist()) == list(range(start, end))


def test_no_shuffling_is_the_order_of_the_file() -> None:
    for shuffle in (False, 1):
        assert epoch_order(7, seed=3, epoch=2, shuffle=shuffle).tolist() == list(range(7))


def test_a_buffer_for_all_is_a_whole_permutation() -> None:
    whole = epoch_order(50, seed=1, epoch=0, shuffle=True)
    np.testing.assert_array_equal(epoch_order(50, seed=1, epoch=0, shuffle=50), whole)
    assert whole.tolist() != list(range(50))


def test_seeds_and_epochs_differ() -> None:
    pairs = [(s, e) for s in (0, 1, 2**32, 2**32 + 1) for e in (0, 1, 2)]
    assert len({tuple(epoch_order(50, seed=s, epoch=e, shuffle=True).tolist()) for s, e in pairs}) == len(pairs)


def test_places_are_taken_evenly() -> None:
    first = [int(epoch_order(4, seed=0, epoch=e, shuffle=True)[0]) for e in range(2_000)]
    assert np.abs(np.bincount(first) - 500).max() < 100


def test_the_order_never_changes() -> None:
    assert epoch_order(10, seed=7, epoch=3, shuffle=True).tolist() == [4, 5, 1, 0, 8, 3, 6, 9, 2, 7]
    assert epoch_order(10, seed=7, epoch=3, shuffle=4).tolist() == [1, 0, 3, 2, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    "bad",
    [
        {"count": -1},
        {"seed": -1},
        {"epoch": -1},
        {"shuffle": 0},
        {"shuffle": -5},
    ],
)
def test_senseless_arguments(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        epoch_order(**{"count": 5, "seed": 0, "epoch": 0, "shuffle": True, **bad})  # type: ignore[arg-type]


@given(st.integers(1, 300), st.integers(1, 64))
def test_batches_make_up_the_epoch(count: int, batch: int) -> None:
    order = epoch_order(count, seed=0, epoch=0, shuffle=True)
    steps = -(-count // batch)
    batches = [batch_indices(order, step, batch) for step in range(steps)]
    np.testing.assert_array_equal(np.concatenate(batches), order)
    assert all(len(b) == batch for b in batches[:-1])
    with pytest.raises(IndexError, match="has no step"):
        batch_indices(order, steps, batch)
