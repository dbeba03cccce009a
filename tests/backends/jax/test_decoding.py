"""One step of a network whose layers look back is its full computation, position by position."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import netspec as ns
from netspec import ops
from netspec.backends.jax.decoding import Continuation, Decoder
from netspec.backends.jax.emitters import EMITTERS, MERGERS, STEPS, EmitContext, OpContext
from netspec.graph import causality
from netspec.graph.graph import Operation
from netspec.planning.layouts import CHANNELS_LAST

LENGTH, TOKENS = 7, 5
HEAD = f"fc {TOKENS} softmax pointwise"

LAYERS = (
    "lstm 6",
    "gru 6 nobias",
    "rnn 6 relu",
    "rnn 6",
    "position",
    "position sinusoidal",
    "attention 2 causal",
    "attention 3 causal rotary",
    "conv 6 3 pad=causal tanh",
    "conv 6 2 pad=causal dilation=2 groups=2",
    "channelshuffle 2; times 0.5",
    "residual { layernorm; attention 3 causal dropout=0.2 }",
    "residual { layernorm; fc 8 gelu pointwise; fc 6 pointwise }",
    "batchnorm relu",
    "conv 6 1 tanh",
    "scale 0.3 bias",
    "prelu",
    "dropout 0.3",
    "lrn 3",
)
"""Layers of 6 features that keep the length."""


def drawn(seed: int) -> str:
    """Return a random network of such layers."""
    rng = np.random.default_rng(seed)
    inside = [LAYERS[i] for i in rng.choice(len(LAYERS), 5, replace=False)]
    return "; ".join(["embedding 6", *inside, HEAD])


SPECS = [
    *(drawn(seed) for seed in range(3)),
    "; ".join(["embedding 6", *LAYERS, HEAD]),
    f"embedding 6 as words; lstm 6; gru 6; fc {TOKENS} pointwise nobias softmax share=words",
    f"onehot; lstm 6 bias=one; channels 4 as a; rnn 4; subtract a as b; rnn 4; maximum b; {HEAD}",
    f"embedding 4 as a; fc 1 pointwise sigmoid; multiply a; {HEAD}",
    f"embedding 4 as a; lstm 4; concat a; attention 2 causal as b; multiply b; {HEAD}",
]


MASKED = [
    "; ".join(["embedding 6", *(layer for layer in LAYERS if layer not in {"batchnorm relu", "lrn 3"}), HEAD]),
    SPECS[-1],
]
"""Networks of layers that take padding."""


@pytest.mark.parametrize(
    ("spec", "mask"), [*((spec, "") for spec in SPECS), *((spec, " mask=0") for spec in MASKED)], ids=str
)
def test_a_step_is_the_full_computation_at_its_position(spec: str, mask: str) -> None:
    model = ns.compile(ns.parse(f"input {LENGTH} tokens={TOKENS}{mask}; {spec}"))
    variables = model.init(1)
    tokens = np.random.default_rng(2).integers(0, TOKENS, (3, LENGTH))
    tokens[0, :3] = 0
    full = np.asarray(model.logits(variables, tokens))
    decoder = Decoder(model)
    memory = decoder.start(variables, len(tokens))
    for position in range(LENGTH):
        logits, memory = decoder.step(variables, memory, tokens[:, position])
        # What is given at padding means nothing.
        told = tokens[:, position] != 0 if mask else slice(None)
        np.testing.assert_allclose(logits[told], full[told, :, position], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mask", ["", " mask=0"])
@pytest.mark.parametrize("end", ["gru 6 last", "lstm 5; take last; fc 8 relu; reshape 4x2; flatten"])
def test_the_newest_row_is_that_of_all_positions_so_far(end: str, mask: str) -> None:
    model = ns.compile(ns.parse(f"input {LENGTH} tokens={TOKENS}{mask}; embedding 6; {end}; fc {TOKENS} softmax"))
    variables = model.init(1)
    tokens = np.random.default_rng(2).integers(0, TOKENS, (3, LENGTH))
    tokens[0, 3:] = 0
    tokens[1] = 0
    decoder = Decoder(model)
    memory = decoder.start(variables, len(tokens))
    for position in range(LENGTH):
        logits, memory = decoder.step(variables, memory, tokens[:, position])
    np.testing.assert_allclose(logits, model.logits(variables, tokens), rtol=1e-5, atol=1e-5)


def test_a_convolution_that_looks_back_keeps_its_last_inputs() -> None:
    """Of a network that is made by hand, for what a spec says of padding is the same on both sides."""
    rng = np.random.default_rng(0)
    for taps, dilation, groups in ((3, 1, 1), (2, 3, 2), (1, 1, 4)):
        op = ops.Conv((1,), ((dilation * (taps - 1), 0),), (dilation,), groups)
        at = OpContext(Operation(op, (0,), ("c/kernel",), 1, (8, LENGTH), "c", 0), CHANNELS_LAST, "direct")
        x = rng.normal(size=(2, LENGTH, 4)).astype(np.float32)
        arrays = [rng.normal(size=(8, 4 // groups, taps)).astype(np.float32)]
        full = EMITTERS[ops.Conv](op, EmitContext(train=False, rng=None), at, x, arrays)
        kept = STEPS[ops.Conv].start(at.operation, arrays, 2, np.float32)
        for position in range(LENGTH):
            y, kept = STEPS[ops.Conv].step(op, at, x[:, [position]], arrays, kept, np.int32(position))
            np.testing.assert_allclose(y[:, 0], full[:, position], rtol=1e-5, atol=1e-5)


ACROSS = {
    ops.AvgPool,
    ops.ConvTranspose,
    ops.Coordinates,
    ops.Crop,
    ops.CrossAttention,
    ops.DepthToSpace,
    ops.GlobalPool,
    ops.MaskedCrossAttention,
    ops.MaskedGlobalPool,
    ops.MaxPool,
    ops.Pad,
    ops.Permute,
    ops.Prepend,
    ops.SpaceToDepth,
    ops.Upsample,
    ops.WindowAttention,
}
"""Operations of which a position of a sequence is no matter of itself and those before it."""


def test_of_every_operation_it_is_known_whether_it_looks_back() -> None:
    """A new one is named in `graph/causality.py`, if it is computed at each position by itself, in STEPS, or above."""
    every = {op for name in ops.__all__ if isinstance(op := getattr(ops, name), type) and issubclass(op, ops.Op)}
    alone = {*causality._EACH, *causality._ROWS, ops.Take, ops.ValidPositions}
    assert alone | set(STEPS) | ACROSS == every - {ops.Op}
    assert not (alone | set(STEPS)) & ACROSS
    assert all(op in EMITTERS or op in MERGERS for op in alone)


def test_what_is_kept_has_the_precision_of_the_model() -> None:
    spec = f"input {LENGTH} tokens={TOKENS}; embedding 6; position; lstm 6; attention 2 causal; conv 6 1; {HEAD}"
    model = ns.compile(ns.parse(spec), precision="bfloat16")
    variables, decoder = model.init(1), Decoder(model)
    full = np.asarray(model.logits(variables, [[1, 2, 3, 4, 0, 1, 2]]))
    memory = decoder.start(variables)
    for position, token in enumerate((1, 2, 3)):
        before = jax.tree.map(lambda a: (a.shape, a.dtype), memory)
        logits, memory = decoder.step(variables, memory, [token])
        assert jax.tree.map(lambda a: (a.shape, a.dtype), memory) == before
        np.testing.assert_allclose(logits[0], full[0, :, position], atol=0.02)


@pytest.mark.parametrize(
    ("spec", "endless"),
    [
        (f"embedding 4; lstm 6; {HEAD}", True),
        (f"embedding 6; position; attention 2 causal; {HEAD}", False),
        (f"embedding 4; lstm 6 bidirectional last; fc {TOKENS} softmax", False),
    ],
)
def test_a_sequence_longer_than_an_example(spec: str, endless: bool) -> None:
    """A recurrence goes on; what sees only so many positions reads the last ones, all of them anew."""
    model = ns.compile(ns.parse(f"input {LENGTH} tokens={TOKENS}; {spec}"))
    variables = model.init(1)
    tokens = np.random.default_rng(2).integers(0, TOKENS, 3 * LENGTH).tolist()
    continuation = Continuation(Decoder(model), variables)
    continuation.read(tokens[:LENGTH])
    longer = ns.compile(ns.parse(f"input {len(tokens)} tokens={TOKENS}; {spec}")) if endless else model
    for end in range(LENGTH + 1, len(tokens) + 1):
        found = continuation.read([tokens[end - 1]])
        seen = tokens if endless else tokens[end - LENGTH : end]
        full = np.asarray(longer.logits(variables, [seen]))[0].reshape(TOKENS, -1)
        np.testing.assert_allclose(found, full[:, end - 1 if endless else -1], rtol=1e-5, atol=1e-5)
