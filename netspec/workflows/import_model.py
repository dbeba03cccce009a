"""`netspec import`: files of another program become a spec and a model file, both checked and run before they stay."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from netspec.backends.jax.model import Model
from netspec.compiler import analyze, require
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import NetspecError, RunError, Source, SpecError
from netspec.diagnostics.visible import visible
from netspec.formats.readers import reader_of
from netspec.formats.reading import Description, Given, ModelImportError, Output, Piece, Unknown
from netspec.formats.spec_text import Written, matched, written
from netspec.graph.graph import Graph, Parameter
from netspec.ir.network import Network
from netspec.ops import Shape
from netspec.recipe.catalog import find
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile
from netspec.sources.preparation import Preparation
from netspec.system import files as system_files

__all__ = [
    "Imported",
    "Row",
    "import_model",
    "labels_of",
    "load_bytes",
    "require_free",
    "require_understood",
    "run_once",
    "short_text",
    "spec_of",
    "write_model",
    "write_spec",
]

_MAX_LABELS = 1_000_000
_MOST_FOLDED = 3000
"""Layers among which blocks and repetitions are looked for, which takes long among more."""
_MOST_VALUES = 2**25
"""Of one example in one layer of a network that is run once: a small file can say pictures that no memory holds."""
_MOST_FLOPS = 10**12
_MOST_OPERATIONS = 3000
"""Of a network that is run once, likewise: more would take minutes to compute, or to compile."""


@dataclass(frozen=True, slots=True)
class Row:
    """One layer of the table: its name in the spec, what it is, its output, its arrays and where they came from."""

    node: str
    layer: str
    shape: Shape
    parameters: int
    source: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What was imported.

    Attributes:
        spec: the file that was written; where weights went into a given spec, that one, or a copy of it.
        model: the model file beside it; None where there were no weights.
        data: the dataset that the spec names; empty where it names none.
        format: the name of the format.
        rows: the layers.
        parameters: trained numbers.
        notes: what differs a little, or had to be decided.
        unknown: what was not understood, and is missing.
        written: the files that were written.
    """

    spec: Path
    model: Path | None
    data: str
    format: str
    rows: tuple[Row, ...]
    parameters: int
    notes: tuple[str, ...]
    unknown: tuple[Unknown, ...]
    written: tuple[Path, ...] = ()


def import_model(
    files: Sequence[Path],
    *,
    shape: Shape | None = None,
    labels: Path | None = None,
    out: Path | None = None,
    partial: bool = False,
    force: bool = False,
    normalize: str = "",
) -> Imported:
    """Import a network.

    Args:
        files: those of the network and of its weights, of one format; or a spec and the weights that go into it.
        shape: of its input, where they do not say it.
        labels: a text file with the names of the classes, one a line.
        out: the spec to write; by the name of the first file, in the folder here, unless given.
        partial: write what was understood, where not everything was.
        force: replace a spec and a model file that are there.
        normalize: of a given spec what its `data` would say of pixels, such as `imagenet`.

    Raises:
        NetspecError: nothing was written, for the reason that it says.
    """
    paths = [system_files.expanded(path, ModelImportError) for path in files]
    if any(path.suffix.lower() == ".net" for path in paths):
        from netspec.workflows.import_weights import import_weights  # noqa: PLC0415 (it needs what is here)

        return import_weights(
            paths, shape=shape, labels=labels, out=out, partial=partial, force=force, normalize=normalize
        )
    if normalize:
        raise NetspecError(
            "--normalize is for a given spec and weights that go into it", "other formats say it in their files"
        )
    reader = reader_of(paths)
    target = _target(out, paths[0])
    model_path = target.with_suffix(".safetensors")
    for path in (target, model_path):
        require_free(path, force=force)
    with np.errstate(over="ignore", invalid="ignore"):
        # What is too large for float32 becomes infinite, which is refused.
        made = reader.read(Given(paths, shape, load_bytes))
    require_understood(made, partial=partial)
    text, network, graph, names = spec_of(made, target)
    pieces = {piece.name: piece for piece in text.pieces}
    arrays = _arrays(made, pieces, names, graph)
    stated = labels_of(labels, network, graph, made.labels)
    too_large = run_once(network, graph, arrays)
    write_spec(target, text.text)
    if arrays is not None:
        write_model(model_path, network, graph, arrays, stated, reader.name)
    return Imported(
        target,
        model_path if arrays is not None else None,
        network.data.name if network.data else "",
        reader.name,
        tuple(_rows(text, network, graph)),
        sum(prod(p.shape) for p in graph.parameters.values() if p.role != "state"),
        (*made.notes, *filter(None, (too_large,))),
        tuple(made.unknown),
        (target, model_path) if arrays is not None else (target,),
    )


