"""The trained weights that a training starts from: what of them is taken, and what begins fresh."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, ModelFileError, RunError, listing
from netspec.diagnostics.visible import visible
from netspec.graph.graph import Graph
from netspec.graph.parts import parts
from netspec.graph.weights_check import nothing_fits
from netspec.ir.network import Network
from netspec.recipe.weights_header import Match, match
from netspec.runs.weights_file import read_weights
from netspec.system.arguments import described
from netspec.system.files import expanded, kind_of
from netspec.training.events import Weights

__all__ = ["INITIAL", "StartWeights", "notices_of", "same_weights", "start_weights", "weights_name"]

INITIAL = "initial.safetensors"
"""Where a run keeps what it started from, if that came from memory."""


@dataclass(frozen=True, eq=False, slots=True)
class StartWeights:
    """What a training starts from.

    Attributes:
        arrays: those that are taken, by path.
        event: what was taken and what was not.
        record: the same for the run folder, with the place and the SHA-256 of the file.
        from_memory: whether it is from no file.
    """

    arrays: Mapping[str, NDArray[Any]]
    event: Weights
    record: Mapping[str, Any]
    from_memory: bool = False


def start_weights(
    network: Network, graph: Graph, weights: str | Path | None, variables: Any, base: Path | None
) -> StartWeights | None:
    """Return what a training starts from; None where all begins fresh.

    Args:
        network: may name a file.
        graph: of the network.
        weights: the run folder or the file to take in its place.
        variables: a model's variables, or arrays by path, to take in place of both.
        base: the folder that paths in the spec are relative to.

    Raises:
        RunError: when there is no such run or file.
        ModelFileError: when the file is damaged, is none, or has nothing that fits.
        DataError: when the variables are none, or nothing of them fits.
    """
    if variables is not None:
        if weights is not None:
            raise DataError("weights and variables both say what to start from", "give one of them")
        arrays = _arrays_of(variables)
        shapes = {name: array.shape for name, array in arrays.items()}
        found = _matched("variables", graph, shapes, arrays, DataError)
        digest = hashlib.sha256()
        for name in sorted(found.taken):
            digest.update(name.encode() + arrays[name].tobytes())
        record = {"path": INITIAL, "sha256": digest.hexdigest(), "given": True, **_table(found)}
        taken = {name: arrays[name] for name in found.taken}
        return StartWeights(taken, _event("variables", found), record, from_memory=True)
    if weights is None and network.weights is None:
        return None
    path = _inside(str(network.weights), base) if weights is None else expanded(weights, RunError)
    named = str(network.weights) if weights is None else str(weights)
    file = read_weights(path)
    found = _matched(named, graph, file.shapes, file.arrays, ModelFileError)
    # The same file again, whatever a run folder says is its newest run then.
    where = str(file.path.resolve())
    record = {"path": where, "sha256": file.sha256, "given": weights is not None, **_table(found)}
    return StartWeights({name: file.arrays[name] for name in found.taken}, _event(named, found), record)


def same_weights(folder: Path, graph: Graph, record: Mapping[str, Any] | None) -> StartWeights | None:
    """Return what a run started from, as its manifest records it; None where all began fresh.

    Raises:
        RunError: when the file is gone, or is another one now.
    """
    if record is None:
        return None
    path = folder / str(record["path"])
    if kind_of(path, RunError) is None:
        raise RunError(f"the weights that {folder} started from are no longer at {path}", "put the file back there")
    file = read_weights(path)
    if file.sha256 != record["sha256"]:
        raise RunError(
            f"{path} is not what {folder} started from: its SHA-256 is {file.sha256[:12]}…, "
            f"that was {str(record['sha256'])[:12]}…",
            "put the same file back, or train again from the other one",
        )
    found = _matched(str(path), graph, file.shapes, file.arrays, ModelFileError)
    taken = {name: file.arrays[name] for name in found.taken}
    return StartWeights(taken, _event(str(path), found), {**record, "path": str(path.resolve())})


def weights_name(path: str | Path) -> str:
    """Return a path from outside as a spec can hold it: its last part, for a model names no folder of its machine."""
    return re.sub(r'["\x00-\x1f\x7f]', "_", visible(Path(path).name)) or "weights"


def notices_of(network: Network, graph: Graph, start: StartWeights | None) -> Iterator[str]:
    """Yield what to say of weights that stay as they were drawn at random."""
    frozen = parts(network, graph).frozen
    taken = set(start.arrays) if start else set()
    random = [p.path for p in graph.parameters.values() if p.trainable and p.path in frozen and p.path not in taken]
    if random:
        layers = list(dict.fromkeys(f"`{path.rpartition('/')[0]}`" for path in random))
        named = listing([*layers[:4], *(["others"] if len(layers) > 4 else [])], "and")
        why = "no weights are given to start from" if start is None else "nothing was taken for it"
        yield f"{named}: frozen as drawn at random, for {why}"
    if start is None:
        return
    kernels = {p.path for p in graph.parameters.values() if p.role == "kernel"}
    if kernels and not kernels & taken and not start.from_memory:
        yield "no kernel fits, only what is as long by chance: these may be the weights of another network"
    # The softmax may be a layer of its own behind the one with the weights.
    last = [p.path.rpartition("/")[0] for p in graph.parameters.values() if p.role == "kernel"][-1:]
    ends = {*(output.node for output in network.all_outputs), *last}
    for path, (own, other) in ((p, start.event.fresh[p].values()) for p in start.event.fresh):
        if path.rpartition("/")[0] in ends and path.endswith("/kernel") and own[0] != other[0]:
            yield f"`{path.rpartition('/')[0]}` has {own[0]} outputs, and {other[0]} in the file: it begins fresh"


def _inside(name: str, base: Path | None) -> Path:
    """Return a path of a spec as one inside the spec's own folder."""
    path = (base or Path()) / name
    if base is not None and not path.resolve().is_relative_to(base.resolve()):
        raise RunError(
            f"the spec's weights {name} are outside the spec's folder", "name other files with --weights PATH"
        )
    return path


