"""The settings of `data { }` and `train { }` that have arguments of their own, one class each."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from netspec.signature import Definition, PositiveFloat, PositiveInt, Range, option, positional

__all__ = ["Clip", "Evaluate", "Normalize", "Scale", "Shuffle"]


class Scale(Definition):
    """How byte values 0 to 255 become numbers: spread over a range, or divided."""

    kind: Literal["scale"] = "scale"
    range: Range | None = positional("0 becomes the first, 255 the second", None)
    divisor: PositiveFloat | None = option(None, "every byte is divided by this instead")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Scale":
        if (self.range is None) == (self.divisor is None):
            raise ValueError("say either a range, `scale -1..1`, or a divisor, `scale divisor=256`")
        return self


class Normalize(Definition):
    """Values, first scaled to 0..1, have `mean` subtracted and are divided by `std`."""

    kind: Literal["normalize"] = "normalize"
    mean: Annotated[float, Field(allow_inf_nan=False)] = option(0.0, "subtracted")
    std: PositiveFloat = option(1.0, "then divided by")


class Shuffle(Definition):
    """The order of the training examples, drawn anew for each epoch from the seed."""

    kind: Literal["shuffle"] = "shuffle"
    mode: Literal["on", "off"] = positional("`off` keeps the order of the file", "on")
    buffer: PositiveInt | None = option(None, "shuffle only within blocks of so many, as a stream's buffer does")

    @model_validator(mode="after")
    def _off_is_off(self) -> "Shuffle":
        if self.mode == "off" and self.buffer is not None:
            raise ValueError("`off` and `buffer=` contradict each other")
        return self


class Clip(Definition):
    """Gradient clipping, by the norm of all gradients together or by each value."""

    kind: Literal["clip"] = "clip"
    norm: PositiveFloat | None = positional("gradients whose common norm is larger are scaled down to it", None)
    value: PositiveFloat | None = option(None, "each value is cut to ± this")

    @model_validator(mode="after")
    def _something(self) -> "Clip":
        if self.norm is None and self.value is None:
            raise ValueError("say what to clip: `clip 1.0` (the norm) or `clip value=0.5`")
        return self


class Evaluate(Definition):
    """Looks at the test set (and the validation set) also within an epoch; at its end they are looked at anyway."""

    kind: Literal["evaluate"] = "evaluate"
    every: PositiveInt | None = option(None, "steps between two evaluations")
    batch: PositiveInt = option(1000, "examples taken at a time")
