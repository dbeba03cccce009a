"""Floor 6: a model in one file: safetensors whose metadata holds the spec, the labels and a SHA-256 over every byte.

Reading runs no code and trusts nothing: the hash first, then the spec, then every shape against what the spec says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from netspec.compiler import analyze
from netspec.diagnostics import ModelFileError, Source
from netspec.files import atomic_write
from netspec.graph import Graph
from netspec.ir import Network
from netspec.recipe.datasets import find
from netspec.resolve import resolved_text

__all__ = ["FORMAT_VERSION", "ModelFile", "read", "write"]

FORMAT_VERSION = 1

_BLANK = "0" * 64
_MAX_HEADER = 100_000_000


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What a model file holds.

    Attributes:
        network: the network, with its data source and recipe.
        graph: its operations.
        arrays: parameters and state by path, such as `conv_1/kernel`.
        labels: the class names.
        training: what is known of how it was trained, such as the epoch and the test accuracy.
    """

    network: Network
    graph: Graph
    arrays: Mapping[str, NDArray[Any]]
    labels: tuple[str, ...]
    training: Mapping[str, Any]


def write(path: Path, model: ModelFile) -> None:
    """Write a model file atomically.

    Raises:
        OSError: when the folder cannot be written to.
    """
    metadata = {
        "format": "netspec",
        "version": str(FORMAT_VERSION),
        "name": model.network.name,
        "spec": resolved_text(_portable(model.network)),
        "labels": json.dumps(list(model.labels)),
        "training": json.dumps(dict(model.training)),
        "sha256": _BLANK,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in sorted(model.arrays.items())}
    data = _ordered(safetensors.numpy.save(arrays, metadata))
    digest = hashlib.sha256(data).hexdigest()
    marker = f'"sha256":"{_BLANK}"'.encode()
    if data.count(marker) != 1:
        raise ModelFileError("the model's metadata cannot hold its own hash", "rename a label that looks like one")
    atomic_write(path, data.replace(marker, f'"sha256":"{digest}"'.encode()))


def _portable(network: Network) -> Network:
    """Return the network with paths of datasets cut to their last part: a model tells nothing of where it was made."""
    data = network.data
    if data is None:
        return network
    names = {key: Path(name).name for key in ("name", "fallback") if (name := getattr(data, key)) and not find(name)}
    return network.model_copy(update={"data": data.model_copy(update=names)})


def _ordered(data: bytes) -> bytes:
    """Return a safetensors file with its header in one order: the same model is the same file, byte for byte."""
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def read(path: Path) -> ModelFile:
    """Read and check a model file.

    Raises:
        ModelFileError: when the file is missing, damaged, of another format, newer than this netspec, or does not fit
            its own spec.
    """
    if path.suffix == ".net":
        raise ModelFileError(f"{path} is a spec, not a trained model", f"train it first: netspec train {path}")
    data = _bytes(path)
    metadata = _metadata(path, data)
    _check_hash(path, data, metadata)
    network, graph = _network(path, metadata)
    arrays = _arrays(path, data)
    _check_shapes(path, graph, arrays)
    try:
        labels = tuple(str(label) for label in json.loads(metadata["labels"]))
        training = dict(json.loads(metadata["training"]))
    except (KeyError, ValueError, TypeError, RecursionError):
        raise _damaged(path, "its labels cannot be read") from None
    return ModelFile(network, graph, arrays, labels, training)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such file", "give a model file or a run folder") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}") from None


def _metadata(path: Path, data: bytes) -> dict[str, str]:
    """Return the metadata of the header, which must be one that netspec wrote."""
    if len(data) < 8:
        raise _damaged(path, f"it has only {len(data)} bytes")
    length = int.from_bytes(data[:8], "little")
    if length > min(_MAX_HEADER, len(data) - 8):
        raise _damaged(path, "it is cut short, or not a safetensors file")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError):
        raise _damaged(path, "its header cannot be read") from None
    if not isinstance(metadata, dict) or metadata.get("format") != "netspec":
        raise ModelFileError(
            f"{path} is not a netspec model",
            "netspec reads the best.safetensors and last.safetensors that it wrote",
        )
    version = str(metadata.get("version", ""))
    if not version.isdecimal() or len(version) > 9 or int(version) > FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has model format {version[:9] or '?'}; this netspec reads up to {FORMAT_VERSION}",
            "update netspec",
        )
    return {str(k): str(v) for k, v in metadata.items()}


def _check_hash(path: Path, data: bytes, metadata: Mapping[str, str]) -> None:
    stated = metadata.get("sha256", "")
    marker = f'"sha256":"{stated}"'.encode()
    if len(stated) != 64 or data.count(marker) != 1:
        raise _damaged(path, "its hash is missing")
    blank = data.replace(marker, f'"sha256":"{_BLANK}"'.encode())
    if hashlib.sha256(blank).hexdigest() != stated:
        raise _damaged(path, "its contents do not match its SHA-256")


def _network(path: Path, metadata: Mapping[str, str]) -> tuple[Network, Graph]:
    source = Source(f"{path} (its spec)", metadata.get("spec", ""))
    name = metadata.get("name", "")
    if not 0 < len(name) <= 200:
        raise _damaged(path, "the name inside is missing or too long")
    found = analyze(source, name=name)
    if found.network is None or found.graph is None:
        first = found.diagnostics[0].message
        raise ModelFileError(f"{path}: the spec inside is not valid: {first}", "was it made by a newer netspec?")
    return found.network, found.graph


def _arrays(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    try:
        return dict(safetensors.numpy.load(data))
    except (SafetensorError, KeyError, ValueError) as error:
        raise _damaged(path, str(error)) from None


def _check_shapes(path: Path, graph: Graph, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse weights that are not exactly those of the spec."""
    wanted = {p.path: p.shape for p in graph.parameters.values()}
    for name in sorted(wanted.keys() | arrays.keys()):
        if name not in arrays:
            raise ModelFileError(f"{path}: the weights of {name} are missing", _OTHER_SPEC)
        if name not in wanted:
            raise ModelFileError(f"{path}: its spec has no {name}", _OTHER_SPEC)
        array = arrays[name]
        if array.shape != wanted[name] or array.dtype != np.float32:
            raise ModelFileError(
                f"{path}: {name} is {array.dtype} {array.shape}, its spec wants float32 {wanted[name]}",
                _OTHER_SPEC,
            )


_OTHER_SPEC = "the weights belong to another spec: train again, or use the file as netspec wrote it"


def _damaged(path: Path, why: str) -> ModelFileError:
    return ModelFileError(f"{path} is damaged: {why}", "copy it again from where it was whole, or train again")
