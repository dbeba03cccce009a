"""Networks of several inputs and outputs that tests share, as Python builds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.network import Input, Network, Node, Output
from netspec.ir.recipe import Recipe
from netspec.layers import LAYERS
from netspec.recipe.losses import LOSSES


def node(name: str, words: str, *inputs: str, share: str | None = None, **arguments: Any) -> Node:
    """Return a node by the name of its layer and its arguments, an activation among them by its name."""
    if "activation" in arguments:
        arguments["activation"] = LAYERS[arguments["activation"]].model_validate({})
    layer = LAYERS[words].model_validate(arguments)
    return Node(name=name, layer=layer, inputs=inputs, share=share)


def output(name: str, at: str = "", loss: str | None = None, **more: Any) -> Output:
    """Return an output by its name, the node of the same name unless given, and the name of its loss."""
    return Output(name=name, node=at or name, loss=LOSSES[loss].model_validate({}) if loss else None, **more)


def siamese(**recipe: Any) -> Network:
    """Two images go through one tower, a convolution and a normalization; a class and a number are learned of both."""
    return Network(
        inputs=(Input(name="left", shape=(1, 8, 8)), Input(name="right", shape=(1, 8, 8))),
        nodes=(
            node("a/conv", "conv", "left", filters=4, kernel=3),
            node("a/norm", "batchnorm", "a/conv"),
            node("b/conv", "conv", "right", filters=4, kernel=3, share="a/conv"),
            node("b/norm", "batchnorm", "b/conv", share="a/norm"),
            node("both", "concat", "a/norm", "b/norm"),
            node("kind", "fc", "both", units=3, activation="softmax"),
            node("age", "fc", "both", units=1),
        ),
        outputs=(output("kind"), output("age", loss="mse", weight=0.1, target="years")),
        recipe=Recipe(**{"batch": 16, "epochs": 2, **recipe}),
    )


def tied(*, bias: bool = False, length: int = 6, tokens: int = 11) -> Network:
    """A language model whose last layer shares the vectors of the first."""
    return Network(
        input=(length,),
        tokens=tokens,
        nodes=(
            node("words", "embedding", "input", width=5),
            node("mix", "fc", "words", units=5, pointwise=True, activation="tanh"),
            node("next", "fc", "mix", units=tokens, pointwise=True, bias=bias, share="words"),
            node("pool", "globalpool", "next"),
        ),
    )


def examples(count: int, seed: int = 0) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Return inputs and targets for `siamese`."""
    rng = np.random.default_rng(seed)
    x = {name: rng.normal(size=(count, 1, 8, 8)).astype(np.float32) for name in ("left", "right")}
    y = {"kind": rng.integers(0, 3, count).astype(np.int32), "years": rng.normal(size=(count, 1)).astype(np.float32)}
    return x, y


def arrays(train: int = 40, test: int = 12) -> dict[str, NDArray[Any]]:
    """Return a dataset for `siamese`, by names."""
    found = {}
    for split, count, seed in (("train", train, 1), ("test", test, 2)):
        for part in examples(count, seed):
            found |= {f"{name}_{split}": array for name, array in part.items()}
    return found
