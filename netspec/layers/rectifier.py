"""Rectifiers that let nothing through below a corner: the rectified linear unit and its relatives."""

from typing import ClassVar, Literal

from netspec.layers.base import ActivationLayer
from netspec.schema.definition import Float, positional

__all__ = ["Relu", "Relu6", "Threshold"]


class Relu(ActivationLayer):
    """Rectified linear unit, max(x, 0). Nair & Hinton 2010."""

    kind: Literal["relu"] = "relu"
    example: ClassVar[str] = "relu"


class Relu6(ActivationLayer):
    """min(max(x, 0), 6): a relu that fixed-point hardware can hold. Howard et al. 2017."""

    kind: Literal["relu6"] = "relu6"
    example: ClassVar[str] = "relu6"


class Threshold(ActivationLayer):
    """x where it is above the threshold, one and the same value elsewhere."""

    kind: Literal["threshold"] = "threshold"
    example: ClassVar[str] = "threshold 0.5"
    threshold: Float = positional("what x must exceed to stay")
    value: Float = positional("what all other values become", 0.0)