def _matched(
    name: str,
    graph: Graph,
    shapes: Mapping[str, tuple[int, ...]],
    arrays: Mapping[str, NDArray[Any]],
    refusal: type[ModelFileError] | type[DataError],
) -> Match:
    """Return what fits; raises the refusal where nothing does, or what does has numbers that are not finite."""
    # What is no float is no weight, even of the same name.
    floats = {key: shape for key, shape in shapes.items() if key in arrays}
    found = match({p.path: p.shape for p in graph.parameters.values()}, floats)
    wrong = nothing_fits(name, found)
    if wrong:
        raise refusal(*wrong)
    for path in found.taken:
        if not np.isfinite(arrays[path]).all():
            raise refusal(f"{name}: {path} has numbers that are not finite", "take the weights of a sound training")
    return Match(found.taken, found.fresh, found.missing, tuple(key for key in shapes if key not in _wanted(graph)))


def _wanted(graph: Graph) -> set[str]:
    return set(graph.parameters)


def _table(found: Match) -> dict[str, Any]:
    fresh = {path: {"shape": list(own), "found": list(other)} for path, (own, other) in found.fresh.items()}
    return {"taken": list(found.taken), "fresh": fresh, "missing": list(found.missing), "unused": list(found.unused)}


def _event(source: str, found: Match) -> Weights:
    fresh = {path: {"shape": own, "found": other} for path, (own, other) in found.fresh.items()}
    return Weights(source, found.taken, fresh, found.missing, found.unused)


def _arrays_of(variables: Any) -> dict[str, NDArray[np.float32]]:
    """Return variables as arrays by path; raises DataError where they are none."""
    # A run and the last event of a training have theirs.
    given = getattr(variables, "variables", variables)
    trees = [given.params, given.state] if hasattr(given, "params") and hasattr(given, "state") else [given]
    found: dict[str, NDArray[np.float32]] = {}
    for tree in trees:
        if not isinstance(tree, Mapping):
            raise DataError(f"variables cannot be {described(variables)}", _VARIABLES)
        for name, inner in tree.items():
            nested = inner.items() if isinstance(inner, Mapping) else (("", inner),)
            for key, value in nested:
                path = f"{name}/{key}" if key else str(name)
                found[path] = _float_array(path, value)
    return found


_VARIABLES = 'give a model\'s variables, such as run.variables, or arrays by name: {"conv_1/kernel": array}'


def _float_array(path: str, value: Any) -> NDArray[np.float32]:
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiu" and str(array.dtype) != "bfloat16":
            raise TypeError
        with np.errstate(over="ignore"):
            return np.asarray(array, np.float32)
    except (TypeError, ValueError):
        raise DataError(f"variables: {path} is {described(value)}, not an array of numbers", _VARIABLES) from None
