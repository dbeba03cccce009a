"""A trained model in another format, run again by another program before the files are kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from netspec import data as datasets
from netspec.backends.jax.model import Model
from netspec.diagnostics.diagnostic import NetspecError, RunError, listing
from netspec.formats import (
    FORMATS,
    TOLERANCE,
    Difference,
    Format,
    Input,
    NotInstalledError,
    Options,
    Output,
    Program,
    Trained,
    difference,
    program_of,
)
from netspec.formats.program import scaling
from netspec.formats.weights import weights
from netspec.graph.graph import Graph
from netspec.ir.text import resolved_text
from netspec.recipe.catalog import find
from netspec.runs import files as run_files
from netspec.runs import model_file
from netspec.system import files as system_files
from netspec.system.files import kind_of
from netspec.system.packages import installed_version
from netspec.workflows.predictions import class_scores
from netspec.workflows.trained import Run, open_run

__all__ = ["Export", "export_model"]

_EXAMPLES = 32
"""So many at most are run through both programs."""

_RANDOM = 8
"""So many at most of random ones."""

_MOST = 2**26
"""So many numbers at most has the largest value of all examples together, unless one example has more."""

_FAR = 1e-2
"""A difference that no rounding explains."""

_LINE = 1000
"""Bytes of the first line of a program, at most."""

_OWN = {
    run_files.BEST,
    run_files.LAST,
    run_files.SPEC,
    run_files.NETWORK,
    run_files.MANIFEST,
    run_files.METRICS,
    run_files.RESULT,
    run_files.CURVES,
}


@dataclass(frozen=True, slots=True)
class Export:
    """What was exported.

    Attributes:
        files: what was written, the file that was asked for first.
        format: its name.
        inputs: the inputs in words; empty for weights alone.
        outputs: the outputs in words, likewise.
        examples: what both programs were run on, in words.
        checked_by: the program that ran it; empty where it is not installed, and `install` says how to get it.
        difference: between what that and what netspec computes; None where it was not run.
        install: what `pip install` needs for the check.
        notes: what the user should know, a line each.
    """

    files: tuple[Path, ...]
    format: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    examples: str
    checked_by: str
    difference: Difference | None
    install: str
    notes: tuple[str, ...]


def export_model(
    path: str | Path, to: str, *, raw: bool = False, torch_names: bool = False, out: str | Path | None = None
) -> Export:
    """Export a run or a model file.

    Args:
        path: a run folder or a model file.
        to: a name in `FORMATS`.
        raw: floats in and logits out.
        torch_names: name weights as PyTorch does.
        out: the file; a name of the format's own in the run folder, or beside the model file, unless given.

    Raises:
        NetspecError: it cannot be exported so, or another program disagrees about what it computes.
    """
    format_ = FORMATS[to]
    run = open_run(path, "cpu")
    folder = run.path if kind_of(run.path, RunError) == "folder" else run.path.parent
    target = folder / format_.file if out is None else system_files.expanded(out, RunError)
    ending = Path(format_.file).suffix
    if format_.suffixes and target.suffix != ending:
        raise RunError(
            f"{target} is no name for what is written, a Python program and its weights beside it",
            f"it ends in {ending}: -o {target.with_suffix(ending)}",
        )
    for file in format_.files(target):
        _require_free(file, run)
        if file != target and kind_of(file, RunError) and not _is_program(target):
            raise RunError(
                f"{file} is not of an earlier export, and the weights of {target.name} would replace it",
                f"move it away, or name another file: -o exported{ending}",
            )
    given, source, notes = _examples(run)
    trained = _trained(run, given)
    program = program_of(trained, raw=raw, folded=format_.folded)
    _require_held(format_, program)
    options = Options(torch_names)
    with _beside(target) as temporary:
        try:
            format_.write(program, temporary, options)
        except NotInstalledError:
            extra = format_.extra
            raise NetspecError(f"writing {to} needs {extra}", f"pip install {extra}") from None
        found, checked_by = None, ""
        if format_.computes:
            examples = _as_read(program, given) if given is not None else _random(program)
            expected = _expected(run, examples, raw=raw)
        else:
            examples, expected = {}, [a for _, a in sorted(weights(program, options).items())]
        made = _run_again(format_, program, temporary, examples)
        if made is not None:
            checked_by, found = format_.checked_by(), difference(made, expected)
            if not found.accepted and not (format_.computes and _is_rounding(run, examples, made, expected, raw=raw)):
                raise NetspecError(
                    f"{checked_by} computes something else than netspec: the largest difference is "
                    f"{found.absolute:.2g}, {found.relative:.2g} of the largest value; only {TOLERANCE:g} is rounding",
                    "nothing was written: another format may do, such as --to stablehlo",
                )
        files = _keep(format_, temporary, target)
    count = len(next(iter(examples.values()))) if examples else 0
    return Export(
        files=files,
        format=to,
        inputs=tuple(map(_input_text, program.inputs)) if format_.computes else (),
        outputs=tuple(map(_output_text, program.outputs)) if format_.computes else (),
        examples=f"{count} {source if count > 1 else source.replace('examples', 'example')}" if count else "",
        checked_by=checked_by,
        difference=found,
        install=format_.checker,
        notes=notes if format_.computes else (),
    )


def _run_again(
    format_: Format, program: Program, file: Path, examples: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]] | None:
    """Return what the other program computes; None where it is not installed."""
    try:
        return format_.run(program, file, examples)
    except NotInstalledError:
        return None
    except Exception as error:
        # Whatever the other program stops at, it is told in one line.
        said = str(error).strip().partition("\n")[0][:300]
        raise NetspecError(
            f"{format_.checked_by()} cannot run what was exported: {said or type(error).__name__}",
            "nothing was written: another format may do, such as --to stablehlo",
        ) from error


def _is_rounding(
    run: Run, examples: Mapping[str, NDArray[Any]], made: list[NDArray[Any]], ours: list[NDArray[Any]], *, raw: bool
) -> bool:
    """Return whether two results are about as far from that in double precision: then float32 cannot do better."""
    exact = _expected(run, examples, raw=raw, double=True)
    own, others = difference(ours, exact).relative, difference(made, exact).relative
    return own < _FAR and others <= 4 * own


def _require_free(file: Path, run: Run) -> None:
    """Raise RunError for a file that a run or a model is kept in, and for what is no file."""
    kind = kind_of(file, RunError)
    if kind in {"folder", "neither"}:
        raise RunError(f"{file} is not a file", "name a file: -o model.onnx")
    if kind_of(file.parent, RunError) != "folder":
        raise RunError(f"{file.parent}: there is no such folder", "make it first, or name another file")
    of_run = file.name in _OWN and (file.parent / run_files.MANIFEST).is_file()
    if of_run or (kind and (file.samefile(run.file) or model_file.stated(file) is not None)):
        what = "a file of a run" if of_run else "a model of netspec"
        raise RunError(
            f"{file} is {what}, which an export does not replace", "name another file: -o exported" + file.suffix
        )


def _is_program(file: Path) -> bool:
    """Return whether a file is a program that netspec wrote: the first line says so."""
    try:
        with system_files.open_to_read(file) as stream:
            return b"written by netspec" in stream.readline(_LINE)
    except OSError:
        return False


def _require_held(format_: Format, program: Program) -> None:
    """Raise NetspecError that names every operation which a format cannot hold."""
    unheld = format_.unheld(program)
    if unheld:
        said = [f"{name} ({', '.join(nodes)})" for name, nodes in unheld.items()]
        fits = [f.name for f in FORMATS.values() if f.computes and not f.unheld(program)]
        fix = f"export to {listing(fits)}; docs/formats.md lists what each format holds"
        raise NetspecError(f"{format_.name} cannot hold {listing(said, 'and')}", fix)


def _examples(run: Run) -> tuple[Mapping[str, NDArray[Any]] | None, str, tuple[str, ...]]:
    """Return some examples of the test set by input, what they are in words, and notes; none where none can be had."""
    network = run.network
    notes: tuple[str, ...] = ()
    if network.data and network.data.views:
        notes = ("`views` is left out: the exported model looks at each picture once, as it is",)
    names = [i.name for i in run.model.graph.inputs]
    # Nothing is downloaded for a check.
    info = find(network.data.name) if network.data else None
    if network.data is None or (info is not None and datasets.locate(info.name) is None):
        return None, "random examples", notes
    try:
        dataset = run.dataset()
    except NetspecError:
        return None, "random examples", notes
    images = dataset.test.rows(0, _count(run.model.graph, _EXAMPLES)).images
    if not len(dataset.test):
        return None, "random examples", notes
    found = images if isinstance(images, Mapping) else {names[0]: images}
    return {name: np.asarray(found[name]) for name in names}, f"test examples of {dataset.name}", notes


def _count(graph: Graph, most: int) -> int:
    """Return how many examples are run: few where one needs much memory."""
    return max(1, min(most, _MOST // max(operation.size for operation in graph.operations)))


def _trained(run: Run, given: Mapping[str, NDArray[Any]] | None) -> Trained:
    graph = run.model.graph
    images = {i.name for i in graph.inputs if not i.tokens and (len(i.shape) == 3 or run.network.reads_images)}
    if given is not None:
        images = {name for name in images if given[name].dtype == np.uint8}
    content = run.content
    labels = {graph.outputs[0].name: run.labels} if len(graph.outputs) == 1 else dict(run.output_labels)
    facts = {
        "name": run.network.name,
        "spec": resolved_text(run.network),
        "sha256": content.seal,
        "netspec": installed_version("netspec") or "",
    }
    if run.preparation:
        # Without the vocabulary of a text, or the categories of a table, nobody could say what flows in.
        facts["preparation"] = run.preparation.model_dump_json()
    return Trained(run.network, graph, content.arrays, labels, frozenset(images), facts)


def _as_read(program: Program, given: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return examples as a program reads them: bytes as floats, where it takes floats."""
    made = {}
    for each in program.inputs:
        array = given[each.name].reshape(-1, *each.shape)
        if each.kind == "floats" and array.dtype == np.uint8:
            factor, offset = scaling(program.trained.network)
            array = array.astype(np.float32) * factor + offset
        made[each.name] = array
    return made


