"""Plain functions of each value; like activations, a layer of their own or a word on another layer's line."""

from typing import ClassVar, Literal

from pydantic import model_validator

from netspec.layers.base import ActivationLayer
from netspec.schema.definition import positional
from netspec.schema.types import Float

__all__ = ["Abs", "Clamp", "Exp", "Log", "Ramp", "Sqrt", "Square"]


class Exp(ActivationLayer):
    """eˣ. Above about 88 it is infinite in float32; `clamp max=80` before it keeps it finite."""

    kind: Literal["exp"] = "exp"
    aliases = ("Exp", "exponential")
    example: ClassVar[str] = "exp"


class Log(ActivationLayer):
    """The natural logarithm, as in PyTorch: −∞ of 0, and of what is below 0 not a number (NaN).

    `clamp min=0.000001` before it keeps it finite.
    """

    kind: Literal["log"] = "log"
    aliases = ("Log", "logarithm", "ln")
    example: ClassVar[str] = "softplus; log"


class Abs(ActivationLayer):
    """|x|; its slope at 0 is 0."""

    kind: Literal["abs"] = "abs"
    aliases = ("Abs", "AbsVal", "absolute")
    example: ClassVar[str] = "abs"


class Square(ActivationLayer):
    """x²."""

    kind: Literal["square"] = "square"
    aliases = ("Square", "squared")
    example: ClassVar[str] = "square"


class Sqrt(ActivationLayer):
    """√x, as in PyTorch: below 0 not a number (NaN), and its slope at 0 is infinite.

    `clamp min=0.000001` before it keeps both finite.
    """

    kind: Literal["sqrt"] = "sqrt"
    aliases = ("Sqrt", "square_root")
    example: ClassVar[str] = "softplus; sqrt"


class Clamp(ActivationLayer):
    """min(max(x, MIN), MAX), of which one may be left out: `clamp max=6`. Its slope is 1 on the bounds, 0 beyond."""

    kind: Literal["clamp"] = "clamp"
    aliases = ("Clamp",)
    example: ClassVar[str] = "clamp -1 1"

    min: Float | None = positional("what smaller values become", None)
    max: Float | None = positional("what larger values become", None)

    @model_validator(mode="after")
    def _bounds(self) -> "Clamp":
        if self.min is None and self.max is None:
            raise ValueError("`clamp` needs a bound: `clamp -1 1`, `clamp min=0` or `clamp max=6`")
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"nothing lies between {self.min:g} and {self.max:g}: the smaller bound stands first")
        return self


class Ramp(ActivationLayer):
    """1.1·x where x is positive, 0.1·x elsewhere: Darknet's `ramp`. Redmon 2013."""

    kind: Literal["ramp"] = "ramp"
    example: ClassVar[str] = "ramp"
