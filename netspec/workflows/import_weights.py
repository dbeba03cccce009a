"""`netspec import SPEC.net WEIGHTS`: weights of another program go into a given spec, which stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from netspec.backends.jax.model import Model
from netspec.compiler import analyze, load_source, require
from netspec.diagnostics.diagnostic import NetspecError, RunError, Source, SpecError
from netspec.formats.into_spec import Matched, matched_weights
from netspec.formats.readers import weights_reader_of
from netspec.formats.reading import Array, ModelImportError
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ops import Shape
from netspec.runs import folder as run_folders
from netspec.system import files as system_files
from netspec.workflows.import_model import (
    Imported,
    Row,
    labels_of,
    load_bytes,
    require_free,
    run_once,
    short_text,
    write_model,
    write_spec,
)

__all__ = ["import_weights"]

FRESH = "begins fresh"
"""What the table says of layers for which the file has nothing."""


def import_weights(
    paths: Sequence[Path],
    *,
    shape: Shape | None = None,
    labels: Path | None = None,
    out: Path | None = None,
    partial: bool = False,
    force: bool = False,
    normalize: str = "",
) -> Imported:
    """Put the weights of a file into a spec, and write a model file.

    Args:
        paths: the spec and the weights.
        shape: of the input, which the spec says: it must be none.
        labels: a text file with the names of the classes, one a line.
        out: the model file, or a `.net`: then the spec is written there, and the model file beside it. By the name of
            the weights, in the folder here, unless given.
        partial: let layers begin fresh, and weights be left over, where they do not fit.
        force: replace files that are there.
        normalize: what is done to pixels, in the words of `data { normalize … }`, where the spec does not say it.

    Raises:
        NetspecError: nothing was written, for the reason that it says.
    """
    spec, file = _pair(paths)
    if shape is not None:
        raise NetspecError(f"{spec.name} says the shape of its input", "leave --shape out")
    copy, model_path = _targets(out, file)
    for path in (*([copy] if copy else []), model_path):
        _require_other(path, spec, file)
        require_free(path, force=force)
    source = _with_normalize(load_source(spec), normalize, spec)
    network, graph = require(analyze(source, name=copy.stem if copy else ""))
    if network.data and network.data.normalize and network.data.normalize.of == "channels":
        raise NetspecError(
            "`normalize channels` means those of the data that is trained on, and here is none",
            'say those that the weights were trained with: normalize means="0.49 0.48 0.45" stds="0.25 0.24 0.26"',
        )
    reader = weights_reader_of(file)
    found = matched_weights(network, graph, reader.read(file, load_bytes), spec.name, partial=partial)
    arrays = _arrays(network, graph, found, file.name)
    stated = labels_of(labels, network, graph)
    too_large = run_once(network, graph, arrays)
    if copy:
        _require_same(source.text, copy, network)
        write_spec(copy, source.text)
    write_model(model_path, network, graph, arrays, stated, reader.name)
    return Imported(
        copy or spec,
        model_path,
        network.data.name if network.data and not normalize else "",
        reader.name,
        tuple(_rows(network, graph, found.sources())),
        sum(prod(p.shape) for p in graph.parameters.values() if p.role != "state"),
        (*_notes(found, network, graph, spec.name, file.name), *filter(None, (too_large,))),
        (),
        (*([copy] if copy else []), model_path),
    )


def _pair(paths: Sequence[Path]) -> tuple[Path, Path]:
    """Return the spec and the file of weights."""
    specs = [path for path in paths if path.suffix.lower() == ".net"]
    others = [path for path in paths if path not in specs]
    if len(specs) != 1 or len(others) != 1:
        raise ModelImportError(
            f"{len(specs)} specs and {len(others)} files of weights were given",
            "give one of each: netspec import SPEC.net WEIGHTS.pth",
        )
    return specs[0], others[0]


def _targets(out: Path | None, file: Path) -> tuple[Path | None, Path]:
    """Return where the spec is copied to, if it is, and the model file."""
    if out is None:
        return None, Path(f"{file.stem}.safetensors")
    target = system_files.expanded(out, RunError)
    if target.suffix not in {".net", ".safetensors"}:
        raise NetspecError(
            f"{target} is no name of a model file or a spec",
            f"a model file ends in .safetensors: -o {target.with_suffix('.safetensors')}; "
            "with -o NAME.net the spec is written beside it too",
        )
    return (target, target.with_suffix(".safetensors")) if target.suffix == ".net" else (None, target)


def _require_other(target: Path, spec: Path, file: Path) -> None:
    """Raise NetspecError where what is written would replace what is read."""
    for given in (spec, file):
        try:
            same = target.samefile(given)
        except OSError:
            # One of them is not there, which is said where it is looked for.
            same = False
        if same:
            other = f"{file.stem}_imported" if target.stem in {spec.stem, file.stem} else file.stem
            raise NetspecError(
                f"{target} would replace what is read", f"choose another name: -o {other}{target.suffix}"
            )


# --- how pixels become numbers ----------------------------------------------------------------------------------------


def _with_normalize(source: Source, words: str, spec: Path) -> Source:
    """Return the source with a `data` that says how pixels become numbers; the same where nothing is asked for."""
    if not words:
        return source
    if not re.fullmatch(r"[-\w.=\" ]{1,2000}", words):
        raise NetspecError(f"--normalize {words[:100]!r} cannot be read", _WORDS)
    network, _ = require(analyze(source))
    if network.data is not None:
        fix = f"write it there: data … {{ normalize {words} }}"
        raise NetspecError(f"{spec.name} has a `data` of its own, which says how pixels become numbers", fix)
    # Who trains on ImageNet in PyTorch takes the middle 224 of 256 pixels.
    center = "; resize center" if words.strip() == "imagenet" else ""
    line = f'data "pictures" {{ normalize {words}{center} }}'
    more = Source(source.name, f"{source.text.rstrip()}\n\n{line}\n", source.folder)
    try:
        require(analyze(more))
    except SpecError as error:
        found = error.diagnostics[0]
        raise NetspecError(f"--normalize {words} cannot be: {found.message}", found.fix or _WORDS) from None
    return more


_WORDS = 'as in `data`: --normalize imagenet, or --normalize \'means="0.5 0.5 0.5" stds="0.5 0.5 0.5"\''


# --- what is in the model file ----------------------------------------------------------------------------------------


def _arrays(network: Network, graph: Graph, found: Matched, file: str) -> dict[str, Array]:
    """Return all arrays of the network: those that are taken, and those that begin fresh as a training draws them."""
    taken = found.arrays()
    wrong = [path for path, array in taken.items() if not np.isfinite(array).all()]
    if wrong:
        raise ModelImportError(
            f"{file}: what becomes {wrong[0]} has numbers that are not finite", "take the weights of a sound training"
        )
    if taken.keys() == graph.parameters.keys():
        return taken
    drawn = run_folders.arrays_of(Model(network, graph, "cpu").init(network.recipe.seed))
    return {path: taken.get(path, array) for path, array in drawn.items()}


def _require_same(text: str, copy: Path, network: Network) -> None:
    """Raise NetspecError where a spec is another network in the folder to which it is copied."""
    source = Source(str(copy), text, copy.absolute().parent)
    alone = copy.with_suffix(".safetensors")
    fix = f"put it beside the files that it includes, or write the model file alone: -o {alone}"
    try:
        there = require(analyze(source, name=network.name))[0]
    except SpecError as error:
        raise NetspecError(f"the spec cannot be copied to {copy}: {error.diagnostics[0].message}", fix) from None
    if there.nodes != network.nodes:
        raise NetspecError(f"the spec would be another network at {copy}", fix)


def _rows(network: Network, graph: Graph, sources: Mapping[str, str]) -> Sequence[Row]:
    own: dict[str, int] = {}
    for path, parameter in graph.parameters.items():
        node = path.rpartition("/")[0]
        own[node] = own.get(node, 0) + (prod(parameter.shape) if parameter.role != "state" else 0)
    return [
        Row(
            node.name,
            short_text(node),
            graph.shape(graph.nodes[node.name]) if node.name in graph.nodes else (),
            own.get(node.name, 0),
            sources.get(node.name, FRESH if node.name in own else ""),
        )
        for node in network.nodes
    ]


def _notes(found: Matched, network: Network, graph: Graph, spec: str, file: str) -> Sequence[str]:
    notes = list(found.notes)
    fresh = list(dict.fromkeys(unit.node for unit in found.fresh))
    if fresh:
        notes.append(f"{', '.join(fresh[:5])}{' …' if fresh[5:] else ''}: nothing of {file} fits, it begins fresh")
    if found.unused:
        names = ", ".join(module.name[:100] for module in found.unused[:5])
        notes.append(f"of {file} is left out: {names}{' …' if found.unused[5:] else ''}")
    data = network.data
    pictures = [given for given in graph.inputs if len(given.shape) == 3 and given.shape[0] in {1, 3}]
    if pictures and (data is None or not (data.scale or data.normalize)):
        notes.append(
            f"{spec} does not say how pixels become numbers: they are 0..1; "
            "where the network learned from ImageNet: --normalize imagenet"
        )
    return notes
