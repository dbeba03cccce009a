"""Do the data files that a spec names go with its network? Looked at without NumPy, and never for long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError, Diagnostic, Places, listing, plural
from netspec.graph.array_checks import at_place, misfits, names_of_network
from netspec.graph.graph import Graph
from netspec.graph.picture_checks import of_pictures
from netspec.graph.recipe_checks import without_entities
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe import catalog as datasets
from netspec.recipe.array_facts import Wrong
from netspec.recipe.array_files import ARRAY_ENDINGS, holds_arrays
from netspec.recipe.data_headers import Contents, array_contents, idx_contents
from netspec.recipe.losses import BinaryCrossEntropy, Loss
from netspec.sources.files.pictures import holds_pictures
from netspec.sources.kinds import PICTURES
from netspec.sources.missing import missing_data
from netspec.sources.places import OutsideError, require_inside
from netspec.sources.survey import Survey, survey
from netspec.sources.tables.target_misfit import range_misfit, range_unanswered, target_misfit
from netspec.system.files import kind_of

__all__ = ["look_at_data"]


def look_at_data(network: Network, graph: Graph | None, places: Places, folder: Path | None) -> Iterable[Diagnostic]:
    """Yield what is wrong with the files that `data` names: one is missing, or is not what the network takes.

    Args:
        network: names them.
        graph: of the network, where it has one.
        places: where in a text all was declared.
        folder: of the spec.
    """
    data, place = network.data, places.get("data")
    if data is None or folder is None:
        return
    names = [name for name in (data.name, data.fallback) if name]
    missing: list[Diagnostic] = []
    for name in names:
        if datasets.find(name):
            continue
        try:
            require_inside(name, folder)
            path = (folder / name).resolve()
            inside, kind = path.is_relative_to(folder.resolve()), kind_of(path, DataError)
        except OutsideError as error:
            yield at_place(place, "E0403", (error.message, error.fix))
            continue
        except (DataError, OSError, RuntimeError, ValueError) as error:
            yield at_place(place, "E0314", (f"{name} cannot be looked for: {error}".splitlines()[0], "name a file"))
            continue
        if not inside:
            continue  # which was said where it stands
        if kind is None:
            gone = missing_data(path, name, "paths begin at the spec's folder: put it there, or train with --data PATH")
            missing.append(at_place(place, "E0314", (gone.message, gone.fix)))
        else:
            one = data.model_copy(update={"name": name, "fallback": None})
            yield from _of_one(network, graph, one, path, kind, places, folder)
    # What comes first may be missing where there is something to take instead.
    if len(missing) == len(names):
        yield missing[0]


def _of_one(
    network: Network, graph: Graph | None, data: DataSource, path: Path, kind: str, places: Places, folder: Path
) -> Iterable[Diagnostic]:
    """Return what is wrong with the data at a path that is there, as far as the network is concerned."""
    if data.is_table:
        return _of_table(network, graph, data, places, folder)
    if data.is_text:
        return _of_text(network, graph, data, places, folder)
    if holds_pictures(path):
        return of_pictures(network, graph, data, places, folder)
    return misfits(network, graph, places, data.name, _contents(network, path, kind, data.name, data.held_out))


def _of_text(
    network: Network, graph: Graph | None, data: DataSource, places: Places, folder: Path
) -> Iterator[Diagnostic]:
    """Yield what is wrong with a text, or with how many tokens the network says that it has."""
    try:
        found = survey(data, folder)
    except DataError as error:
        yield at_place(places.get("data"), "E0314", (error.message, error.fix))
        return
    if found and network.tokens and network.tokens != found.tokens:
        given = network.inputs[0]
        message = f"the text has {found.tokens} tokens, but the input has {network.tokens}"
        fix = f"say `tokens={found.tokens}`, or leave `input` out: it follows from the text"
        yield at_place(places.get(given.name), "E0308", (message, fix), places.get("data"))
    elif found and found.classes and graph and len(graph.outputs) == 1:
        outputs, place = graph.shape(graph.output), places.get(network.all_outputs[0].node)
        single = isinstance(graph.loss, BinaryCrossEntropy) and found.classes == 2 and outputs[:1] == (1,)
        has = outputs[:1] if data.is_tagged else outputs
        if has != (found.classes,) and not single:
            ends = f"has {plural(outputs[0], 'output')}" if len(outputs) == 1 else f"ends in {format_shape(outputs)}"
            message = (
                f"the network {ends}, but {data.name} has {found.classes} {'labels' if data.is_tagged else 'classes'}"
            )
            ends = "fc classes softmax pointwise" if data.is_tagged else "fc classes softmax"
            wrong = (message, f"let it end in as many outputs: `{ends}`")
            yield at_place(place, "E0304", wrong, places.get("data"))
        elif found.labels and (unfit := without_entities(network, graph, found.labels)):
            yield at_place(places.get("train"), "E0311", unfit, places.get("data"))


def _of_table(
    network: Network, graph: Graph | None, data: DataSource, places: Places, folder: Path
) -> Iterator[Diagnostic]:
    """Yield what is wrong with a table, or with what the network says of it."""
    try:
        found = survey(data, folder, _asked(network))
    except DataError as error:
        yield at_place(places.get("data"), "E0314", (error.message, error.fix))
        return
    for given, has in zip(network.inputs, found.inputs if found else (), strict=False):
        if found and given.name in found.files:
            continue
        if (given.shape, given.tokens) != (has.shape, has.tokens):
            message = f"a row of {data.name} becomes {plural(has.shape[0], 'number')}, but the input is"
            if data.window:
                message = f"a window of {data.name} is {format_shape(has.shape)}, but the input is"
            fix = "leave `input` out: it follows from the table"
            wrong = (f"{message} {format_shape(given.shape)}", fix)
            yield at_place(places.get(given.name), "E0308", wrong, places.get("data"))
            return
    if graph and found and len(graph.outputs) == 1 and network.needs_targets:
        yield from _of_output(network, graph, data, found, places)


def _of_output(network: Network, graph: Graph, data: DataSource, found: Survey, places: Places) -> Iterator[Diagnostic]:
    """Yield why the one output of a network cannot learn what a table has."""
    outputs, place = graph.shape(graph.output), places.get(network.all_outputs[0].node)
    if data.window and data.window.last > data.window.first:
        unanswered = range_unanswered(data.target_names[0], data.window, outputs)
        if unanswered:
            yield at_place(place, "E0304", unanswered, places.get("data"))
        return
    if len(outputs) != 1:
        if data.window:
            message = f"a window of {data.name} has one target, but the network ends in {format_shape(outputs)}"
            yield at_place(
                place, "E0304", (message, "`take last` behind `lstm` or `conv`, then `fc 1`"), places.get("data")
            )
        return
    misfit = _of_numbers(graph.loss, outputs[0], found, data.name)
    if misfit:
        yield at_place(place, "E0304", misfit, places.get("data"))
    elif outputs[0] == 1:
        return
    elif found.classes and outputs[0] != found.classes:
        message = f"the network has {outputs[0]} outputs, but {data.name} has {found.classes} classes"
        yield at_place(place, "E0304", (message, "write `fc classes softmax`"), places.get("data"))
    elif not found.classes and len(found.amounts) == 1 and len(data.target_columns) - ("log" in data.target) == 1:
        message = f"the network has {outputs[0]} outputs, but {found.amounts[0]} of {data.name} is one number"
        yield at_place(place, "E0304", (message, "end with `fc 1`, which learns numbers"), places.get("data"))


def _of_numbers(loss: Loss, outputs: int, found: Survey, table: str) -> Wrong | None:
    """Return why the columns of a table that are learned, a number of the output each, cannot be learned."""
    if outputs != len(found.targets):
        return None
    if outputs == 1:
        return target_misfit(found.targets[0], loss, table=table, of_log=found.of_log)
    return next(
        (wrong for c in found.targets if (wrong := range_misfit(c, loss, of_log=found.of_log, columns=outputs))), None
    )


def _asked(network: Network) -> dict[str, tuple[str, ...]]:
    """Return the columns of a table that each input names; a picture or a sound reads the column of files."""
    return {i.name: (*((PICTURES,) if network.reads_file(i) else ()), *i.columns) for i in network.inputs}


def _contents(network: Network, path: Path, kind: str, name: str, held_out: int) -> Contents:
    """Return what the files at a path say of themselves; they are chosen as they are when they are loaded."""
    arrays, wanted = path.suffix.lower() in ARRAY_ENDINGS, names_of_network(network)
    if (arrays and kind == "file") or (not arrays and kind == "folder" and holds_arrays(path, DataError)):
        group = network.data.group_array if network.data else ""
        return array_contents(path, name, wanted, held_out, needs_targets=network.needs_targets, group=group)
    if not wanted.is_plain and not arrays:
        named = listing(wanted.shown(), "and")
        return Contents((f"{name} is no .npz file, and the network takes several arrays", f"give one with {named}"))
    if arrays or kind != "folder":
        wrong = "is not a file" if arrays else "is neither a .npz file nor a folder"
        return Contents((f"{name} {wrong}", "give a .npz file, or a folder with the four IDX files"))
    try:
        return idx_contents(path, name, wanted)
    except DataError as error:
        return Contents((error.message, error.fix))
