"""The closed vocabulary of operations: what each one means, its shape rule and its cost.

Shapes are per example, channels first: `(channels, height, width)`, `(features, length)` or `(features,)`. The batch is
never written. A FLOP is one addition, multiplication or comparison; transcendental functions count as one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from netspec.ops.base import Op, Shape, ShapeError, format_shape

if TYPE_CHECKING:
    from netspec.ops.merge import Add, Concat, Multiply, way_around
    from netspec.ops.norm import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm
    from netspec.ops.sequence import Attention, Embedding, Prepend, Recurrent, Sinusoid, Take
    from netspec.ops.shape import Crop, DepthToSpace, Pad, Permute, Reshape, SpaceToDepth, Upsample
    from netspec.ops.values import Activation, Bias, Dropout, Gated, MatMul, Noise, PRelu, Scale
    from netspec.ops.window import AvgPool, Conv, ConvTranspose, GlobalPool, MaxPool, Pads, same_padding

__all__ = [
    "Activation",
    "Add",
    "Attention",
    "AvgPool",
    "BatchNorm",
    "Bias",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Crop",
    "DepthToSpace",
    "Dropout",
    "Embedding",
    "Gated",
    "GlobalPool",
    "GroupNorm",
    "LayerNorm",
    "LocalResponseNorm",
    "MatMul",
    "MaxPool",
    "Multiply",
    "Noise",
    "Op",
    "PRelu",
    "Pad",
    "Pads",
    "Permute",
    "Prepend",
    "Recurrent",
    "Reshape",
    "Scale",
    "Shape",
    "ShapeError",
    "Sinusoid",
    "SpaceToDepth",
    "Take",
    "Upsample",
    "format_shape",
    "same_padding",
    "way_around",
]

# Imported when first used: a check needs the operations of the layers in its spec.
_MODULES = {
    "merge": "Add Concat Multiply way_around",
    "norm": "BatchNorm GroupNorm LayerNorm LocalResponseNorm",
    "sequence": "Attention Embedding Prepend Recurrent Sinusoid Take",
    "shape": "Crop DepthToSpace Pad Permute Reshape SpaceToDepth Upsample",
    "values": "Activation Bias Dropout Gated MatMul Noise PRelu Scale",
    "window": "AvgPool Conv ConvTranspose GlobalPool MaxPool Pads same_padding",
}
_LAZY = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import the module of an operation when its name is first used (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module 'netspec.ops' has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"netspec.ops.{_LAZY[name]}"), name)
    return globals()[name]


def __dir__() -> list[str]:
    """Return the public names, which are not in the module's dictionary before their first use."""
    return sorted(__all__)
