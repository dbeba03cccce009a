"""Do pictures or sounds in a folder or an archive go with a network? By their names; nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError, Diagnostic, Places, listing, plural
from netspec.graph.array_checks import at_place
from netspec.graph.graph import Graph
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ops import Shape, format_shape
from netspec.recipe.losses import BinaryCrossEntropy
from netspec.sources.files.pictures import Pictures
from netspec.sources.survey import survey

__all__ = ["of_pictures"]

_SHOWN = 10


def of_pictures(
    network: Network, graph: Graph | None, data: DataSource, places: Places, folder: Path
) -> Iterator[Diagnostic]:
    """Yield what is wrong with pictures, or does not go with the network that is to learn from them."""
    place = places.get("data")
    try:
        found = survey(data, folder)
    except DataError as error:
        yield at_place(place, "E0314", (error.message, error.fix))
        return
    if found is None or found.pictures is None:
        return
    if len(network.inputs) > 1:
        what = "sounds" if data.sound else "pictures"
        wrong = (f"{data.name} has {what}, but the network has {len(network.inputs)} inputs", "give it one")
        yield at_place(place, "E0308", wrong)
        return
    given = network.inputs[0]
    # The shape of a sound was looked at before.
    if not data.sound and (given.tokens or len(given.shape) != 3 or given.shape[0] not in (1, 3)):
        said = "token numbers" if given.tokens else format_shape(given.shape)
        fix = "write `input 3x64x64` for color, `input 1x64x64` for grey (`fc` flattens it)"
        wrong = (f"the input is {said}, but {data.name} has pictures of 1 or 3 channels", fix)
        yield at_place(places.get(given.name), "E0308", wrong, place)
        return
    if graph is None or network.reconstructs:
        return
    for declared, output in zip(network.all_outputs, graph.outputs, strict=True):
        if output.loss.compares:
            misfit = _misfit(graph.only(output), found.pictures, data.name, given.shape)
            if misfit:
                yield at_place(places.get(declared.node), "E0304", misfit, place)


def _misfit(graph: Graph, pictures: Pictures, name: str, size: Shape) -> tuple[str, str] | None:
    """Return what is wrong with the outputs of a network for pictures of classes, or with masks."""
    outputs = graph.shape(graph.output)
    if pictures.has_masks:
        if outputs[1:] == size[1:]:
            return None
        ends = f"ends in {format_shape(outputs)}" if len(outputs) > 1 else f"has {plural(outputs[0], 'output')}"
        fix = (
            f"end with `conv 1 1x1 sigmoid`, or `conv K 1x1 softmax` for K classes, at {format_shape(size[1:])} pixels"
        )
        return f"{name} has a mask for each picture, but the network {ends}", fix
    classes = len(pictures.classes)
    single = isinstance(graph.loss, BinaryCrossEntropy) and classes == 2 and outputs == (1,)
    if outputs == (classes,) or single:
        return None
    ends = f"has {plural(outputs[0], 'output')}" if len(outputs) == 1 else f"ends in {format_shape(outputs)}"
    shown = listing([*pictures.classes[:_SHOWN], *(["…"] if classes > _SHOWN else [])], "and")
    return (
        f"the network {ends}, but {name} has {classes} classes: {shown}",
        "let it end in as many outputs: `fc classes softmax`",
    )
