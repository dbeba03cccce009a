"""Can images or sounds be changed as `augment` says, and can examples be mixed?"""

from __future__ import annotations

from netspec.diagnostics.diagnostic import listing, plural
from netspec.graph.graph import Graph, GraphOutput
from netspec.graph.sound_augment_checks import of_images_misfit, of_sounds_misfit
from netspec.ir.network import Network
from netspec.ops import Shape, format_shape
from netspec.recipe.image_settings import Augment
from netspec.recipe.losses import CrossEntropy, Triplet

__all__ = ["augment_misfit"]

Misfit = tuple[str, str]
"""What is wrong, and what would be right."""


def augment_misfit(network: Network, graph: Graph | None) -> Misfit | None:
    """Return what is wrong with `augment`, and what would be right; None where nothing is.

    Args:
        network: with at least one input that is changed.
        graph: of it, where there is one.
    """
    augment = network.data.augment if network.data else None
    if augment is None:
        return None
    sound = network.data.sound if network.data else None
    if wrong := of_sounds_misfit(augment, sound) if sound else of_images_misfit(augment):
        return wrong
    for given in network.inputs:
        if len(given.shape) == 3:
            wrong = _of_image(augment, given.shape, "spectrograms" if sound else "images")
            if wrong:
                return wrong
    return _mixing(augment, network, graph) if augment.mixes else None


def _of_image(augment: Augment, shape: Shape, what: str) -> Misfit | None:
    """Return what is wrong for images of a shape."""
    side = min(shape[1:])
    size = f"{what} of {format_shape(shape[1:])}"
    if augment.cutout >= side:
        return f"`cutout={augment.cutout}` leaves nothing of {size}", f"choose less than {side}"
    if augment.elastic >= side:
        return f"`elastic={augment.elastic:g}` moves the pixels of {size} out of sight", f"choose less than {side}"
    if augment.reach() >= side:
        return f"`shift` and `pad` move {size} by up to {augment.reach():g} pixels, out of sight", "choose less"
    channels = plural(shape[0], "channel")
    if augment.changes_colors and shape[0] != 3:
        names = listing([f"`{name}`" for name in augment.changes_colors], "and")
        verb = "changes" if len(augment.changes_colors) == 1 else "change"
        fix = f"leave {names} out; `contrast` and `brightness` are for images of any number of channels"
        return f"{names} {verb} red, green and blue, but the images have {channels}", fix
    if augment.draws_operations and shape[0] not in {1, 3}:
        name = "trivialaugment" if augment.trivialaugment else "randaugment"
        return (
            f"`{name}` is for grey images and those of red, green and blue, but these have {channels}",
            f"leave `{name}` out, and say what to vary: `augment rotate=10 contrast=0.2`",
        )
    return None


def _mixing(augment: Augment, network: Network, graph: Graph | None) -> Misfit | None:
    """Return what is wrong with `mixup` and `cutmix`."""
    names = listing([f"`{name}`" for name in ("mixup", "cutmix") if getattr(augment, name)], "and")
    one = names.count("`") == 2
    out = f"leave {names} out"
    if len(network.inputs) > 1:
        message = f"{names} {'mixes' if one else 'mix'} one image with another, but the network has several inputs"
        return message, out
    if network.recipe.batch == 1:
        message = f"{names} {'mixes' if one else 'mix'} examples of a batch, but `batch 1` has one alone"
        return message, f"choose a larger `batch`, or {out}"
    if graph is None:
        return None
    for output in graph.outputs:
        wrong = _unmixable(augment, network, graph, output)
        if wrong:
            own = f" of the output `{output.name}`" if len(graph.outputs) > 1 else ""
            return f"{names} cannot mix the targets{own}: {wrong[0]}", f"{wrong[1]}{out}"
    sizes = {output.target: graph.shape(output.logits) for output in graph.outputs if output.loss.compares}
    for output in graph.outputs:
        if output.loss.compares and sizes[output.target] != graph.shape(output.logits):
            message = f"{names} cannot mix the target `{output.target}`, which outputs of two shapes are compared with"
            return message, out
    return None


def _unmixable(augment: Augment, network: Network, graph: Graph, output: GraphOutput) -> Misfit | None:
    """Return why the targets of an output cannot be mixed, and what to do but leave the mixing out."""
    loss = output.loss
    if isinstance(loss, Triplet) or loss.targets[0] in {"pair", "sequence"}:
        return f"`{loss.kind}` compares what is no class and no number", ""
    if network.reconstructs or not loss.compares:
        return None
    shape = graph.shape(output.logits)
    pixels = len(shape) == 3 and shape[1:] == network.input[1:]
    if len(shape) > 1 and not pixels:
        return f"they are {format_shape(shape)}, which is neither one for an image nor one for each pixel", ""
    if isinstance(loss, CrossEntropy) and loss.ignore is not None and not (pixels and not augment.mixup):
        other = "use `cutmix` alone, which pastes labels as they are, or " if pixels else ""
        return f"a share of the label that `ignore={loss.ignore}` leaves out is none", other
    return None
