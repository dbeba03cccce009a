"""The state dict in a file of PyTorch: weights by name, in the order in which the modules were defined."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import listing
from netspec.diagnostics.visible import visible
from netspec.formats.into_spec.weights import State
from netspec.formats.reading import Array, ModelImportError
from netspec.formats.torch.containers import read_container
from netspec.formats.torch.origins import with_origins
from netspec.formats.torch.pickle_names import Scripted
from netspec.formats.torch.tensors import DTYPES, FLOATS, Dtype, Storage, Tensor
from netspec.ops import Shape
from netspec.recipe.weights_header import StoredArray, read_header

__all__ = ["TorchWeights"]

_MAX_BYTES = 8_000_000_000
_DEEPEST = 40
_MOST_MODULES = 100_000
_MOST_NAMES = 1_000_000
"""Of what is in modules of TorchScript, where one may be a part of many."""
_USUAL = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params")
"""Under what checkpoints keep the weights, the likeliest first."""

_OPTIMIZERS = re.compile(r"optim|sched|scaler|loops|callbacks")


@dataclass(frozen=True, eq=False, slots=True)
class TensorWeight:
    """One tensor as a weight."""

    name: str
    tensor: Tensor

    @property
    def shape(self) -> Shape:
        """Its shape as the file has it."""
        return self.tensor.shape

    def array(self) -> Array:
        """Return its numbers as float32."""
        return self.tensor.array()

    @property
    def place(self) -> Hashable:
        """Which view of which storage it is."""
        return (id(self.tensor.storage), self.tensor.offset, self.tensor.shape, self.tensor.strides)


class TorchWeights:
    """Reads what `torch.save` and safetensors write."""

    name = "torch"
    endings: tuple[str, ...] = (".pt", ".pth", ".pth.tar", ".bin", ".ckpt", ".safetensors")

    def read(self, path: Path, load: Callable[[Path, int], bytes]) -> State:
        """Return the weights of a file; its ending says what it is."""
        return _read(path, load)


def _read(path: Path, load: Callable[[Path, int], bytes]) -> State:
    if path.name.lower().endswith(".safetensors"):
        data = memoryview(load(path, _MAX_BYTES))
        header = read_header(path)
        found = {n: _stored(n, array, data, header.begin) for n, array in sorted(header.arrays.items(), key=_natural)}
        return _sorted_out(path.name, with_origins(found, header.metadata), ordered=False)
    content = read_container(load(path, _MAX_BYTES), path.name)
    notes: list[str] = []
    return _sorted_out(path.name, _state_dict(content, path.name, notes), ordered=True, notes=notes)


def _natural(item: tuple[str, Any]) -> list[tuple[bool, int, str]]:
    """Return what names are sorted by: numbers in them as numbers."""
    words = filter(None, re.split(r"(\d{1,9})|[./]", item[0]))
    return [(False, int(word), "") if word.isdecimal() else (True, 0, word) for word in words]


_SAFETENSORS = {
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "I8": "int8",
    "U8": "uint8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "BOOL": "bool",
}


def _stored(name: str, array: StoredArray, data: memoryview, begin: int) -> Tensor:
    """Return an array of a safetensors file; `read_header` has compared its place with its size."""
    # Types without a name here are no floats, and are left out as such.
    dtype = DTYPES.get(_SAFETENSORS.get(array.dtype, ""), Dtype(array.dtype.lower(), "u1"))
    first = begin + array.start
    count = array.bytes // dtype.size
    storage = Storage(name, dtype, count, lambda: data[first : first + array.bytes])
    strides, step = [], 1
    for n in reversed(array.shape):
        strides.append(step)
        step *= n
    return Tensor(storage, dtype, 0, array.shape, tuple(reversed(strides)))


def _sorted_out(file: str, found: Mapping[str, Tensor], *, ordered: bool, notes: list[str] | None = None) -> State:
    """Return the weights of what was found: what counts or numbers something is none."""
    weights = {
        name: TensorWeight(name, tensor)
        for name, tensor in found.items()
        if tensor.dtype.name in FLOATS and not _is_mask(name, tensor)
    }
    others = [name for name in found if name not in weights and not name.endswith("num_batches_tracked")]
    notes = notes or []
    if others:
        shown = ", ".join(visible(name[:100]) for name in others[:3])
        notes.append(f"what is no weight is left out: {shown}{' …' if others[3:] else ''}")
    if not weights:
        raise ModelImportError(f"{file} holds no weights", "it is what torch.save(model.state_dict(), …) writes")
    return State(file, weights, ordered, notes)


def _is_mask(name: str, tensor: Tensor) -> bool:
    """Return whether a tensor says which positions may be read, as GPT-2 keeps it beside its weights."""
    square = len(tensor.shape) == 4 and tensor.shape[:2] == (1, 1) and tensor.shape[2] == tensor.shape[3]
    return (name.endswith("attn.bias") and square) or (name.endswith("attn.masked_bias") and not tensor.shape)


# --- which of the dictionaries in a file it is ----------------------------------------------------------------------


def _state_dict(content: Any, file: str, notes: list[str]) -> dict[str, Tensor]:
    """Return the tensors of a state dict by name; raises ModelImportError where there is none, or more than one."""
    if isinstance(content, Scripted):
        notes.append(f"{file} is TorchScript: its weights are read, its code is not")
        return _of_script(content)
    if isinstance(content, Tensor):
        raise ModelImportError(f"{file} holds one tensor", _SAVE)
    if not isinstance(content, dict):
        raise ModelImportError(f"{file} holds no state dict", _SAVE)
    found = dict(_candidates(content))
    if not found:
        raise ModelImportError(f"{file} holds no state dict", _SAVE)
    if len(found) > 1:
        usual = [key for name in _USUAL for key in found if key == name]
        if not usual:
            names = _named(list(found))
            raise ModelImportError(f"{file} holds several state dicts: {names}", "save the one that is meant alone")
        others = _named([key for key in found if key != usual[0]])
        notes.append(f"of {file} `{usual[0]}` is read; {others} is left out")
        return found[usual[0]]
    return next(iter(found.values()))


_SAVE = "save the weights alone: torch.save(model.state_dict(), 'weights.pth')"


def _named(keys: Sequence[str]) -> str:
    """Return some names, and how many more there are."""
    more = len(keys) - _MOST_SHOWN
    return listing(
        [*(visible(key[:100]) for key in keys[:_MOST_SHOWN]), *([f"{more:,} more"] if more > 0 else [])], "and"
    )


_MOST_SHOWN = 10


def _candidates(content: dict[Any, Any]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield what may be a state dict: the object itself, or dictionaries in it, down to the second level."""
    own = _tensors(content)
    if own:
        yield "", own
        return
    # A dictionary that stands under many names is looked at once.
    seen: set[int] = set()

    def is_new(value: Any) -> bool:
        new = isinstance(value, dict | Scripted) and id(value) not in seen
        seen.add(id(value))
        return new

    for key, value in content.items():
        if not isinstance(key, str) or _OPTIMIZERS.search(key) or not is_new(value):
            continue
        inner = _of_script(value) if isinstance(value, Scripted) else _tensors(value)
        if inner:
            yield key, inner
        elif isinstance(value, dict):
            for below, deeper in value.items():
                if (
                    isinstance(below, str)
                    and isinstance(deeper, dict)
                    and is_new(deeper)
                    and (found := _tensors(deeper))
                ):
                    yield below, found


def _tensors(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Return the tensors of a dictionary by name; none where there is anything else of weight in it."""
    found = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    # Beside them may stand what `get_extra_state` gave, or numbers.
    return found if any(t.is_float for t in found.values()) and 2 * len(found) > len(content) else {}


def _of_script(module: Scripted) -> dict[str, Tensor]:
    """Return the tensors of a module of TorchScript and of those in it, by their names in a state dict."""
    return dict(_of_modules(module, "", 0, [0, 0]))


def _of_modules(module: Scripted, prefix: str, depth: int, counts: list[int]) -> Iterator[tuple[str, Tensor]]:
    counts[0] += 1
    counts[1] += len(module.state)
    if depth > _DEEPEST or counts[0] > _MOST_MODULES or counts[1] > _MOST_NAMES:
        raise ModelImportError("modules lie too deep in each other", "save the weights alone")
    inner = []
    for key, value in module.state.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{key}", value
        elif isinstance(value, Scripted):
            inner.append((key, value))
    for key, value in inner:
        yield from _of_modules(value, f"{prefix}{key}.", depth + 1, counts)
