"""What the outputs of a network of one sequence know, by its layers."""

from __future__ import annotations

import pytest

import netspec as ns
from netspec.graph.causality import causality

EACH = "fc 5 softmax pointwise"

BACK = {
    f"embedding 4; lstm 6; gru 4; rnn 4; dropout 0.1; {EACH}": False,
    f"embedding 4; batchnorm relu; layernorm; scale 0.5 bias; prelu; conv 6 1 gelu; {EACH}": False,
    f"embedding 4 as a; lstm 4; add a; concat a; {EACH}": False,
    f"onehot; conv 4 3 pad=causal; conv 4 2 pad=causal dilation=2; channels 2; times 0.5; {EACH}": False,
    "embedding 4 as words; lstm 4; fc 5 pointwise nobias softmax share=words": False,
    "embedding 4; lstm 6 last; groupnorm 2; fc 5 softmax": False,
    "embedding 4; gru 6; take last; fc 8 relu; reshape 4x2; flatten; fc 5 softmax": False,
    f"embedding 4; position; {EACH}": True,
    f"embedding 4; position sinusoidal; lstm 3; {EACH}": True,
    f"embedding 4; attention 2 causal; {EACH}": True,
    "embedding 4; attention 2 causal; take last; fc 5 softmax": True,
}
"""Networks whose layers look back only, and whether they see no more positions than an example has."""

AHEAD = {
    f"embedding 4; lstm 6 bidirectional; {EACH}": "lstm_1",
    f"embedding 4; lstm 4; attention 2; {EACH}": "attention_1",
    f"embedding 4; conv 4 3 pad=same; lstm 4; {EACH}": "conv_1",
    f"embedding 4; pool 3 stride=1 pad=same; {EACH}": "pool_1",
    f"embedding 4; layernorm all; {EACH}": "layernorm_1",
    f"embedding 4 as a; globalpool; fc 4 sigmoid; multiply a; {EACH}": "globalpool_1",
    f"embedding 4 as a; lstm 4 last; multiply a; {EACH}": "multiply_1",
    "embedding 4; flatten; fc 5 softmax": "flatten_1",
    "embedding 4; attention 2 causal; take first; fc 5 softmax": "take_1",
    "embedding 4; lstm 4 bidirectional last; fc 5 softmax": "lstm_1",
}
"""Networks that know what comes after, and the layer because of which."""


@pytest.mark.parametrize(("spec", "limited"), BACK.items())
@pytest.mark.parametrize("mask", ["", " mask=0"])
def test_what_looks_back(spec: str, limited: bool, mask: str) -> None:
    # Batch normalization takes no padding.
    spec = spec.replace("batchnorm relu; ", "") if mask else spec
    found = causality(ns.parse(f"input 8 tokens=5{mask}; {spec}").graph())
    assert (found.steps, found.ahead) == (True, "")
    assert found.limited is limited


@pytest.mark.parametrize("spec", AHEAD)
def test_what_knows_what_comes_after(spec: str) -> None:
    found = causality(ns.parse(f"input 8 tokens=5; {spec}").graph())
    assert (found.steps, found.ahead) == (False, AHEAD[spec])
