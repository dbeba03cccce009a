"""Where the arrays of a layer are in an HDF5 file: by Keras' form of today, and by the one of before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netspec.formats.keras.reader.config import Entry, Net
from netspec.formats.keras.reader.hdf5 import Group
from netspec.formats.keras.reader.network import Arrays
from netspec.formats.keras.reader.use import RefusedError
from netspec.formats.reading import Array, ModelImportError

__all__ = ["Part", "Weights", "weights_of"]

_OTHER = "these are the weights of another network"

_WORDS = """
Dense Conv1D Conv2D Conv3D DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D Conv1DTranspose
Conv2DTranspose Conv3DTranspose BatchNormalization LayerNormalization GroupNormalization PReLU Embedding LSTM GRU
SimpleRNN Bidirectional MultiHeadAttention TimeDistributed Normalization Convolution1D Convolution2D Deconvolution2D
SeparableConvolution2D AtrousConvolution2D Highway MaxoutDense LocallyConnected1D LocallyConnected2D EinsumDense
LayerScale CuDNNLSTM CuDNNGRU ConvLSTM2D
"""
WEIGHTED = frozenset(_WORDS.split())
"""Layers that have arrays, for files whose names are not those of the network: their order then counts."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a layer that has arrays: what it may be called in it, and how many axes each has; -1 for any."""

    names: tuple[str, ...]
    axes: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many arrays there are."""
        return len(self.axes)

    def checked(self, arrays: Sequence[Array], source: str) -> Arrays:
        """Return the arrays; raises RefusedError where one has another number of axes."""
        for array, axes in zip(arrays, self.axes, strict=True):
            if axes not in {-1, array.ndim}:
                raise RefusedError(f"{source} has an array of {array.ndim} axes, and the layer needs {axes}", _OTHER)
        return Arrays(arrays, source)


class Weights(Protocol):
    """The arrays of a file.

    Attributes:
        file: its name.
        turned: whether kernels of convolutions are turned around, as Theano has them.
    """

    file: str
    turned: bool

    def of(self, key: tuple[str, ...], parts: Sequence[Part]) -> list[Arrays]:
        """Return the arrays of each part of a layer; raises RefusedError where there are none, or others."""
        ...

    def left(self) -> list[str]:
        """Return the layers whose arrays nothing asked for."""
        ...


def weights_of(root: Group, net: Net) -> Weights:
    """Return the weights of a file, in whichever form they are; raises ModelImportError where there are none."""
    before = root.group("model_weights") or root
    if (names := before.texts("layer_names")) is not None:
        return _Before(before, names, net)
    for name in ("layers", "_layer_checkpoint_dependencies"):
        if root.group(name) is not None:
            return _Today(root, net, name)
    raise ModelImportError(f"{root.file} has no weights of a network", "is it a file that Keras saved?")


class _Today:
    """Weights of Keras 3: each layer by its class and how many of that class were before it, arrays by number."""

    def __init__(self, root: Group, net: Net, layers: str) -> None:
        self.file, self.turned, self._root = root.file, False, root
        self._paths: dict[tuple[str, ...], str] = dict(_paths(net, (), layers, layers))
        self._used: set[str] = set()

    def of(self, key: tuple[str, ...], parts: Sequence[Part]) -> list[Arrays]:
        path = self._paths.get(key, "")
        self._used.add(path)
        return [self._part(path, part) for part in parts]

    def _part(self, path: str, part: Part) -> Arrays:
        for name in part.names:
            where = "/".join(filter(None, (path, name, "vars")))
            if self._root.has_array(f"{where}/0"):
                break
        else:
            raise RefusedError(f"{self.file} has no arrays at {path}/{part.names[0]}".rstrip("/"), _OTHER)
        count = part.count
        while self._root.has_array(f"{where}/{count}"):
            count += 1
        while count and not self._root.has_array(f"{where}/{count - 1}"):
            count -= 1
        _require(count, part.count, self.file)
        arrays = [self._root.array(f"{where}/{i}") for i in range(count)]
        return part.checked(arrays, f"{where.removesuffix('/vars')} of {self.file}")

    def left(self) -> list[str]:
        layers = next(iter(self._paths.values()), "layers").split("/")[0]
        group = self._root.group(layers)
        known = {path.split("/")[1] for path in self._paths.values()}
        return [] if group is None else [name for name in group.names() if name not in known]


def _paths(net: Net, key: tuple[str, ...], path: str, layers: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where in the file each layer is."""
    counts: Counter[str] = Counter()
    for entry in net.layers:
        if net.chain and entry.kind == "InputLayer":
            continue
        name = _snake("Functional" if entry.kind in {"Model", "Container"} else entry.kind)
        unique = f"{name}_{counts[name]}" if counts[name] else name
        counts[name] += 1
        yield (*key, entry.name), f"{path}/{unique}"
        if entry.net is not None:
            yield from _paths(entry.net, (*key, entry.name), f"{path}/{unique}/{layers}", layers)


