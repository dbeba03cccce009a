"""Activations over all channels (or features) of a position."""

from typing import ClassVar, Literal

from netspec.layers.base import ActivationLayer

__all__ = ["LogSoftmax", "Softmax", "Softmin"]


class Softmax(ActivationLayer):
    """eˣ over its sum along the channels (or features). As the last layer, its loss is cross-entropy."""

    kind: Literal["softmax"] = "softmax"
    example: ClassVar[str] = "softmax"
    example_input: ClassVar[str] = "10"


class Softmin(ActivationLayer):
    """The softmax of −x: the smallest value gets the largest share."""

    kind: Literal["softmin"] = "softmin"
    example: ClassVar[str] = "softmin"
    example_input: ClassVar[str] = "10"


class LogSoftmax(ActivationLayer):
    """The logarithm of softmax, computed without underflow."""

    kind: Literal["log_softmax"] = "log_softmax"
    example: ClassVar[str] = "log_softmax"
    example_input: ClassVar[str] = "10"