def _random(program: Program) -> dict[str, NDArray[Any]]:
    """Return random examples: bytes, normal numbers, tokens."""
    rng = np.random.default_rng(0)
    count = _count(program.graph, _RANDOM)
    made: dict[str, NDArray[Any]] = {}
    for each in program.inputs:
        shape = (count, *each.shape)
        if each.kind == "tokens":
            made[each.name] = rng.integers(0, each.tokens, shape).astype(np.int32)
        elif each.kind == "bytes":
            made[each.name] = rng.integers(0, 256, shape).astype(np.uint8)
        else:
            made[each.name] = rng.normal(size=shape).astype(np.float32)
    return made


def _expected(run: Run, examples: Mapping[str, NDArray[Any]], *, raw: bool, double: bool = False) -> list[NDArray[Any]]:
    """Return what netspec itself computes, output by output; in double precision where asked for."""
    network = run.network
    if network.data and network.data.views:
        network = network.model_copy(update={"data": network.data.model_copy(update={"views": None})})
    model = Model(network, run.model.graph, "cpu")
    x: Any = dict(examples) if len(examples) > 1 else next(iter(examples.values()))
    with jax.enable_x64(double):
        variables = jax.tree.map(lambda a: a.astype(np.float64), run.variables) if double else run.variables
        made = (model.logits if raw else model.forward)(variables, x)
    each = [np.asarray(made[o.name] if isinstance(made, dict) else made) for o in model.graph.outputs]
    if raw:
        return each
    return [_linked(model.graph.only(o), a) for o, a in zip(model.graph.outputs, each, strict=True)]


def _linked(graph: Graph, outputs: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities where a network ends in what they are made of."""
    if graph.link is None or graph.ends_in == graph.link:
        return outputs
    scores = class_scores(graph, outputs)
    return scores[:, 1:] if outputs.shape[1] == 1 else scores


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a file of the same name in a folder of its own beside it."""
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export.") as folder:
            yield Path(folder) / target.name
    except OSError as error:
        raise RunError(f"{target} cannot be written: {error.strerror}", "choose another folder: -o FILE") from None


def _keep(format_: Format, temporary: Path, target: Path) -> tuple[Path, ...]:
    """Move what was written to where it is to be."""
    kept = format_.files(target)
    for source, file in zip(format_.files(temporary), kept, strict=True):
        system_files.replace(source, file)
    return kept


_TYPES = {"bytes": "uint8", "floats": "float32", "tokens": "token numbers"}


def _input_text(given: Input) -> str:
    return f"{given.name}: {_TYPES[given.kind]} {' x '.join(['N', *map(str, given.shape)])}"


def _output_text(output: Output) -> str:
    return f"{output.name}: float32 {' x '.join(['N', *map(str, output.shape)])}"
