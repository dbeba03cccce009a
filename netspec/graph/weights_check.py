"""Do the trained weights that a spec names fit its network? Looked at without NumPy: the header says all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from netspec.diagnostics.diagnostic import Diagnostic, ModelFileError, Places, RunError
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.recipe.weights_header import Match, match, read_header
from netspec.system.files import kind_of
from netspec.system.nearby import path_fix

__all__ = ["look_at_weights", "nothing_fits"]

_MODELS = ("best.safetensors", "last.safetensors")
"""What is taken of a run folder: the first that is there."""


def look_at_weights(network: Network, graph: Graph, places: Places, folder: Path | None) -> Iterable[Diagnostic]:
    """Yield what is wrong with the file that `weights` names: it is not there, is none, or is of another network."""
    if network.weights is None or folder is None:
        return
    place = places.get("weights")
    span, uses = (place.span, place.uses) if place else (None, ())
    path = folder / network.weights
    try:
        path = path.resolve()
        if not path.is_relative_to(folder.resolve()):
            wrong = f"{network.weights} is a link that leads outside the spec's folder"
            fix = "put the file beside the spec, or give it with --weights PATH"
            yield Diagnostic("E0403", wrong, span, fix=fix, related=uses)
            return
        kind = kind_of(path, RunError)
        if kind is None:
            fix = path_fix(
                path, ".safetensors", runs=True, otherwise="name a model file or a run folder beside the spec"
            )
            yield Diagnostic("E0333", f"{network.weights}: there is no such file", span, fix=fix, related=uses)
            return
        if kind == "folder":
            numbered = sorted((p for p in path.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))
            inside = [f / name for f in (path, *numbered[-1:]) for name in _MODELS if (f / name).is_file()]
            if not inside:
                wrong, fix = f"{network.weights} has no model in it", "name a run folder, or a .safetensors file"
                yield Diagnostic("E0333", wrong, span, fix=fix, related=uses)
                return
            path = inside[0]
        header = read_header(path)
    except (RunError, ModelFileError) as error:
        # As the spec names it: where that is on this machine does not matter.
        message = error.message.replace(str(path), network.weights)
        yield Diagnostic("E0333", message, span, fix=error.fix or "name a model file", related=uses)
        return
    except (OSError, RuntimeError, ValueError) as error:
        message = f"{network.weights} cannot be looked for: {error}".splitlines()[0]
        yield Diagnostic("E0333", message, span, fix="name a model file", related=uses)
        return
    shapes = {name: array.shape for name, array in header.arrays.items()}
    found = match({p.path: p.shape for p in graph.parameters.values()}, shapes)
    wrong_network = nothing_fits(network.weights, found)
    if wrong_network:
        yield Diagnostic("E0334", wrong_network[0], span, fix=wrong_network[1], related=uses)


def nothing_fits(name: str, found: Match) -> tuple[str, str] | None:
    """Return that nothing of a file can be taken, and what would be right; None where something can."""
    if found.taken:
        return None
    message = f"no array of {name} has the name and the shape of a weight of this network"
    if found.fresh:
        path, (own, other) = next(iter(found.fresh.items()))
        shown = "x".join(map(str, own)), "x".join(map(str, other))
        return (
            message,
            f"`{path}` is {shown[0]} here and {shown[1]} there: give the layers the sizes that they have there",
        )
    there = sorted({path.rpartition("/")[0] for path in found.unused} - {""})
    here = list(dict.fromkeys(path.rpartition("/")[0] for path in found.missing))
    if not here:
        return message, "the network has no weights at all: leave `weights` out"
    near = nearest(here[0], there)
    example = f"for example `{near}`, which is `{here[0]}` here" if near else f"such as {', '.join(there[:3])}"
    return (
        message,
        f"label the layers as they are named there, {example}"
        if there
        else f"arrays are named as `netspec show` names the layers, such as `{here[0]}/…`",
    )
