"""Padding counts in nothing: an example padded further, whatever by, gives the same output, loss and gradients."""

from __future__ import annotations

from functools import cache, partial
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
    "globalpool sum",
    "take last",
    "take first",
    "lstm 5 last",
    "gru 5 bidirectional last",
    "rnn 5 bias=one; take last",
    "lstm 5 bidirectional; globalpool",
    "attention 2; attention 1 rotary; globalpool",
    "position sinusoidal; attention 2 causal; take last",
    "classtoken; attention 2; layernorm; take first",
    "classtoken; gru 4; globalpool",
    "conv 6 3x3 pad=same relu; conv 6 5x5 pad=same; globalpool max",
    "depthwise 3x3 pad=same; scale; fc 7 pointwise tanh; dropout 0.2; globalpool",
    "identity as a; fc 6 pointwise relu; add a; globalpool",
    "identity as b; lstm 6; concat b; globalpool",
    "conv 6 3 pad=causal dilation=2 relu; depthwise 2 pad=causal; globalpool sum",
    "times 2 plus=1 as c; part 2 of=3 as d; from c; channels 2 offset=1; subtract d; square; globalpool",
    "channelshuffle 2 as e; exp; cosine_similarity e; globalpool max",
    "globalpool as f; from words; minimum f; clamp -3 3; globalpool",
    "lstm 5 as memory; from words; attention 2 memory=memory; globalpool",
    "from input; onehot; stochastic_depth 0.3; sample; lstm 5 last",
]
OUTPUTS = [f"out_{i}" for i in range(len(BODIES))]
LABELS = dict.fromkeys(OUTPUTS, np.array([0, 1, 2, 3]))


@cache
def model(length: int, mask: str = "mask=3") -> Any:
    """All bodies as the outputs of one network: compiling takes most of the time."""
    heads = [
        f"from words; {body}; fc 4 softmax as {name}\noutput {name}" for body, name in zip(BODIES, OUTPUTS, strict=True)
    ]
    lines = [f"input {length} tokens=20 {mask}", "embedding 6 as words", *heads]
    return ns.compile(ns.parse("\n".join(lines)), "cpu")


def sequences(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.setdiff1d(rng.permutation(20), [3], assume_unique=True)[:n].astype(np.int32) for n in lengths]


def padded(rows: list[np.ndarray], length: int) -> np.ndarray:
    out = np.full((len(rows), length), 3, np.int32)
    for row, values in zip(out, rows, strict=True):
        row[: len(values)] = values
    return out


def close(one: Any, two: Any) -> None:
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-6), one, two)


@pytest.mark.slow
def test_an_example_padded_further_gives_the_same() -> None:
    rows = sequences(7, 3, 9, 1)
    short, long = model(9), model(14)
    variables = short.init(seed=3)
    x, y = padded(rows, 9), padded(rows, 14)
    close(short.forward(variables, x), long.forward(variables, y))
    close(short.backward(variables, x, LABELS), long.backward(variables, y, LABELS))


def test_an_example_without_padding_is_as_without_a_mask() -> None:
    variables, x = model(9).init(seed=3), padded(sequences(9, 9, 9, 9), 9)
    close(model(9).forward(variables, x), model(9, "").forward(variables, x))


def test_an_example_of_padding_alone_gives_numbers() -> None:
    loss, grads = model(9).backward(model(9).init(seed=0), np.full((4, 9), 3, np.int32), LABELS)
    assert np.isfinite(loss)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))


STEEP = [
    "square; sqrt; globalpool",
    "log; fc 3 pointwise; globalpool",
    "times -1000 plus=100; exp; fc 3 pointwise; globalpool max",
    "identity as a; fc 6 pointwise; divide a; globalpool sum",
    "fc 6 nobias pointwise init=constant(1) sqrt; lstm 3 last",
    "conv 6 1 nobias init=constant(1) log; attention 2; take first",
    "identity as b; dot b; sqrt as memory; from vectors; attention 2 memory=memory; globalpool",
    "identity as c; globalpool as d; from c; divide d; globalpool",
    "classtoken init=constant(1); exp; log; take last",
]