def _snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class _Before:
    """Weights as Keras saved them until 2023: a group for each layer at the top, with the names of its arrays."""

    def __init__(self, root: Group, names: Sequence[str], net: Net) -> None:
        self.file, self.turned, self._root = root.file, root.text("backend") == "theano", root
        self._names: dict[str, list[str]] = {}
        self._inner: dict[str, dict[str, list[str]]] = {}
        """Of a model by the names of its layers the names of their arrays."""
        for name in names:
            group = root.group(name)
            if group is None:
                raise ModelImportError(f"{root.file}: the group {name[:100]!r} is missing", "copy the file again")
            if found := group.texts("weight_names"):
                self._names[name] = found
        self._groups = self._matched(net)
        self._used: set[str] = set()

    def _matched(self, net: Net) -> Mapping[str, str]:
        """Return the group of each layer at the top: by its name, or where the names are others by the order."""
        own = {entry.name for entry in net.layers}
        if not net.layers or own & self._names.keys():
            return {name: name for name in self._names}
        wanted = [entry.name for entry in net.layers if _has_arrays(entry)]
        if len(wanted) != len(self._names):
            raise ModelImportError(
                f"{self.file} has the weights of {len(self._names)} layers, and the network has {len(wanted)}", _OTHER
            )
        return dict(zip(wanted, self._names, strict=True))

    def of(self, key: tuple[str, ...], parts: Sequence[Part]) -> list[Arrays]:
        name = self._groups.get(key[0], "")
        group = self._root.group(name) if name in self._names else None
        if group is None:
            raise RefusedError(f"{self.file} has no weights of it", _OTHER)
        self._used.add(name)
        names = self._names[name]
        if len(key) > 1:
            names = self._within(name, key)
        _require(len(names), sum(part.count for part in parts), self.file)
        arrays = [group.array(each) for each in names]
        found = []
        for part in parts:
            found.append(part.checked(arrays[: part.count], f"{'/'.join((name, *key[1:]))} of {self.file}"))
            arrays = arrays[part.count :]
        return found

    def _within(self, name: str, key: tuple[str, ...]) -> list[str]:
        """Return those of the arrays of a model that a layer within it has: they are called by its name."""
        if name not in self._inner:
            inner: dict[str, list[str]] = {}
            for each in self._names[name]:
                for step in set(each.split("/")[:-1]):
                    inner.setdefault(step, []).append(each)
            self._inner[name] = inner
        found = self._inner[name].get(key[-1], [])
        # A name may be that of a layer of two models in it: then those of the right one are.
        exact = [each for each in found if set(key[1:]) <= set(each.split("/")[:-1])]
        return exact or found

    def left(self) -> list[str]:
        return [name for name in self._names if name not in self._used]


def _has_arrays(entry: Entry) -> bool:
    return any(map(_has_arrays, entry.net.layers)) if entry.net else entry.kind in WEIGHTED


def _require(found: int, wanted: int, file: str) -> None:
    if found != wanted:
        raise RefusedError(f"{file} has {found} arrays of it, and the layer has {wanted}", _OTHER)
