"""Networks for the laws of exports: the example of every layer of the registry, and forms that its line can have."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from examples_of import inputs_of

import netspec as ns
from netspec.backends.jax.model import Model, Variables
from netspec.formats import Trained
from netspec.layers import LAYERS

__all__ = ["CASES", "GROUPS", "Case", "case", "case_of", "group"]

_IMAGE, _SEQUENCE, _TOKENS = "6x9x8", "8x6", "7 tokens=12"
_VOLUME = "6x4x5x6"
_MASKED = "7 tokens=12 mask=0"

_FORMS: dict[str, tuple[str, str]] = {
    "conv_same": (_IMAGE, "conv 4 3x2 pad=same stride=2 relu"),
    "conv_dilated": (_IMAGE, "conv 6 3 pad=2x1 dilation=2 groups=3 nobias"),
    "conv_sequence": (_SEQUENCE, "conv 5 3 pad=same"),
    "conv_causal": (_SEQUENCE, "conv 5 3 pad=causal dilation=2"),
    "depthwise_two": (_IMAGE, "depthwise 3 multiplier=2 pad=same"),
    "deconv_output_pad": (_IMAGE, "deconv 4 3 stride=2 pad=1 output_pad=1"),
    "deconv_outside": (_IMAGE, "deconv 4 3 stride=3 output_pad=1x2"),
    "deconv_groups": (_IMAGE, "deconv 4 3 groups=2 dilation=2 pad=same nobias"),
    "deconv_sequence": (_SEQUENCE, "deconv 4 3 stride=2"),
    "pool_padded": (_IMAGE, "pool 3 stride=2 pad=1"),
    "pool_same": (_IMAGE, "pool 3 stride=2 pad=same"),
    "pool_ceil": (_IMAGE, "pool 2 stride=3 ceil"),
    "pool_sequence": (_SEQUENCE, "pool 2"),
    "avgpool_padded": (_IMAGE, "avgpool 3 stride=2 pad=1"),
    "avgpool_counted": (_IMAGE, "avgpool 3 stride=2 pad=1 count_padding"),
    "avgpool_ceil": (_IMAGE, "avgpool 2 stride=3 ceil"),
    "avgpool_counted_ceil": (_IMAGE, "avgpool 3x2 stride=2x3 pad=1x0 count_padding ceil"),
    "avgpool_sequence": (_SEQUENCE, "avgpool 3 stride=1 pad=same"),
    "globalpool_max": (_IMAGE, "globalpool max"),
    "globalpool_sum": (_SEQUENCE, "globalpool sum"),
    "fc_pointwise": (_SEQUENCE, "fc 5 pointwise gelu"),
    "fc_pointwise_image": (_IMAGE, "fc 5 pointwise"),
    "fc_flat": (_IMAGE, "fc 5 nobias"),
    "batchnorm_conv": (_IMAGE, "conv 4 3 pad=1 nobias; batchnorm relu; conv 3 3"),
    "batchnorm_row": ("6", "fc 5; batchnorm; fc 4"),
    "batchnorm_sequence": (_SEQUENCE, "batchnorm"),
    "layernorm_all": (_IMAGE, "layernorm all"),
    "layernorm_plain": ("8", "layernorm noaffine"),
    "layernorm_sequence": (_SEQUENCE, "layernorm"),
    "groupnorm_sequence": (_SEQUENCE, "groupnorm 2 noaffine"),
    "instancenorm_affine": (_IMAGE, "instancenorm affine"),
    "lrn_even": (_IMAGE, "lrn 4 alpha=0.1 beta=0.5 k=2"),
    "lrn_sequence": (_SEQUENCE, "lrn 3 alpha=0.1"),
    "upsample_nearest": (_IMAGE, "upsample 2x3"),
    "upsample_bilinear": (_IMAGE, "upsample 3 bilinear"),
    "upsample_corners": (_IMAGE, "upsample 2 bilinear align_corners"),
    "upsample_bicubic": (_IMAGE, "upsample 2 bicubic"),
    "upsample_bicubic_corners": (_IMAGE, "upsample 3 bicubic align_corners"),
    "upsample_sequence": (_SEQUENCE, "upsample 2 bilinear"),
    "upsample_nearest_sequence": (_SEQUENCE, "upsample 2"),
    "pad_reflect": (_IMAGE, "pad 2 mode=reflect"),
    "pad_edge": (_SEQUENCE, "pad 2 mode=edge"),
    "pad_zero": (_IMAGE, "pad 1; pool 2"),
    "conv_volume": (_VOLUME, "conv 4 3x2x3 pad=same stride=1x2x1 groups=2 relu"),
    "depthwise_volume": (_VOLUME, "depthwise 3 dilation=1x2x1 pad=1x0x0"),
    "deconv_volume": (_VOLUME, "deconv 4 3x2x2 stride=2 pad=1x0x0 output_pad=1"),
    "deconv_outside_volume": (_VOLUME, "deconv 2 2 stride=3 output_pad=1x2x0"),
    "pool_volume": (_VOLUME, "pool 3x2x2 stride=2x1x2 pad=1x0x0"),
    "avgpool_volume": (_VOLUME, "avgpool 3 stride=2 pad=1 count_padding ceil"),
    "globalpool_volume": (_VOLUME, "globalpool max"),
    "norms_volume": (_VOLUME, "batchnorm; groupnorm 3; layernorm; instancenorm affine"),
    "prelu_volume": (_VOLUME, "prelu; fc 6 pointwise; scale bias; lrn 3 alpha=0.1; softmax"),
    "upsample_volume": (_VOLUME, "upsample 2x1x3; upsample 1x2x1 trilinear; upsample 2x1x1 trilinear align_corners"),
    "upsample_bicubic_volume": (_VOLUME, "upsample 2x1x2 bicubic"),
    "border_volume": (_VOLUME, "pad 1x2x0 reflect; pad 1 edge; crop 3x4x5 offset=1x0x2; pad 0x1x1"),
    "channels_volume": (_VOLUME, "coordinates; pad 0 channels=1; channelshuffle 2; channels 4 offset=1; glu"),
    "shapes_volume": (_VOLUME, "permute 1x0x3x2; reshape 8x3x30; flatten positions"),
    "lstm_both": (_SEQUENCE, "lstm 5 bidirectional"),
    "lstm_last": (_SEQUENCE, "lstm 5 last bias=one"),
    "gru_both": (_SEQUENCE, "gru 5 bidirectional last"),
    "gru_nobias": (_SEQUENCE, "gru 5 nobias"),
    "rnn_relu": (_SEQUENCE, "rnn 5 relu bidirectional"),
    "attention_causal": (_SEQUENCE, "attention 2 causal nobias"),
    "attention_rotary": (_SEQUENCE, "attention 2 rotary"),
    "attention_memory": (_SEQUENCE, "identity as a; conv 8 3; attention 2 memory=a"),
    "attention_memory_other": (_SEQUENCE, "conv 5 2 as a; conv 8 3; attention 2 memory=a"),
    "attention_window": ("8x6x6", "attention 2 window=3"),
    "attention_shifted": ("8x6x6", "attention 2 window=3 shift=1"),
    "attention_window_padded": ("8x5x6", "attention 2 window=3x2 shift=1x1"),
    "gelu_tanh": (_IMAGE, "gelu approximate"),
    "clamp_low": (_IMAGE, "clamp min=-0.5"),
    "prelu_one": (_IMAGE, "prelu shared"),
    "tokens_lstm": (_TOKENS, "embedding 6; lstm 5 last"),
    "masked_lstm": (_MASKED, "embedding 6; lstm 5 bidirectional; globalpool avg"),
    "masked_gru": (_MASKED, "embedding 6; gru 5 last"),
    "masked_rnn": (_MASKED, "embedding 6; rnn 5 bidirectional last"),
    "masked_conv": (_MASKED, "embedding 6; conv 5 3 pad=same relu; globalpool max"),
    "masked_sum": (_MASKED, "embedding 6; fc 5 pointwise tanh; globalpool sum"),
    "masked_attention": (_MASKED, "embedding 8; position; attention 2 causal rotary; take last"),
    "masked_token": (_MASKED, "embedding 6; classtoken; attention 2; take first"),
    "masked_memory": (_MASKED, "embedding 6; lstm 6 as a; attention 2 memory=a; globalpool avg"),
    "shared": ("6", "fc 6 relu as a; fc 6 share=a"),
    "residual": (_IMAGE, "residual { conv 6 3 pad=1; batchnorm relu; conv 6 3 pad=1 }; relu; globalpool; fc 3 softmax"),
}


class Case(NamedTuple):
    """A network with random numbers in it, examples, and what netspec computes from them."""

    trained: Trained
    inputs: dict[str, np.ndarray]
    expected: list[np.ndarray]


def _specs() -> dict[str, tuple[str, str]]:
    return {cls.canonical(): (cls.example_input, cls.example) for cls in LAYERS.entries} | _FORMS


CASES = tuple(_specs())


GROUPS = tuple(dict.fromkeys(given for given, _ in _specs().values()))
"""The inputs of all cases."""


def _labelled(text: str, name: str) -> str:
    """Return lines whose labels no other case has."""
    for label in re.findall(r" as (\w+)", text):
        text = re.sub(rf"\b{label}\b", f"{name}_{label}", text)
    return text


@cache
def group(given: str) -> Case:
    """Return all cases of an input as one network with an output for each: one program, compiled once."""
    lines, names = [f"input {given} as x"], []
    for name, (own, text) in _specs().items():
        if own == given:
            lines += ["from x", f"identity; {_labelled(text, name)} as of_{name}".replace("; ", "\n")]
            names.append(f"of_{name}")
    lines += [f"output {name} loss=mse" for name in names]
    return case_of(ns.parse("\n".join(lines), name="group"))


@cache
def case(name: str) -> Case:
    """Return a case by its name."""
    given, text = _specs()[name]
    return case_of(ns.parse(f"input {given}\n" + text.replace("; ", "\n") + "\ntrain { loss mse }", name=name))


def case_of(network: ns.Network, *, raw: bool = True, deep: bool = False) -> Case:
    """Return a case of a network; in a deep one kernels are so small that values do not grow from layer to layer."""
    rng = np.random.default_rng(0)
    graph = network.graph()
    arrays = {
        p.path: rng.uniform(0.2, 0.8, p.shape).astype(np.float32) * _sign(p.path, rng, p.shape)
        for p in graph.parameters.values()
    }
    if deep:
        kernels = [p for p in graph.parameters.values() if len(p.shape) > 1]
        arrays |= {p.path: np.float32(arrays[p.path] * 2 / np.sqrt(max(p.fans[0], 1))) for p in kernels}
    model = Model(network, graph, "cpu")
    variables = _variables(model, arrays)
    x = inputs_of(network, 3, rng)
    made = (model.logits if raw else model.forward)(variables, x)
    expected = [np.asarray(made[o.name] if isinstance(made, dict) else made) for o in graph.outputs]
    inputs = x if isinstance(x, dict) else {graph.inputs[0].name: x}
    return Case(Trained(network, graph, arrays), inputs, expected)


def _sign(path: str, rng: np.random.Generator, shape: Any) -> Any:
    # Variances are positive; other numbers may have any sign.
    return np.float32(1) if path.endswith("variance") else rng.choice([-1, 1], shape).astype(np.float32)


def _variables(model: Model, arrays: dict[str, np.ndarray]) -> Variables:
    trees: tuple[dict[str, dict[str, Any]], ...] = ({}, {})
    for p in model.graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        trees[0 if p.trainable else 1].setdefault(node, {})[name] = arrays[p.path]
    return Variables(*trees)
