"""Does the network go with its data? Checked before any data is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod

from netspec.diagnostics.diagnostic import Diagnostic, Place, Places, Related, plural
from netspec.graph.augment_checks import augment_misfit
from netspec.graph.graph import Graph
from netspec.ir.data_source import DataSource
from netspec.ir.network import Input, Network
from netspec.ops import Shape, format_shape
from netspec.recipe import catalog as datasets
from netspec.recipe.losses import BinaryCrossEntropy
from netspec.recipe.sound_settings import Sound, as_spectrogram

__all__ = ["check_data", "check_targets", "fits_shape"]


def check_data(network: Network, graph: Graph | None, places: Places) -> Iterable[Diagnostic]:
    """Return what does not fit between a network and the built-in datasets it names; paths are checked when loaded."""
    if network.data is None:
        return []
    of_images = network.data.scale or network.data.normalize or network.data.augment or network.data.views
    sound = network.data.sound
    if sound and (wrong := _of_sound(network, sound, places)):
        return [wrong]
    varied = any(network.varies(given.shape) for given in network.inputs)
    if network.data.is_table and of_images and not varied:
        message = "the numbers of a table are standardized; `scale`, `normalize`, `augment` and `views` are for images"
        return [_diagnostic("E0308", message, places.get("data"), "leave them out")]
    targets = {o.target for o in graph.outputs} if graph else _declared_targets(network)
    if len(network.inputs) > 1 or len(targets) > 1:
        return _of_several(network, graph, targets, places)
    if network.data.is_tagged:
        return _of_sentences(network, graph, network.data, places)
    if network.data.has_classes_of_texts:
        return _of_text_classes(network, network.data, places)
    if network.data.is_text:
        return _of_text(network, graph, network.data, places)
    if network.tokens and (network.data.scale or network.data.normalize):
        message = "`scale` and `normalize` say how bytes become numbers; token numbers stay what they are"
        return [_diagnostic("E0308", message, places.get("data"), "remove it from `data`")]
    if network.tokens and network.reconstructs:
        message = "`target input` compares the outputs with numbers; token numbers are names, not amounts"
        return [_diagnostic("E0308", message, places.get("data"), "leave `target input` out: labels are learned then")]
    misfit = _channels(network) or _augmentation(network, graph) or _views(network, graph)
    if misfit:
        return [_diagnostic("E0308", misfit[0], places.get("data"), misfit[1])]
    names = [n for n in (network.data.name, network.data.fallback) if n]
    infos = [info for n in names if (info := datasets.find(n))]
    return [d for info in infos for d in _problems(network, graph, info, places, infos)][:1]


def _of_sound(network: Network, sound: Sound, places: Places) -> Diagnostic | None:
    """Return that an input is not what `sound` makes; None where it is."""
    of_table, made = network.data is not None and network.data.is_table, format_shape(sound.shape)
    sounds = [given for given in network.inputs if not of_table or network.reads_file(given)]
    if of_table and not sounds:
        message = f"`sound` is for the column of sound files, and no input is {made}"
        return _diagnostic("E0308", message, places.get("data"), f"write `input {made}`, or leave `sound` out")
    given = next((given for given in sounds if given.shape != sound.shape or given.tokens), None)
    if given is None:
        return None
    message = f"the input is {_said_of_input(given)}, but `{sound.shortest}` makes {made}"
    fix = f"write `input {made}`" + ("" if of_table else ", or leave `input` out: it follows from `sound`")
    if sound.mel is None and len(given.shape) == 3:
        fix += f"; spectrograms, as for images, are made by `{as_spectrogram(sound.rate, sound.seconds).shortest}`"
    return _diagnostic("E0308", message, places.get(given.name), fix, places.get("data"))


def _said_of_input(given: Input) -> str:
    return "token numbers" if given.tokens else format_shape(given.shape)


def _declared_targets(network: Network) -> set[str]:
    """Return what outputs are compared with, as far as it is stated."""
    stated = ((o, network.stated_loss(o.name)) for o in network.all_outputs)
    found = {o.target_name for o, loss in stated if loss is None or loss.compares}
    return set(sorted(found)[:1]) if network.reconstructs else found


def _of_several(network: Network, graph: Graph | None, targets: set[str], places: Places) -> Iterable[Diagnostic]:
    """Yield what a network of several inputs or targets cannot take."""
    assert network.data is not None
    place = places.get("data")
    info = next((i for n in (network.data.name, network.data.fallback) if n and (i := datasets.find(n))), None)
    if info:
        has = f"{plural(len(network.inputs), 'input')} and {plural(len(targets), 'target')}"
        message = f"the network has {has}, but an example of {info.name} is one image and one label"
        yield _diagnostic("E0308", message, place, "name an .npz file with an array for each: docs/your_data.md")
    elif network.data.normalize and (network.data.normalize.of or network.data.normalize.means):
        message = "means of channels are for a network of one input"
        yield _diagnostic("E0308", message, place, "write `normalize mean=0.5 std=0.25`, the same for all")
    elif network.data.views:
        yield _diagnostic(
            "E0308", "`views` is for a network of one input and one output", place, "remove it from `data`"
        )
    elif network.data.augment and not any(network.varies(i.shape) for i in network.inputs):
        message = "`augment` moves the pixels of images, but none of the inputs is an image"
        yield _diagnostic("E0308", message, place, "remove it from `data`")
    elif misfit := augment_misfit(network, graph):
        yield _diagnostic("E0308", misfit[0], place, misfit[1])


def _of_text(network: Network, graph: Graph | None, data: DataSource, places: Places) -> Iterator[Diagnostic]:
    """Yield what a network cannot learn of a text: its next token, at each position or behind the last."""
    given, place = network.inputs[0], places.get("data")
    length = data.text.length if data.text else None
    if given.tokens is None:
        message = "a text is token numbers, but the input is of plain numbers"
        yield _diagnostic("E0308", message, places.get(given.name), "leave `input` out: it follows from the text")
        return
    if length and given.shape != (length,):
        message = f"`text` cuts examples of {length} tokens, but the input has {given.shape[0]}"
        yield _diagnostic("E0308", message, place, "leave `length=` out, or `input`: one follows from the other")
        return
    if graph is None:
        return
    shape, last = graph.shape(graph.output), places.get(network.all_outputs[0].node)
    if shape not in {(given.tokens, *given.shape), (given.tokens,)}:
        message = f"`target next` is one of {given.tokens} tokens, but the network ends in {format_shape(shape)}"
        yield _diagnostic("E0304", message, last, "end with `fc tokens softmax pointwise`")


def _of_text_classes(network: Network, data: DataSource, places: Places) -> Iterator[Diagnostic]:
    """Yield what texts of classes cannot be as an input; how many classes there are is not known here."""
    given, place = network.inputs[0], places.get("data")
    if given.tokens is None:
        message = "a text is token numbers, but the input is of plain numbers"
        fix = "leave `input` out: it follows from the texts; or say `input 200 tokens=tokens mask=0`"
        yield _diagnostic("E0308", message, places.get(given.name), fix)
    elif data.text and data.text.length and given.shape != (data.text.length,):
        message = f"`text` reads {data.text.length} tokens of each text, but the input has {given.shape[0]}"
        yield _diagnostic("E0308", message, place, "leave `length=` out, or `input`: one follows from the other")
    elif given.mask not in {None, 0}:
        message = f"texts are filled up with the token 0, but the input says `mask={given.mask}`"
        yield _diagnostic("E0308", message, places.get(given.name), "write `mask=0`, or leave `input` out")


def _of_sentences(network: Network, graph: Graph | None, data: DataSource, places: Places) -> Iterator[Diagnostic]:
    """Yield what cannot give a label for each word; how many labels there are is not known here."""
    wrong = next(iter(_of_text_classes(network, data, places)), None)
    if wrong:
        yield wrong
        return
    if graph is None:
        return
    shape, last = graph.shape(graph.output), places.get(network.all_outputs[0].node)
    if shape[1:] != network.inputs[0].shape:
        message = f"each word has a label, but the network ends in {format_shape(shape)}"
        fix = "end with `fc classes softmax pointwise`, without `globalpool` or `last` before it"
        yield _diagnostic("E0304", message, last, fix)


def check_targets(network: Network, graph: Graph | None, places: Places) -> Iterable[Diagnostic]:
    """Yield what nothing sensible would be learned from: targets outside the range of the loss."""
    if graph is None or network.data is None:
        return
    names = [n for n in (network.data.name, network.data.fallback) if n]
    known = [info for n in names if (info := datasets.find(n))]
    factor, offset = network.data.scaling()
    low, high = offset, 255 * factor + offset
    compared = next((o for o in graph.outputs if isinstance(o.loss, BinaryCrossEntropy)), None)
    if network.reconstructs and compared and known and not _in_unit(low, high):
        how = "normalize" if network.data.normalize else "scale"
        stated = places.get("train") if network.recipe.loss else None
        message = (
            f"`{how}` makes inputs of {low:g} to {high:g}, and with `target input` they are the targets, which "
            "binary_cross_entropy takes from 0 to 1"
        )
        yield Diagnostic(
            "E0313",
            message,
            place.span if (place := places.get("data")) else None,
            fix=f"leave `{how}` out: bytes are scaled to 0..1 then; or say `loss mse` and end without `sigmoid`",
            related=tuple(
                Related(p.span, label)
                for p, label in (
                    (places.get(_node_of(network, compared.name)), "the outputs are compared with them"),
                    (stated, "the loss is stated here"),
                )
                if p
            ),
        )


def _node_of(network: Network, output: str) -> str:
    return next(o.node for o in network.all_outputs if o.name == output)


def _in_unit(low: float, high: float) -> bool:
    """Return whether a range lies in 0..1, within rounding."""
    return low >= -1e-6 and high <= 1 + 1e-6


def _channels(network: Network) -> tuple[str, str] | None:
    """Return what is wrong with means of channels, and what would be right; None where nothing is."""
    normalize = network.data.normalize if network.data else None
    if normalize is None or (normalize.of is None and normalize.means is None):
        return None
    how = f"normalize {normalize.of}" if normalize.of else "normalize means"
    if len(network.input) != 3:
        return f"`{how}` is for images, but the input is {format_shape(network.input)}", "remove it from `data`"
    count = len(normalize.by_channel[0]) if normalize.by_channel else network.input[0]
    if network.input[0] != count:
        return f"`{how}` is of {plural(count, 'channel')}, but the input has {network.input[0]}", (
            f"write `input {count}x…`, or `normalize channels`"
        )
    return None


def _augmentation(network: Network, graph: Graph | None) -> tuple[str, str] | None:
    """Return what is wrong with `augment`, and what would be right; None where nothing is."""
    if network.data is None or network.data.augment is None:
        return None
    varied = network.varies(network.input)
    return augment_misfit(network, graph) if varied else _no_images(network, "augment")


def _views(network: Network, graph: Graph | None) -> tuple[str, str] | None:
    """Return what is wrong with `views`, and what would be right; None where nothing is."""
    views = network.data.views if network.data else None
    if views is None:
        return None
    if len(network.input) != 3:
        return _no_images(network, "views")
    if len(network.all_outputs) > 1:
        return "`views` is for a network of one output", "remove it from `data`"
    if network.reconstructs or (graph and len(graph.shape(graph.output)) != 1):
        message = "`views` takes the mean of rows of outputs; outputs that are images would move with their views"
        return message, "remove it from `data`"
    if views.shift >= min(network.input[1:]):
        size = f"images of {format_shape(network.input[1:])}"
        return f"`views shift={views.shift}` moves {size} out of sight", "choose less"
    return None


def _no_images(network: Network, name: str) -> tuple[str, str]:
    """Return that a setting is for images, and what would be right."""
    given = "token numbers" if network.tokens else format_shape(network.input)
    fix = "remove it from `data`"
    if network.data and (sound := network.data.sound):
        fix = f"make spectrograms, which are images: `{as_spectrogram(sound.rate, sound.seconds).shortest}`; or {fix}"
    if len(network.input) == 1 and not network.tokens:
        fix = "write the input as channels x height x width, `input 1x28x28` (`fc` flattens it), or leave it out"
    return f"`{name}` moves the pixels of images, but the input is {given}", fix


def _problems(
    network: Network,
    graph: Graph | None,
    info: datasets.DatasetInfo,
    places: Places,
    infos: Sequence[datasets.DatasetInfo],
) -> Iterator[Diagnostic]:
    if network.tokens:
        yield _diagnostic(
            "E0308",
            f"the input is token numbers, but {info.name} has images",
            places.get(network.inputs[0].name),
            f"write `input {format_shape(info.shape)}`, or name a dataset of token numbers",
            places.get("data"),
        )
    elif not fits_shape(network.input, info.shape):
        row = len(network.input) == 1
        images = f"{prod(info.shape)} values" if row else f"images of {format_shape(info.shape)}"
        yield _diagnostic(
            "E0308",
            f"the input is {format_shape(network.input)}, but {info.name} has {images}",
            places.get(network.inputs[0].name),
            _fitting(row, infos),
            places.get("data"),
        )
    if graph is None or network.reconstructs:
        return
    for declared, output in zip(network.all_outputs, graph.outputs, strict=True):
        if not output.loss.compares:
            continue
        yield from _classes_problems(graph.only(output), declared.node, info, places)


def _fitting(row: bool, infos: Sequence[datasets.DatasetInfo]) -> str:
    """Return which input goes with the dataset, and with the one that is taken in its place."""
    image = infos[0].shape
    shapes = [(prod(image),), image] if row else [image]
    fitting = next((s for s in shapes if all(fits_shape(s, info.shape) for info in infos)), None)
    if fitting is None:
        return f"leave out `else {infos[-1].name}`, whose images are others than those of {infos[0].name}"
    return f"write `input {format_shape(fitting)}`, or leave the input out: the dataset says it"


def _classes_problems(graph: Graph, node: str, info: datasets.DatasetInfo, places: Places) -> Iterator[Diagnostic]:
    """Yield that one output has not one value for each class."""
    outputs, classes = graph.shape(graph.output), len(info.labels)
    single = isinstance(graph.loss, BinaryCrossEntropy) and classes == 2 and outputs == (1,)
    if outputs != (classes,) and not single:
        ends = f"has {plural(outputs[0], 'output')}" if len(outputs) == 1 else f"ends in {format_shape(outputs)}"
        yield _diagnostic(
            "E0304",
            f"the network {ends}, but {info.name} has {classes} classes",
            places.get(node),
            f"let it end in {classes} outputs: `fc {classes} softmax`",
            places.get("data"),
        )


def fits_shape(wanted: Shape, images: Shape) -> bool:
    """Return whether images can be made into this input.

    They are resized when it has as many channels, read as one row, or, of one channel, as a sequence of columns.
    """
    if len(wanted) == 1:
        return prod(wanted) == prod(images)
    return (1, *wanted) == images if len(wanted) == 2 else wanted[0] == images[0]


def _diagnostic(code: str, message: str, place: Place | None, fix: str, data: Place | None = None) -> Diagnostic:
    related = (Related(data.span, "the data is named here"),) if place and data else ()
    uses = tuple(reversed(place.uses)) if place else ()
    return Diagnostic(code, message, place.span if place else None, fix=fix, related=(*related, *uses))
