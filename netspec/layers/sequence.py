"""Layers of sequences, features x length: token numbers become vectors, positions get marks, one is taken out."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from netspec import ops
from netspec.layers.base import Builder, Layer, PositionwiseLayer, Tensor, require_sequence
from netspec.ops import ShapeError
from netspec.recipe.initializers import AnyInitializer, Normal
from netspec.schema.definition import option, positional
from netspec.schema.types import Also, PositiveInt

__all__ = ["ClassToken", "Embedding", "OneHot", "Position", "Take"]


class Embedding(Layer):
    """A trained vector for each token: token numbers (length) → width x length.

    How many tokens there are, the input says: `input 64 tokens=1000`. The vectors begin normal with deviation 1.
    """

    kind: Literal["embedding"] = "embedding"
    aliases = ("Embedding", "embed")
    has_weights: ClassVar[bool] = True
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "embedding 16"
    example_input: ClassVar[str] = "10 tokens=20"
    reads_tokens: ClassVar[bool] = True

    width: PositiveInt = positional("features of each vector")
    init: AnyInitializer | None = option(None, "initializer of the vectors; normal(1.0) unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Look up the vectors."""
        tokens = _require_tokens(self, x)
        fans = (tokens, self.width)
        init = self.init or Normal(std=1.0)
        table = g.weight("weight", (tokens, self.width), role="kernel", fans=fans, init=init)
        return replace(g.apply(ops.Embedding(), x, table), mask=x.mask)


class OneHot(Layer):
    """A 1 in the place of each token, and 0 elsewhere: token numbers (length) → tokens x length.

    How many tokens there are, the input says: `input 64 tokens=1000`.
    """

    kind: Literal["onehot"] = "onehot"
    aliases = ("OneHot", "one_hot")
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "onehot"
    example_input: ClassVar[str] = "10 tokens=20"
    reads_tokens: ClassVar[bool] = True

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Spread the token numbers over as many features."""
        return replace(g.apply(ops.OneHot(_require_tokens(self, x)), x), mask=x.mask)


def _require_tokens(layer: Layer, x: Tensor) -> int:
    """Return how many tokens there are of which an input has the numbers; raises ShapeError where it has none."""
    if x.tokens is None:
        raise ShapeError(
            "E0302",
            f"`{layer.canonical()}` reads token numbers, and these are none",
            "put it first, and say in the input how many tokens there are: `input 64 tokens=1000`",
        )
    return x.tokens


class Position(PositionwiseLayer):
    """Adds a mark to each position, so that attention can tell them apart; features x length stays.

    The marks are trained, from normal(0.02), or the fixed sines and cosines of Vaswani et al. 2017. Rotary positions
    are those of an `attention` itself: `attention 8 rotary`.
    """

    kind: Literal["position"] = "position"
    aliases = ("PositionEmbedding", "positional_encoding")
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "position"
    example_input: ClassVar[str] = "8x6"

    mode: Annotated[Literal["trained", "sinusoidal"], Also(learned="trained")] = positional(
        "trained marks, or fixed sines and cosines", "trained"
    )
    init: AnyInitializer | None = option(None, "initializer of trained marks; normal(0.02) unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Add the marks."""
        features, length = require_sequence(self, x)
        if self.mode == "sinusoidal":
            return g.apply(ops.Sinusoid(), x)
        init = self.init or Normal(std=0.02)
        # In the role of a bias, for it is added: `l2` leaves it alone.
        table = g.weight("table", (features, length), role="bias", fans=(features, features), init=init)
        return g.apply(ops.Bias(), x, table)


class ClassToken(Layer):
    """Puts a trained vector before the first position, which `take first` reads at the end. Devlin et al. 2018.

    Features x length → features x (length + 1).
    """

    kind: Literal["classtoken"] = "classtoken"
    aliases = ("cls_token", "class_token")
    has_weights: ClassVar[bool] = True
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "classtoken"
    example_input: ClassVar[str] = "8x6"

    init: AnyInitializer | None = option(None, "initializer of the vector; normal(0.02) unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Prepend the vector."""
        features, _ = require_sequence(self, x)
        init = self.init or Normal(std=0.02)
        vector = g.weight("vector", (features,), role="bias", fans=(features, features), init=init)
        mask = replace(x.mask, before=x.mask.before + 1) if x.mask else None
        return replace(g.apply(ops.Prepend(), x, vector), mask=mask)


class Take(Layer):
    """The features at one end of a sequence: features x length → features."""

    kind: Literal["take"] = "take"
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "take last"
    example_input: ClassVar[str] = "8x6"

    position: Literal["first", "last"] = positional("which end")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Take one position."""
        require_sequence(self, x)
        if x.mask and self.position == "last":
            return g.apply(ops.TakeLastValid(), (x, g.valid(x.mask)))
        return g.apply(ops.Take(self.position), x)