def _target(out: Path | None, first: Path) -> Path:
    if out is None:
        return Path(f"{first.stem}.net")
    target = system_files.expanded(out, RunError)
    if target.suffix != ".net":
        raise NetspecError(f"{target} is no name of a spec", f"it ends in .net: -o {target.with_suffix('.net')}")
    return target


def require_free(path: Path, *, force: bool) -> None:
    """Raise NetspecError where a file is there that may not be replaced."""
    kind = system_files.kind_of(path, RunError)
    if kind is not None and (kind != "file" or not force):
        fix = "choose another name with -o, or replace it: --force" if kind == "file" else "choose another name with -o"
        raise NetspecError(f"{path} exists already", fix)


def load_bytes(path: Path, most: int) -> bytes:
    """Return the bytes of a file, which has no more than so many."""
    try:
        found = path.stat()
        # A buffer is made for all that is asked for: of a file no more than there is.
        size = found.st_size if stat.S_ISREG(found.st_mode) else most
        # Nothing is read of what is too large: a file can be all hole, and have no bytes on the disk.
        data = system_files.read_given(path, size + 1) if size <= most else b""
    except OSError as error:
        raise ModelImportError(f"{path} cannot be read: {error.strerror}", "name a file that is there") from None
    if max(size, len(data)) > most:
        raise ModelImportError(f"{path.name} is larger than {most:,} bytes", "is it a file of a network?")
    if not data:
        raise ModelImportError(f"{path.name} is empty", "copy it again from where it was whole")
    return data


def require_understood(made: Description, *, partial: bool) -> None:
    """Raise ModelImportError that names all that was not understood; with `partial` only where no network is left."""
    made.pieces = [piece for piece in made.pieces if piece.shape]
    whole = not made.has_weights or all(piece.weights.keys() <= piece.arrays.keys() for piece in made.pieces)
    possible = bool(made.pieces) and whole
    if made.unknown and not (partial and possible):
        lines = [_line(unknown) for unknown in made.unknown[:50]]
        more = len(made.unknown) - len(lines)
        lines += [f"  and {more:,} more"] if more else []
        fix = "--partial writes the rest" if possible else ""
        raise ModelImportError("\n".join(["not everything was understood:", *lines]), fix)
    if not made.pieces:
        raise ModelImportError("there are no layers")
    here = {piece.name for piece in made.pieces}
    made.outputs = [output for output in made.outputs if output.piece in here]
    if not made.unknown:
        return
    read = {source for piece in made.pieces for source in piece.inputs}
    ends = [piece.name for piece in made.pieces if piece.name not in read]
    if len(ends) > 1:
        stated = {output.piece for output in made.outputs}
        made.outputs += [Output(name) for name in ends if name not in stated]
    elif len(made.outputs) == 1:
        made.outputs = []
    made.inputs = {name: shape for name, shape in made.inputs.items() if name in read}


def _line(unknown: Unknown) -> str:
    text = visible(f"  {unknown.place}: {unknown.what}")
    return f"{text}; {visible(unknown.instead)}" if unknown.instead else text


def spec_of(made: Description, target: Path) -> tuple[Written, Network, Graph, dict[str, str]]:
    """Return the text of the spec, and what netspec itself reads in it; it must be the network that was described."""
    problem = ""
    for flat in (False, True) if len(made.pieces) <= _MOST_FOLDED else (True,):
        text = written(made, flat=flat)
        try:
            text = replace(text, text=format_source(Source(str(target), text.text)))
            network, graph = require(analyze(Source(str(target), text.text), name=target.stem))
        except SpecError as error:
            problem = error.diagnostics[0].message
            continue
        names = matched(text, network)
        if names is not None:
            return text, network, graph, names
        problem = problem or "its spec says something else"
    raise ModelImportError(f"the network cannot be written as a spec: {problem}")


def _arrays(
    made: Description, pieces: dict[str, Piece], names: dict[str, str], graph: Graph
) -> dict[str, np.ndarray[Any, Any]] | None:
    """Return the arrays of the model file by path; None where there are no weights."""
    if not made.has_weights:
        return None
    found = {f"{names[name]}/{part}": s.array for name, piece in pieces.items() for part, s in piece.arrays.items()}
    missing = graph.parameters.keys() - found.keys()
    if missing:
        raise ModelImportError(f"there are no weights for {min(missing)}", "give the weights of this network")
    return found


