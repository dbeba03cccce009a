"""The names that have a meaning in the pickles that PyTorch writes: tensors, storages, types and plain collections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netspec.diagnostics.visible import visible
from netspec.formats.torch.tensors import DTYPES, STORAGES, Dtype, Storage, Tensor, TensorError

__all__ = [
    "CALLS",
    "SAVE",
    "Name",
    "Scripted",
    "is_known",
    "is_scripted",
    "ordered",
    "pairs",
    "refusal",
    "storage_dtype",
]

_LONGEST_CODE = 100


@dataclass(frozen=True, slots=True)
class Name:
    """A class or a function as a pickle names it."""

    module: str
    name: str

    def __str__(self) -> str:
        return visible(f"{self.module}.{self.name}"[:200])


@dataclass(eq=False, slots=True)
class Scripted:
    """A module of TorchScript: what it holds by name. Its code is in other files, which nobody reads."""

    name: str
    state: dict[Any, Any] = field(default_factory=dict)


def pairs(items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield names and values; raises TensorError for a name whose hash would be computed of all that is in it."""
    for key, item in items:
        # A text remembers its hash; that of a whole number is computed of all its digits each time.
        if not isinstance(key, str | int | float | bytes | None) or (isinstance(key, int) and abs(key) >= 2**64):
            raise TensorError("its pickle has a name that is none")
        yield key, item


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    if not isinstance(storage, Storage):
        raise TensorError("a tensor has no storage")
    return Tensor.of(storage, offset, _sizes(shape), _sizes(strides))


def _tensor_of_type(storage: Any, offset: Any, shape: Any, strides: Any, _: Any, __: Any, dtype: Any, *___: Any) -> Any:
    if not isinstance(storage, Storage) or not isinstance(dtype, Name) or dtype.name not in DTYPES:
        raise TensorError("a tensor has no storage")
    return Tensor.of(storage, offset, _sizes(shape), _sizes(strides), DTYPES[dtype.name])


def _sizes(given: Any) -> Any:
    return tuple(given) if isinstance(given, list) else given


def _parameter(tensor: Any, *_: Any) -> Any:
    if not isinstance(tensor, Tensor):
        raise TensorError("a parameter is no tensor")
    return tensor


def _from_type(function: Any, kind: Any, arguments: Any, *_: Any) -> Any:
    """Return a tensor of a class with attributes of its own: they are left out."""
    of_tensors = isinstance(function, Name) and function.name.startswith(("_rebuild_tensor", "_rebuild_parameter"))
    if not of_tensors or not isinstance(kind, Name) or not isinstance(arguments, tuple):
        raise TensorError("a tensor says nonsense")
    return CALLS[function.module, function.name](*arguments)


def ordered(items: Any = ()) -> dict[Any, Any]:
    """Return a dictionary of names and values."""
    return dict(pairs(items))


def _first(value: Any, *_: Any) -> Any:
    return value


def _numpy_type(name: Any, *_: Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"f[248]|[iu][1248]|b1", name):
        raise TensorError("a number of NumPy is of no plain type")
    return name


def _numpy_number(dtype: Any, data: Any) -> Any:
    return np.frombuffer(data, f"<{_numpy_type(dtype)}", 1)[0].item()


def _encoded(text: Any, codec: Any = "latin1") -> bytes:
    if not isinstance(text, str) or codec != "latin1" or len(text) > _LONGEST_CODE:
        raise TensorError("bytes are written in no plain way")
    return text.encode("latin1")


def _nothing(*_: Any) -> None:
    """Stand for what a checkpoint holds beside the weights, such as a device."""


CALLS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_of_type,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): _from_type,
    ("torch", "Size"): _first,
    ("torch.jit._pickle", "build_intlist"): _first,
    ("torch.jit._pickle", "build_doublelist"): _first,
    ("torch.jit._pickle", "build_boollist"): _first,
    ("torch.jit._pickle", "build_tensorlist"): _first,
    ("torch.jit._pickle", "restore_type_tag"): _first,
    ("torch", "device"): _nothing,
    ("collections", "OrderedDict"): ordered,
    ("_codecs", "encode"): _encoded,
    ("numpy", "dtype"): _numpy_type,
    ("numpy.core.multiarray", "scalar"): _numpy_number,
    ("numpy._core.multiarray", "scalar"): _numpy_number,
}
_KINDS = {
    *(("torch", name) for name in (*STORAGES, *DTYPES)),
    *(("torch.storage", name) for name in ("UntypedStorage", "TypedStorage", "_UntypedStorage")),
    ("torch", "Tensor"),
    ("torch", "UntypedStorage"),
    ("torch.nn.parameter", "Parameter"),
    ("torch._tensor", "Tensor"),
}
"""Names that stand for themselves: types of numbers, of storages and of tensors."""


def is_known(name: Name) -> bool:
    """Return whether a name has a meaning here."""
    return (name.module, name.name) in CALLS or (name.module, name.name) in _KINDS or is_scripted(name)


def is_scripted(name: Name) -> bool:
    """Return whether a name is of a module of TorchScript."""
    return name.module.startswith("__torch__")


def storage_dtype(given: Any) -> Dtype:
    """Return what a storage is of, by the class that a pickle names; raises TensorError where that is no storage."""
    if isinstance(given, Name) and given.name in STORAGES:
        return STORAGES[given.name]
    if isinstance(given, Name) and given.name == "UntypedStorage":
        return DTYPES["uint8"]
    raise TensorError(f"{given if isinstance(given, Name) else 'something'} is no storage")


def refusal(file: str, name: Name) -> tuple[str, str]:
    """Return what is wrong with a file that names something else, and what would be right."""
    if re.search(r"[Qq]uant|_qtensor|^QU?Int", f"{name.name} {name.module}"):
        return f"{file} holds quantized tensors ({name})", "save the weights before they are quantized"
    if name.name in {"ComplexFloatStorage", "ComplexDoubleStorage"} or "sparse" in name.name:
        return f"{file} holds {name}", "weights are dense and real"
    text = f"{file} names {name}, which is no tensor: a pickle would run its code, and netspec runs none"
    return text, SAVE


SAVE = "save the weights alone: torch.save(model.state_dict(), 'weights.pth')"
