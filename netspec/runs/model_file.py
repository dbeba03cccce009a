"""A model in one file: sealed safetensors whose metadata holds the spec, the labels and how it was trained.

Reading runs no code and trusts nothing: the spec is checked like any other, and the arrays that the header declares
must be exactly those of the spec, before they are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import DataError, ModelFileError, Source
from netspec.diagnostics.visible import visible
from netspec.graph.graph import Graph
from netspec.graph.losses import recorded
from netspec.ir.network import Network
from netspec.ir.text import resolved_text
from netspec.recipe.catalog import find, last_part
from netspec.runs import safetensors_file as sealed
from netspec.runs.safetensors_file import DamagedError, Declared, FileKind
from netspec.sources.preparation import Preparation
from netspec.sources.tables.preparation import TablePreparation
from netspec.sources.texts.bpe import NoLibraryError
from netspec.system.nearby import path_fix

__all__ = ["FORMAT_VERSION", "ModelFile", "read", "stated", "write"]

FORMAT_VERSION = 2
"""Of what a model file holds; docs/model_file.md describes each. A model that needs no newer one is written as 1."""

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
        preparation: what was fitted to the data that it learned from; None where nothing was.
        output_labels: of several outputs the class names of those that have some, by the names of the outputs.
    """

    network: Network
    graph: Graph
    arrays: Mapping[str, NDArray[Any]]
    labels: tuple[str, ...]
    training: Mapping[str, Any]
    seal: str = ""
    preparation: Preparation | None = None
    output_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
    if model.preparation is not None:
        metadata["preparation"] = model.preparation.model_dump_json()
    names = {output: list(labels) for output, labels in model.output_labels.items()}
    if names:
        metadata["output_labels"] = json.dumps(names)
    prepared = model.preparation
    newer = names or (prepared and (prepared.table or (prepared.vocabulary and prepared.vocabulary.tokenizer)))
    sealed.write(path, _KIND if newer else replace(_KIND, version=1), model.arrays, metadata, announce)


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

    try:
        metadata, arrays = sealed.read(path, _KIND, accept)
    except DamagedError:
        if path.suffix.lower() in {"", ".safetensors"}:
            raise
        # A table or a picture, more likely than a model under another name.
        fix = path_fix(path, runs=True, otherwise="give a run folder, or a .safetensors file of one")
        raise ModelFileError(f"{path} is no model file, or a damaged one", fix) from None
    labels, training = _decoded(path, metadata, "labels"), _decoded(path, metadata, "training")
    _require_names(path, labels)
    if not isinstance(training, dict):
        raise sealed.damaged(path, _KIND, "what it says of its training is not an object")
    return ModelFile(
        *spec[0],
        arrays,
        tuple(labels),
        training,
        metadata["sha256"],
        output_labels=_output_labels(path, metadata, spec[0][1]),
        preparation=_preparation(path, metadata, spec[0][0]),
    )


def _require_names(path: Path, labels: Any) -> None:
    """Raise ModelFileError for what is no list of class names."""
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise sealed.damaged(path, _KIND, "its labels are not a list of texts")
    if len(set(labels)) < len(labels):
        raise sealed.damaged(path, _KIND, "two of its classes have the same name")


def _preparation(path: Path, metadata: Mapping[str, str], network: Network) -> Preparation | None:
    """Return what a model file says of its data, if it does; that makes examples of the shape that the input has."""
    if "preparation" not in metadata:
        return None
    try:
        found = Preparation.model_validate_json(metadata["preparation"])
    except ValidationError:
        raise sealed.damaged(path, _KIND, "its preparation cannot be read") from None
    try:
        if found.vocabulary and (len(network.inputs) != 1 or network.tokens != len(found.vocabulary)):
            raise sealed.damaged(path, _KIND, "its vocabulary is of another size than its input says")
        if found.table:
            _require_fits(path, found.table, network)
    except NoLibraryError:
        raise
    except DataError as error:
        raise sealed.damaged(path, _KIND, error.message) from None
    return found


def _require_fits(path: Path, table: TablePreparation, network: Network) -> None:
    """Raise ModelFileError where rows of a table would be made into something else than a network reads."""
    inputs = {given.name: (given.shape, given.tokens) for given in network.inputs}
    if {name: (given.shape, given.tokens) for name, given in table.inputs.items()} != inputs:
        raise sealed.damaged(path, _KIND, "the columns of its table are others than its inputs say")


def _output_labels(path: Path, metadata: Mapping[str, str], graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return the class names of several outputs; none in a file that has none."""
    if "output_labels" not in metadata:
        return {}
    found = _decoded(path, metadata, "output_labels")
    if not isinstance(found, dict) or not found.keys() <= {output.name for output in graph.outputs}:
        raise sealed.damaged(path, _KIND, "its output_labels are not by the names of its outputs")
    for labels in found.values():
        _require_names(path, labels)
    return {output: tuple(labels) for output, labels in found.items()}


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
