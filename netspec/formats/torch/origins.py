"""Which array of the network each weight of an exported state is: kept in the file, so that it can come back.

Modules are named for readers, as the blocks of a program are nested, and other names would have to be guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from netspec.formats.torch.tensors import Tensor

__all__ = ["KEY", "origins_of", "with_origins"]

KEY = "netspec"
"""Under which metadata they are."""

_LAST = "features last"


def origins_of(state: Mapping[str, NDArray[Any]], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the metadata of a state.

    Args:
        state: arrays of the network, or views of these with their first axis last, by the names of the modules.
        arrays: of the network, by their paths.
    """
    places = {_place(array): path for path, array in arrays.items() if array.size}
    found = {}
    for name, array in state.items():
        path = places.get(_place(array))
        if path is not None and array.size == arrays[path].size:
            found[name] = [path] if array.strides == arrays[path].strides else [path, _LAST]
    return json.dumps(found)


def _place(array: NDArray[Any]) -> int:
    """Return where in memory the numbers of an array begin."""
    place: int = array.__array_interface__["data"][0]
    return place


def with_origins(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Tensor]:
    """Return tensors by the paths of the network that they were exported from, as far as the metadata says them.

    Metadata that is none of ours, or does not fit, changes nothing.
    """
    try:
        stated = json.loads(metadata.get(KEY, "{}"))
    except (ValueError, RecursionError):
        return dict(tensors)
    paths: dict[str, tuple[str, bool]] = {}
    for name, said in stated.items() if isinstance(stated, dict) else ():
        match said:
            case [str(path), *more] if name in tensors:
                paths[name] = path, more == [_LAST]
    found = {}
    for name, tensor in tensors.items():
        path, last = paths.get(name, (name, False))
        found[path] = _first(tensor) if last and len(tensor.shape) > 1 else tensor
    return found if len(found) == len(tensors) else dict(tensors)


def _first(tensor: Tensor) -> Tensor:
    """Return a tensor with its last axis first."""
    shape, strides = ((axes[-1], *axes[:-1]) for axes in (tensor.shape, tensor.strides))
    return Tensor(tensor.storage, tensor.dtype, tensor.offset, shape, strides)