def test_the_vector_of_padding_counts_in_no_gradient() -> None:
    heads = [f"from vectors; {body}; fc 4 softmax as out_{i}\noutput out_{i}" for i, body in enumerate(STEEP)]
    tags = "from vectors; square; sqrt; fc 4 pointwise softmax as tags\noutput tags"
    m = ns.compile(ns.parse("\n".join(["input 9 tokens=20 mask=3", "embedding 6 as vectors", *heads, tags])), "cpu")
    variables, x = m.init(seed=1), padded(sequences(7, 3, 9, 1), 9)
    y = {f"out_{i}": LABELS["out_0"] for i in range(len(STEEP))} | {"tags": np.where(x == 3, 0, x % 4)}
    vectors = np.abs(np.asarray(variables.params["vectors"]["weight"])) + 0.1
    found = []
    # 0 as PyTorch's `padding_idx` has it: there some have no slope, others no value.
    for of_padding in (0, 0.5):
        vectors[3] = of_padding
        own = variables._replace(params={**variables.params, "vectors": {"weight": vectors.copy()}})
        found.append(m.backward(own, x, y))
    close(*found)


TAGGER = "embedding 6\nlstm 5 bidirectional\nfc 4 softmax pointwise"


def test_labels_at_padding_count_in_no_loss_and_no_metric() -> None:
    rows = sequences(7, 3, 9, 1)
    rng = np.random.default_rng(2)
    tags = [rng.integers(0, 4, len(row)) for row in rows]
    found = []
    for length in (9, 14):
        x, y = padded(rows, length), np.zeros((4, length), np.int32)
        for row, own in zip(y, tags, strict=True):
            row[: len(own)] = own
        net = ns.parse(f"input {length} tokens=20 mask=3\n{TAGGER}\ntrain {{ epochs 2; batch 3; metrics f1 }}")
        m = ns.compile(net, "cpu")
        variables = m.init(seed=3)
        loss, grads = m.backward(variables, x, y)
        p = np.asarray(m.forward(variables, x), np.float64)
        by_hand = [-np.log(p[i, tags[i][j], j]) for i in range(4) for j in range(len(rows[i]))]
        np.testing.assert_allclose(loss, np.mean(by_hand), rtol=1e-5)
        *_, finished = ns.train(net, (x, y, x, y))
        assert isinstance(finished, ns.Finished)
        answers = np.asarray(finished.model.forward(finished.variables, x)).argmax(axis=1)
        right = [answers[i, j] == tags[i][j] for i in range(4) for j in range(len(rows[i]))]
        assert finished.result.test_accuracy == pytest.approx(np.mean(right))
        found.append((loss, *jax.tree.leaves(grads), finished.result.test_loss, *jax.tree.leaves(finished.variables)))
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        "flatten",
        "fc 3",
        "conv 4 3",
        "conv 4 3 pad=same stride=2",
        "pool 2",
        "batchnorm",
        "reshape 3x4x5",
        "upsample 2",
        "coordinates",
    ],
)
def test_layers_that_cannot_tell_padding_refuse_it(body: str) -> None:
    text = f"input 10 tokens=20 mask=0\nembedding 6\n{body}\nglobalpool\nfc 3 softmax"
    assert "E0316" in [d.code for d in analyze(Source("t.net", text)).diagnostics]


def test_different_padding_is_not_merged() -> None:
    text = "input 9 tokens=9 mask=0 as a\ninput 9 tokens=9 mask=1 as b\n"
    text += "from a; embedding 4 as u\nfrom b; embedding 4; add u; globalpool; fc 2 softmax"
    assert [d.code for d in analyze(Source("t.net", text)).diagnostics] == ["E0316"]
