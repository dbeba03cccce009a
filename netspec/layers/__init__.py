"""Floor 2: the layers. A new one is one class in one file, its entry in the list below, and its test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field

from netspec.layers.activation import ACTIVATIONS, Activation
from netspec.layers.base import Builder, Layer, Role, Tensor, Weight
from netspec.layers.conv import Conv
from netspec.layers.dense import Dense
from netspec.layers.norm import BatchNorm
from netspec.layers.pool import AvgPool, GlobalPool, Pool
from netspec.layers.regularize import Dropout
from netspec.layers.shape import Flatten
from netspec.signature import by_name, members

__all__ = ["ACTIVATIONS", "LAYERS", "LAYER_NAMES", "AnyLayer", "Builder", "Layer", "Role", "Tensor", "Weight"]

_Union = Annotated[
    Conv | Pool | AvgPool | GlobalPool | Dense | BatchNorm | Dropout | Flatten | Activation,
    Field(discriminator="kind"),
]

if TYPE_CHECKING:
    # The list above is what is accepted; code that handles any layer only needs to know that it is one.
    AnyLayer: TypeAlias = Layer
else:
    AnyLayer = _Union

LAYERS: tuple[type[Layer], ...] = members(_Union)
LAYER_NAMES: dict[str, type[Layer]] = by_name(LAYERS)
"""Every name and alias a layer is known by."""
