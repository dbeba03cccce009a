"""Recurrent layers: a state that goes along a sequence."""

from dataclasses import replace
from math import sqrt
from typing import Annotated, ClassVar, Literal

from netspec import ops
from netspec.layers.activation import ACTIVATIONS, Relu, Tanh
from netspec.layers.base import ActivationLayer, Builder, Layer, Tensor, require_sequence
from netspec.recipe.initializers import AnyInitializer, Uniform
from netspec.schema.definition import option, positional
from netspec.schema.registry import OneOf
from netspec.schema.types import AlsoKeyed, Expects, PositiveInt

__all__ = ["Gru", "Lstm", "Rnn"]

_Bias = Annotated[bool | Literal["one"], AlsoKeyed(one="one"), Expects("`true`, `false` or `one`")]
_SQUASHES = OneOf(ACTIVATIONS.only("tanh", "relu"))


class _RecurrentLayer(Layer):
    """What recurrent layers share: two kernels and two biases, or one, as PyTorch has them, in each direction."""

    has_weights: ClassVar[bool] = True
    reads_mask: ClassVar[bool] = True
    example_input: ClassVar[str] = "8x6"

    units: PositiveInt = positional("features of the state")
    last: bool = option(False, "hand on only the state after the last step: units, without a length")
    bidirectional: bool = option(False, "go along the sequence backward too: 2·units features, those of forward first")
    bias: _Bias = option(
        True,
        "add trainable numbers to what is computed of input and state, as PyTorch does; `bias=one` adds one to the sum "
        "of both, as Keras does; `nobias` leaves them out",
    )
    init: AnyInitializer | None = option(None, "initializer of the kernels; uniform in ±1/√units unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the biases; uniform in ±1/√units unless given")

    def op(self, *, reverse: bool) -> ops.Recurrent:
        """Return the operation of one direction."""
        raise NotImplementedError

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Go along the sequence, and back along it where that is asked for."""
        features, _ = require_sequence(self, x)
        forward = self._direction(g, x, features, reverse=False)
        if not self.bidirectional:
            return forward
        both = g.apply(ops.Concat(), (forward, self._direction(g, x, features, reverse=True)))
        return replace(both, mask=forward.mask)

    def _direction(self, g: Builder, x: Tensor, features: int, *, reverse: bool) -> Tensor:
        op = self.op(reverse=reverse)
        rows, suffix = op.gates * self.units, "_reverse" if reverse else ""
        small = Uniform(range=(-1 / sqrt(self.units), 1 / sqrt(self.units)))
        init, bias_init = self.init or small, self.bias_init or small
        weights = [
            g.weight(f"weight_{of}{suffix}", (rows, inputs), role="kernel", fans=(inputs, self.units), init=init)
            for of, inputs in (("ih", features), ("hh", self.units))
        ]
        names = ("bias",) if self.bias == "one" else ("bias_ih", "bias_hh") if self.bias else ()
        fans = (self.units, self.units)
        weights += [g.weight(f"{name}{suffix}", (rows,), role="bias", fans=fans, init=bias_init) for name in names]
        if x.mask:
            # At padding the state stays: what it is at the end is what it was at the last token.
            masked = ops.MaskedRecurrent(op.cell, op.reverse)
            y = replace(g.apply(masked, (x, g.valid(x.mask)), *weights), mask=x.mask)
        else:
            y = g.apply(op, x, *weights)
        # The last step of the way back is the first position.
        return g.apply(ops.Take("first" if reverse else "last"), y) if self.last else y


class Lstm(_RecurrentLayer):
    """Long short-term memory: features x length → units x length. Hochreiter & Schmidhuber 1997; Gers et al. 2000.

    i, f, o = σ(…), g = tanh(…) of input and state; c ← f·c + i·g, h ← o·tanh(c). Both begin at 0.
    """

    kind: Literal["lstm"] = "lstm"
    aliases = ("LSTM",)
    example: ClassVar[str] = "lstm 16"

    def op(self, *, reverse: bool) -> ops.Recurrent:
        """Return the operation of one direction."""
        return ops.Recurrent("lstm", reverse)


class Gru(_RecurrentLayer):
    """Gated recurrent unit: features x length → units x length. Cho et al. 2014, in PyTorch's form.

    r, z = σ(…) of input and state; n = tanh(W x + b + r·(U h + c)), h ← (1 − z)·n + z·h. The two biases differ: r
    multiplies one of them alone.
    """

    kind: Literal["gru"] = "gru"
    aliases = ("GRU",)
    example: ClassVar[str] = "gru 16"

    bias: bool = option(True, "add trainable numbers to what is computed of input and state; `nobias` leaves them out")

    def op(self, *, reverse: bool) -> ops.Recurrent:
        """Return the operation of one direction."""
        return ops.Recurrent("gru", reverse)


class Rnn(_RecurrentLayer):
    """Plain recurrence, h ← tanh(W x + U h + b): features x length → units x length. Elman 1990."""

    kind: Literal["rnn"] = "rnn"
    aliases = ("RNN", "SimpleRNN")
    example: ClassVar[str] = "rnn 16"

    function: Annotated[ActivationLayer, _SQUASHES] = option(Tanh, "what the state is squashed by")

    def op(self, *, reverse: bool) -> ops.Recurrent:
        """Return the operation of one direction."""
        return ops.Recurrent("relu" if isinstance(self.function, Relu) else "tanh", reverse)
