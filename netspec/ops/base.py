"""What an operation is, and what goes wrong with shapes."""

from __future__ import annotations

from math import prod
from typing import TypeAlias

__all__ = ["Op", "Shape", "ShapeError", "format_shape"]

Shape: TypeAlias = tuple[int, ...]


class ShapeError(Exception):
    """An operation cannot take an input of this shape; tracing turns it into a diagnostic with its place.

    Attributes:
        code: of the error.
        message: what is wrong.
        fix: what would be right.
        shape: the one that was refused, where the fix depends on it.
    """

    def __init__(self, code: str, message: str, fix: str = "", shape: Shape = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fix, self.shape = code, message, fix, shape


def format_shape(shape: Shape) -> str:
    """Return `20x4x4`."""
    return "x".join(map(str, shape))


class Op:
    """One operation. `shape` and `flops` get the shapes of the inputs, then of the parameters."""

    @property
    def draws(self) -> bool:
        """Whether it needs random numbers in training."""
        return False

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        """Return the output's shape; raises ShapeError where the input does not fit."""
        raise NotImplementedError

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        """Return the floating-point operations of one example's forward pass."""
        del x, parameters
        return prod(out)
