"""A model in one file: sealed safetensors whose metadata holds the spec, the labels and how it was trained.

Reading runs no code and trusts nothing: the spec is checked like any other, and the arrays that the header declares
must be exactly those of the spec, before they are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import ModelFileError, Source
from netspec.diagnostics.visible import visible
from netspec.graph.graph import Graph
from netspec.graph.trace import recorded
from netspec.ir.network import Network
from netspec.ir.text import resolved_text
from netspec.recipe.catalog import find, last_part
from netspec.runs import safetensors_file as sealed
from netspec.runs.safetensors_file import Declared, FileKind
from netspec.system.nearby import path_fix

__all__ = ["FORMAT_VERSION", "ModelFile", "read", "stated", "write"]

FORMAT_VERSION = 1
"""Of what a model file holds; docs/model_file.md describes each."""

_KIND = FileKind(
    "netspec",
    FORMAT_VERSION,
    "netspec model",
    "netspec reads the best.safetensors and last.safetensors that it wrote",
    "copy it again from where it was whole, or train again",
)


_SHOWN = 200
"""So much of a name that a file made up is repeated in a message."""


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What a model file holds.

    Attributes:
        network: the network, with its data source and recipe.
        graph: its operations.
        arrays: parameters and state by path, such as `conv_1/kernel`.
        labels: the class names.
        training: what is known of how it was trained, such as the epoch and the test accuracy.
        seal: the hash that the file states, where it was read from one.
    """

    network: Network
    graph: Graph
    arrays: Mapping[str, NDArray[Any]]
    labels: tuple[str, ...]
    training: Mapping[str, Any]
    seal: str = ""


def write(path: Path, model: ModelFile, announce: Callable[[str], None] | None = None) -> None:
    """Write a model file atomically; `announce` is called with its hash before it is there.

    Raises:
        OSError: when the folder cannot be written to.
    """
    metadata = {
        "name": visible(model.network.name),
        "spec": resolved_text(_portable(model.network)),
        "labels": json.dumps(list(model.labels)),
        "training": json.dumps(dict(model.training), allow_nan=False),
    }
    sealed.write(path, _KIND, model.arrays, metadata, announce)


def _portable(network: Network) -> Network:
    """Return the network with paths of datasets cut to their last part: a model names no folder of its machine."""
    if network.weights:
        network = network.model_copy(update={"weights": last_part(network.weights).removeprefix("./")})
    data = network.data
    if data is None:
        return network
    names = {key: last_part(name) for key in ("name", "fallback") if (name := getattr(data, key)) and not find(name)}
    return network.model_copy(update={"data": data.model_copy(update=names)})


def read(path: Path) -> ModelFile:
    """Read and check a model file.

    Raises:
        ModelFileError: when the file is missing, damaged, of another format, newer than this netspec, or does not fit
            its own spec.
    """
    if path.suffix == ".net":
        fix = path_fix(path, runs=True, otherwise=f"train it first: netspec train {path}")
        raise ModelFileError(f"{path} is a spec, not a trained model", fix)
    spec: list[tuple[Network, Graph]] = []

    def accept(metadata: Mapping[str, str], declared: Mapping[str, Declared]) -> None:
        spec.append(_network(path, metadata))
        _check_shapes(path, spec[0][1], declared)

    metadata, arrays = sealed.read(path, _KIND, accept)
    labels, training = _decoded(path, metadata, "labels"), _decoded(path, metadata, "training")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise sealed.damaged(path, _KIND, "its labels are not a list of texts")
    if len(set(labels)) < len(labels):
        raise sealed.damaged(path, _KIND, "two of its classes have the same name")
    if not isinstance(training, dict):
        raise sealed.damaged(path, _KIND, "what it says of its training is not an object")
    return ModelFile(*spec[0], arrays, tuple(labels), training, metadata["sha256"])


def stated(path: Path) -> str | None:
    """Return the hash that a model file states, unchecked; None where it is none."""
    return sealed.stated(path, _KIND)


def _decoded(path: Path, metadata: Mapping[str, str], field: str) -> Any:
    try:
        return json.loads(metadata[field])
    except (KeyError, ValueError, RecursionError):
        raise sealed.damaged(path, _KIND, f"its {field} cannot be read") from None


def _network(path: Path, metadata: Mapping[str, str]) -> tuple[Network, Graph]:
    source = Source(f"{path} (its spec)", metadata.get("spec", ""))
    name = metadata.get("name", "")
    if not 0 < len(name) <= 200:
        raise sealed.damaged(path, _KIND, "the name inside is missing or too long")
    found = analyze(source, name=name, recorded=True)
    if found.network is None or found.graph is None:
        first = visible(found.diagnostics[0].message)
        raise ModelFileError(
            f"{path}: the spec inside is not valid: {first}", "the file is damaged, or made by another netspec"
        )
    return recorded(found.network, found.graph), found.graph


def _check_shapes(path: Path, graph: Graph, declared: Mapping[str, Declared]) -> None:
    """Refuse arrays that are not exactly those of the spec."""
    wanted = {p.path: Declared("F32", p.shape) for p in graph.parameters.values()}
    for name in sorted(wanted.keys() | declared.keys()):
        if name not in declared:
            raise ModelFileError(f"{path}: the weights of {name} are missing", _OTHER_SPEC)
        if name not in wanted:
            raise ModelFileError(f"{path}: its spec has no {visible(name[:_SHOWN])}", _OTHER_SPEC)
        has, wants = declared[name], wanted[name]
        if has != wants:
            raise ModelFileError(
                f"{path}: {name} is {has.dtype} {has.shape}, its spec wants float32 {wants.shape}", _OTHER_SPEC
            )


_OTHER_SPEC = "the weights belong to another spec, or the file is damaged: use the file as netspec wrote it"
