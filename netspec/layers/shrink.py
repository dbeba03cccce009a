"""Activations that move values towards 0."""

from typing import ClassVar, Literal

from netspec.layers.base import ActivationLayer
from netspec.schema.definition import NonNegativeFloat, positional

__all__ = ["HardShrink", "SoftShrink", "TanhShrink"]


class TanhShrink(ActivationLayer):
    """x − tanh(x)."""

    kind: Literal["tanhshrink"] = "tanhshrink"
    example: ClassVar[str] = "tanhshrink"


class SoftShrink(ActivationLayer):
    """x moved towards 0 by the limit, and 0 where it is nearer. Donoho 1995."""

    kind: Literal["softshrink"] = "softshrink"
    example: ClassVar[str] = "softshrink"
    limit: NonNegativeFloat = positional("how far x is moved", 0.5)


class HardShrink(ActivationLayer):
    """x where it is further from 0 than the limit, 0 elsewhere."""

    kind: Literal["hardshrink"] = "hardshrink"
    example: ClassVar[str] = "hardshrink"
    limit: NonNegativeFloat = positional("how near to 0 becomes 0", 0.5)
