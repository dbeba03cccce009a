"""The phases in their order, from a file or a text to a checked network. No JAX is needed for any of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

from netspec.diagnostics.diagnostic import Diagnostic, NetspecError, Places, Source, Span, SpecError
from netspec.diagnostics.visible import visible
from netspec.elaborate.elaborator import elaborate
from netspec.elaborate.overrides import apply_sets, parse_values
from netspec.elaborate.spellings import of_shapes
from netspec.graph.budgets import check_budgets
from netspec.graph.data_checks import check_data, check_targets
from netspec.graph.graph import Graph
from netspec.graph.parts import check_parts
from netspec.graph.recipe_checks import check_recipe
from netspec.graph.sound_augment_checks import check_augment_of_sounds
from netspec.graph.trace import MAX_DIAGNOSTICS, trace
from netspec.ir.network import Network
from netspec.recipe.catalog import find
from netspec.syntax.errors import too_large
from netspec.syntax.parser import MAX_BYTES, parse, read_source
from netspec.system.files import read_given
from netspec.system.nearby import path_fix
from netspec.system.resources import ready_made

__all__ = ["Analysis", "analyze", "load_source", "require"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that is known of a spec: with diagnostics, or with a network and its graph.

    `notes` are on what is right and may be meant otherwise; nothing fails for them.
    """

    source: Source
    network: Network | None
    graph: Graph | None
    places: Places
    diagnostics: tuple[Diagnostic, ...]
    notes: tuple[Diagnostic, ...] = ()


def load_source(path: str | Path) -> Source:
    """Read a spec file.

    Raises:
        NetspecError: when there is no such file, or it is not a text.
    """
    file = Path(path)
    try:
        data = read_given(file, MAX_BYTES + 1)
    except IsADirectoryError:
        raise NetspecError(f"{path} is a folder", path_fix(file, ".net", otherwise="give a .net file")) from None
    except FileNotFoundError:
        if file.is_symlink():
            raise NetspecError(f"{path} is a link to a file that is not there") from None
        raise NetspecError(f"{path}: there is no such file", _similar(file)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NetspecError(f"{path} cannot be read: {reason}", "give a .net file") from None
    if len(data) > MAX_BYTES:
        raise SpecError([too_large(MAX_BYTES)])
    source = read_source(str(path), data)
    return Source(source.name, source.text, file.absolute().parent)


def analyze(
    source: Source,
    *,
    lets: Mapping[str, str] | None = None,
    sets: Mapping[str, str] | None = None,
    name: str = "",
    data: str | Path | None = None,
    recorded: bool = False,
    files: bool = False,
) -> Analysis:
    """Run all phases on a text and collect every mistake.

    Args:
        source: the text.
        lets: texts that replace the values of `let` commands, by name.
        sets: texts that replace settings, by path: `{"train.epochs": "1"}`.
        name: what the network is called; the file's name unless given.
        data: what it learns from in place of the data that it names: of a text, `tokens` counts those of this one.
        recorded: whether it is what a training kept, which is only to be used: how it was trained is not judged again.
        files: whether to look at the data files that it names, as far as that takes little time.
    """
    try:
        file = parse(source)
    except SpecError as error:
        return Analysis(source, None, None, {}, error.diagnostics)
    # A file may be named by any bytes, but the network's name is written into texts.
    stem = Path(source.name).stem
    # Of `...net` it is two dots, which are a folder above another.
    called = visible(name or (stem if stem.strip(".") else "network"))[:200]
    made = elaborate(file, name=called, lets=parse_values(lets or {}), data=data)
    network, diagnostics = made.network, list(made.diagnostics)
    if network and sets and not diagnostics:
        network = apply_sets(network, sets)
    graph = None
    if network:
        try:
            graph = trace(network, made.places, recorded=recorded)
        except SpecError as error:
            diagnostics += error.diagnostics
        diagnostics += check_data(network, graph, made.places)
        diagnostics += check_recipe(network, graph, made.places)
        if not recorded:
            diagnostics += check_augment_of_sounds(network, made.places)
            diagnostics += check_targets(network, graph, made.places)
            diagnostics += check_parts(network, graph, made.places) if graph else ()
        named = (network.data.name, network.data.fallback) if network.data else ()
        seen = any(d.code == "E0314" for d in diagnostics)
        if files and not seen and not all(name is None or find(name) for name in named):
            from netspec.graph.file_checks import look_at_data  # noqa: PLC0415

            diagnostics += look_at_data(network, graph, made.places, source.folder)
        if files and graph and network.weights:
            from netspec.graph.weights_check import look_at_weights  # noqa: PLC0415

            diagnostics += look_at_weights(network, graph, made.places, source.folder)
    if network and graph and not diagnostics:
        diagnostics += check_budgets(network, graph, made.places)
    if diagnostics:
        diagnostics.sort(key=partial(_position, source))
        if len(diagnostics) > MAX_DIAGNOSTICS + 1:
            last = diagnostics[MAX_DIAGNOSTICS].span
            del diagnostics[MAX_DIAGNOSTICS:]
            diagnostics.append(Diagnostic("E0002", "there are too many mistakes to name them all", last))
        return Analysis(source, None, None, made.places, tuple(diagnostics), made.notes)
    notes = [*made.notes, *(_of_shapes(network, graph, made.places) if network and graph else ())]
    return Analysis(source, network, graph, made.places, (), tuple(sorted(notes, key=partial(_position, source))))


def _of_shapes(network: Network, graph: Graph, places: Places) -> Iterator[Diagnostic]:
    """Yield the notes on names that mean something else elsewhere for what flows into their layers, once a line."""
    seen = set()
    for node, name, text in of_shapes(network, graph, lambda node: places[node].text.partition(" ")[0]):
        span = places[node].span
        if (span, text) not in seen:
            seen.add((span, text))
            word = Span(span.source, span.line, span.column, span.line, span.column + len(name))
            yield Diagnostic("", f"`{name}`: {text}", word)


def _position(source: Source, diagnostic: Diagnostic) -> tuple[float, float]:
    """Return where in the text a mistake shows: its place, or that of the include it came through."""
    if diagnostic.code == "E0002":
        return (inf, inf)
    spans = [diagnostic.span, *(r.span for r in reversed(diagnostic.related))]
    own = next((s for s in spans if s and s.source.name == source.name), None)
    return (own.line, own.column) if own else (0, 0)


def require(analysis: Analysis) -> tuple[Network, Graph]:
    """Return the network and its graph.

    Raises:
        SpecError: when there is anything wrong with the spec.
    """
    if analysis.diagnostics:
        raise SpecError(analysis.diagnostics)
    assert analysis.network is not None
    assert analysis.graph is not None
    return analysis.network, analysis.graph


def _similar(file: Path) -> str:
    """Return a hint naming a spec of nearly the same name in the same folder."""
    new = "`netspec new` writes a starter spec"
    if file.stem in ready_made():
        new = f"`netspec new {file.stem}` writes the ready-made spec of that name"
    return path_fix(file, ".net", otherwise=new)