def labels_of(path: Path | None, network: Network, graph: Graph, told: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of the classes: those of a file, else those that the model tells, else of the spec's dataset."""
    count = max(graph.shape(graph.outputs[0].index)[0], 2)
    if path is None and told and len(graph.outputs) == 1 and len(set(told)) == count:
        return told
    if path is None:
        info = find(network.data.name) if network.data and network.classifies else None
        return info.labels if info is not None and len(info.labels) == count else ()
    text = load_bytes(path, _MAX_LABELS).decode("utf-8-sig", "replace")
    labels = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(graph.outputs) > 1 or len(labels) != count:
        raise NetspecError(
            f"{path.name} has {len(labels)} names, and the network gives {count}",
            "one name a line, in the order of the outputs",
        )
    if len(set(labels)) < len(labels):
        raise NetspecError(f"two classes in {path.name} have the same name", "each class has a name of its own")
    return labels


def run_once(network: Network, graph: Graph, arrays: dict[str, np.ndarray[Any, Any]] | None) -> str:
    """Run the network once on random examples, and return a note where it is too large for that; empty otherwise.

    Raises:
        ModelImportError: where it gives no numbers.
    """
    if arrays is None:
        return ""
    largest = max([graph.input_values, *(operation.size for operation in graph.operations)])
    if largest > _MOST_VALUES or graph.flops > _MOST_FLOPS or len(graph.operations) > _MOST_OPERATIONS:
        return (
            f"the network was not run, and nothing shows yet that it gives numbers: it has {len(graph.operations):,} "
            f"operations, one example makes {largest:,} values in one of them and takes {graph.flops:,} FLOPs"
        )
    model = Model(network, graph, "cpu")
    variables = run_folders.variables_of(ModelFile(network, graph, arrays, (), {}), model)
    rng = np.random.default_rng(0)
    count = 2 if largest <= _MOST_VALUES // 8 else 1
    given = {
        i.name: rng.integers(0, i.tokens or 256, (count, *i.shape)).astype(np.int32 if i.tokens else np.uint8)
        if len(i.shape) == 3 or i.tokens
        else rng.random((count, *i.shape), np.float32)
        for i in graph.inputs
    }
    made = model.forward(variables, given if len(given) > 1 else next(iter(given.values())))
    for output in made.values() if isinstance(made, dict) else [made]:
        if not np.isfinite(np.asarray(output)).all():
            raise ModelImportError("the imported network gives numbers that are not finite", "are the weights damaged?")
    return ""


def write_spec(target: Path, text: str) -> None:
    """Write a spec; raises NetspecError where that cannot be."""
    try:
        system_files.atomic_write(target, text)
    except OSError as error:
        raise NetspecError(f"{target} cannot be written: {error.strerror}", "choose another place with -o") from None


def write_model(
    path: Path,
    network: Network,
    graph: Graph,
    arrays: dict[str, np.ndarray[Any, Any]],
    labels: tuple[str, ...],
    of: str,
) -> None:
    """Write a model file of what was imported from a format; raises RunError where that cannot be."""
    model = ModelFile(network, graph, arrays, labels, {"imported_from": of}, preparation=_preparation(network))
    try:
        model_file.write(path, model)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}", "choose another folder with -o") from None


def _preparation(network: Network) -> Preparation | None:
    """Return how pictures of files get the size of the input: as photographs do, but where it reads a known dataset."""
    data = network.data
    if not network.reads_images or len(network.inputs) > 1 or (data and find(data.name)):
        return None
    if data is None and network.image_shape[0] != _COLORS:
        return None
    return Preparation(resize=(data.resize if data else None) or "crop")


_COLORS = 3


def _rows(text: Written, network: Network, graph: Graph) -> Sequence[Row]:
    rows = []
    arrays: dict[str, list[Parameter]] = {}
    for path, parameter in graph.parameters.items():
        arrays.setdefault(path.rpartition("/")[0], []).append(parameter)
    for piece, node in zip(text.pieces, network.nodes, strict=True):
        own = arrays.get(node.name, [])
        count = sum(prod(p.shape) for p in own if p.role != "state")
        sources = list(dict.fromkeys(s.source for s in piece.arrays.values()))
        rows.append(
            Row(node.name, short_text(node), piece.shape, count, "; ".join(sources) or (piece.place.at if own else ""))
        )
    return rows


def short_text(node: Any) -> str:
    """Return a layer in a few words, without its initializers."""
    from netspec.ir.text import layer_text  # noqa: PLC0415

    return layer_text(
        node.layer.model_copy(
            update={
                k: None
                for k in ("init", "bias_init")
                if k in type(node.layer).model_fields and node.layer.canonical() not in {"scale", "prelu"}
            }
        )
    )
