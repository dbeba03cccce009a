"""Attention: every position of a sequence reads all the others."""

from dataclasses import replace
from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import Builder, Layer, Tensor, require_sequence
from netspec.ops import Bias, MatMul
from netspec.recipe.initializers import AnyInitializer
from netspec.schema.definition import option, positional
from netspec.schema.types import Fraction, PositiveInt

__all__ = ["Attention"]


class Attention(Layer):
    """Multi-head self-attention: features x length stays; each head has features/heads of them. Vaswani et al. 2017.

    Queries, keys and values are one product of the input, and the heads' results go through another, as in PyTorch's
    MultiheadAttention.
    """

    kind: Literal["attention"] = "attention"
    aliases = ("MultiheadAttention", "MultiHeadAttention", "self_attention")
    has_weights: ClassVar[bool] = True
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "attention 4"
    example_input: ClassVar[str] = "8x6"

    heads: PositiveInt = positional("number of heads; it divides the features")
    causal: bool = option(False, "a position reads only itself and those before it")
    dropout: Fraction = option(0.0, "share of the attention weights that are zeroed in training")
    bias: bool = option(True, "add a trainable number to each feature of both products; `nobias` leaves them out")
    init: AnyInitializer | None = option(None, "initializer of both kernels; the network's default unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the biases; the network's default unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Project to queries, keys and values, attend, project back."""
        features, _ = require_sequence(self, x)
        y = self._project(g, x, "in_proj", 3 * features)
        if x.mask:
            y = g.apply(ops.MaskedAttention(self.heads, self.causal, self.dropout), (y, g.valid(x.mask)))
        else:
            y = g.apply(ops.Attention(self.heads, self.causal, self.dropout), y)
        return replace(self._project(g, y, "out_proj", features), mask=x.mask)

    def _project(self, g: Builder, x: Tensor, name: str, outputs: int) -> Tensor:
        fans = (x.shape[0], outputs)
        kernel = g.weight(f"{name}_weight", (outputs, x.shape[0]), role="kernel", fans=fans, init=self.init)
        y = g.apply(MatMul(), x, kernel)
        if not self.bias:
            return y
        return g.apply(Bias(), y, g.weight(f"{name}_bias", (outputs,), role="bias", fans=fans, init=self.bias_init))
