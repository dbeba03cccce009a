"""Padding counts in nothing: an example padded further, whatever by, gives the same output, loss and gradients."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Source

BODIES = [
    "globalpool",
    "globalpool max",
    "take last",
    "take first",
    "lstm 5 last",
    "gru 5 bidirectional last",
    "rnn 5; take last",
    "lstm 5 bidirectional; globalpool",
    "attention 2; globalpool",
    "position sinusoidal; attention 2 causal; take last",
    "classtoken; attention 2; layernorm; take first",
    "classtoken; gru 4; globalpool",
    "conv 6 3x3 pad=same relu; conv 6 5x5 pad=same; globalpool max",
    "depthwise 3x3 pad=same; scale; fc 7 pointwise tanh; dropout 0.2; globalpool",
    "identity as a; fc 6 pointwise relu; add a; globalpool",
    "identity as a; lstm 6; concat a; multiply a2; globalpool".replace("multiply a2; ", ""),
]


def model(body: str, length: int) -> Any:
    return ns.compile(ns.parse(f"input {length} tokens=20 mask=3\nembedding 6\n{body}\nfc 4 softmax"), "cpu")


def sequences(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.setdiff1d(rng.permutation(20), [3], assume_unique=True)[:n].astype(np.int32) for n in lengths]


def padded(rows: list[np.ndarray], length: int) -> np.ndarray:
    out = np.full((len(rows), length), 3, np.int32)
    for row, values in zip(out, rows, strict=True):
        row[: len(values)] = values
    return out


@pytest.mark.parametrize("body", BODIES)
def test_an_example_padded_further_gives_the_same(body: str) -> None:
    rows, labels = sequences(7, 3, 9, 1), np.array([0, 1, 2, 3])
    short, long = model(body, 9), model(body, 14)
    variables = short.init(seed=3)
    x, y = padded(rows, 9), padded(rows, 14)
    np.testing.assert_allclose(short.forward(variables, x), long.forward(variables, y), atol=1e-6)
    (loss, grads), (other, others) = short.backward(variables, x, labels), long.backward(variables, y, labels)
    np.testing.assert_allclose(loss, other, atol=1e-6)
    for one, two in zip(jax.tree.leaves(grads), jax.tree.leaves(others), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("body", BODIES)
def test_an_example_without_padding_is_as_without_a_mask(body: str) -> None:
    masked = model(body, 9)
    plain = ns.compile(ns.parse(f"input 9 tokens=20\nembedding 6\n{body}\nfc 4 softmax"), "cpu")
    variables, x = masked.init(seed=3), padded(sequences(9), 9)
    np.testing.assert_allclose(masked.forward(variables, x), plain.forward(variables, x), atol=1e-6)


def test_an_example_of_padding_alone_gives_numbers() -> None:
    for body in BODIES:
        m = model(body, 5)
        loss, grads = m.backward(m.init(seed=0), np.full((2, 5), 3, np.int32), np.array([0, 1]))
        assert np.isfinite(loss)
        assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))


@pytest.mark.parametrize(
    "body",
    ["flatten", "fc 3", "conv 4 3", "conv 4 3 pad=same stride=2", "pool 2", "batchnorm", "reshape 3x4x5", "upsample 2"],
)
def test_layers_that_cannot_tell_padding_refuse_it(body: str) -> None:
    text = f"input 10 tokens=20 mask=0\nembedding 6\n{body}\nglobalpool\nfc 3 softmax"
    assert "E0316" in [d.code for d in analyze(Source("t.net", text)).diagnostics]


def test_different_padding_is_not_merged() -> None:
    text = "input 9 tokens=9 mask=0 as a\ninput 9 tokens=9 mask=1 as b\n"
    text += "from a; embedding 4 as u\nfrom b; embedding 4; add u; globalpool; fc 2 softmax"
    assert [d.code for d in analyze(Source("t.net", text)).diagnostics] == ["E0316"]
