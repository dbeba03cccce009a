"""Which token follows: beside what Hugging Face's transformers do, written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, NetspecError
from netspec.workflows.sampling import Chance, Sampling

SETTINGS = [
    (1.0, None, 1.0),
    (0.5, None, 1.0),
    (3.0, None, 1.0),
    (1.0, 3, 1.0),
    (1.0, 100, 1.0),
    (1.0, None, 0.6),
    (0.7, 4, 0.8),
    (2.0, 5, 0.5),
    (1.0, None, 1e-9),
    (1e-300, None, 1.0),
]


def reference(logits: NDArray[Any], temperature: float, top_k: int | None, top_p: float) -> NDArray[Any]:
    """Return the probability of each token: the warpers of transformers, one after the other, for different logits."""
    with np.errstate(over="ignore"):
        scores = (logits - logits.max()) / temperature
    if top_k is not None:
        scores = np.where(scores < np.sort(scores)[::-1][min(top_k, len(scores)) - 1], -np.inf, scores)
    ascending = np.argsort(scores)
    shares = np.exp(scores[ascending]) / np.exp(scores).sum()
    removed = np.cumsum(shares) <= 1 - top_p
    removed[-1] = False
    scores[ascending[removed]] = -np.inf
    return np.exp(scores) / np.exp(scores).sum()


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), SETTINGS)
def test_the_probability_of_each_token(temperature: float, top_k: int | None, top_p: float) -> None:
    sampling = Sampling.of(temperature, top_k, top_p)
    for seed in range(5):
        logits = np.random.default_rng(seed).normal(scale=2, size=9)
        tokens, shares = sampling.probabilities(logits)
        found = np.zeros(9)
        found[tokens] = shares
        np.testing.assert_allclose(found, reference(logits, temperature, top_k, top_p), atol=1e-12)


def test_tokens_are_chosen_as_often_as_they_are_likely() -> None:
    logits, count = np.array([0.0, 1.0, -1.0, 2.0, -np.inf]), 4000
    sampling, chance = Sampling.of(1.5, 3, 1.0), Chance(0)
    drawn = np.bincount([chance.choose(logits, sampling) for _ in range(count)], minlength=5) / count
    expected = reference(logits, 1.5, 3, 1.0)
    # Four standard deviations of a share.
    assert (abs(drawn - expected) <= 4 * np.sqrt(expected * (1 - expected) / count)).all()


def test_equals_are_taken_in_their_order() -> None:
    logits = np.array([1.0, 2.0, 2.0, 2.0])
    assert Chance(0).choose(logits, Sampling.of(0, None, 1.0)) == 1
    assert Sampling.of(1.0, 2, 1.0).probabilities(logits)[0].tolist() == [1, 2]
    assert Sampling.of(1.0, None, 0.5).probabilities(logits)[0].tolist() == [1, 2]


def test_a_seed_always_means_the_same() -> None:
    logits = np.linspace(0, 1, 50)
    # Written down, so that no version of anything changes what a seed means.
    for seed, expected in ((0, [24, 40, 48, 49, 14, 7]), (1, [30, 4, 45, 4, 39, 34])):
        chance = Chance(seed)
        assert [chance.choose(logits, Sampling()) for _ in range(6)] == expected


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "1", None, True])
def test_a_temperature(wrong: object) -> None:
    with pytest.raises(NetspecError, match="temperature must be a number, 0 or more, not"):
        Sampling.of(wrong, None, 1.0)


@pytest.mark.parametrize("wrong", [0, 1.01, -0.1, float("nan"), "x", None, False])
def test_a_share(wrong: object) -> None:
    with pytest.raises(NetspecError, match="top_p must be a number above 0, at most 1, not"):
        Sampling.of(1.0, None, wrong)


def test_other_settings() -> None:
    with pytest.raises(NetspecError, match="top_k must be a positive whole number, not the int 0"):
        Sampling.of(1.0, 0, 1.0)
    with pytest.raises(NetspecError, match="seed must be a whole number, 0 or more, not the int -1"):
        Chance(-1)
    assert Sampling.of(np.float32(0.5), np.int64(3), np.float64(1)) == Sampling(0.5, 3, 1.0)


@pytest.mark.parametrize("logits", [[0.0, np.nan], [0.0, np.inf], [-np.inf, -np.inf]])
def test_a_model_that_gives_no_numbers(logits: list[float]) -> None:
    with pytest.raises(DataError, match="not finite"):
        Chance(0).choose(np.array(logits), Sampling())
