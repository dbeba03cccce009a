"""Measures how many tokens a second a language model writes: step by step, and computed anew for each token.

    python benchmarks/generation.py

The models are untrained: an LSTM, and a small GPT. A token takes one step of what `netspec generate` runs, or the full
computation of 128 tokens; each is the median of 100, until the logits are there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

import netspec as ns
from netspec.backends.jax.decoding import Continuation, Decoder

LENGTH, TOKENS, COUNT = 128, 65, 100
_BLOCK = """
residual { layernorm; attention 4 causal }
residual { layernorm; fc 512 gelu pointwise; fc 128 pointwise }
"""
SPECS = {
    "lstm 256": "embedding 64; lstm 256; fc 65 softmax pointwise",
    "GPT, 4 layers of 128": f"embedding 128; position{_BLOCK * 4}layernorm; fc 65 softmax pointwise",
}


def main() -> int:
    """Print a line for each model and return the exit code."""
    tokens = np.random.default_rng(0).integers(0, TOKENS, LENGTH)
    for name, spec in SPECS.items():
        model = ns.compile(ns.parse(f"input {LENGTH} tokens={TOKENS}\n{spec}"))
        variables = model.init(0)
        decoder = Decoder(model)
        Continuation(decoder, variables).read([0])
        continuation = Continuation(decoder, variables)
        model.logits(variables, tokens[None])
        step = median(_seconds(continuation.read, [int(token)]) for token in tokens[:COUNT])
        anew = median(_seconds(model.logits, variables, tokens[None]) for _ in range(COUNT))
        print(f"{name}: {1 / step:,.0f} tokens/s step by step, {1 / anew:,.0f} computed anew ({anew / step:.0f} times)")
    return 0


def _seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Return the seconds that a call takes, until its result is there."""
    begin = time.perf_counter()
    np.asarray(function(*arguments))
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
