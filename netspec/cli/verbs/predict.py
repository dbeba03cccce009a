"""`netspec predict`: the classes of image files, of an `.npy` of examples or the rows of a table; or numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netspec.cli.mask_files import mask_files, names_folder
from netspec.cli.options import Device
from netspec.cli.output import print_error, print_json, say
from netspec.cli.paths import STDIN
from netspec.cli.process import process_of
from netspec.cli.tagged_answers import predict_tags
from netspec.diagnostics.diagnostic import DataError, NetspecError, plural
from netspec.recipe.file_names import is_table_name
from netspec.sources.tables.zipped import holds_table
from netspec.sources.texts.trees import holds_files
from netspec.sources.trees import is_archive
from netspec.system.files import kind_of
from netspec.terminal.numbers import percent

if TYPE_CHECKING:
    from netspec.workflows.answer_facts import Answer
    from netspec.workflows.example_files import Examples
    from netspec.workflows.predictions import Prediction
    from netspec.workflows.trained import Run

__all__ = ["predict"]

_SHOWN = 10
"""So many outputs of a network are printed on a line."""

_MOST_BYTES = 600_000_000
"""Of standard input."""


def predict(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="A run folder or a .safetensors file.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE…",
            help="Images, texts, .npy files, tables of rows, folders or archives; - for one on standard input.",
        ),
    ] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="TEXT", help="For a model of texts: a text itself; may be repeated."),
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="K", min=1, help="How many classes to print.")] = 3,
    invert: Annotated[
        bool | None,
        typer.Option("--invert/--no-invert", help="Swap light and dark; recognized from the picture otherwise."),
    ] = None,
    as_is: Annotated[
        bool,
        typer.Option("--as-is", help="Do not look for what is drawn in a picture, to frame it as the dataset does."),
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE|FOLDER/",
            help="Write all answers to a .csv or .json, the outputs to an .npy, or masks into a folder.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="P",
            min=0.0,
            max=1.0,
            help="From which probability on the second of two classes, or one of several labels, is taken.",
        ),
    ] = None,
    device: Device = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each example.")] = False,
) -> int:
    """Classify images of any size, grey or color, texts, or the rows of a table; they are converted as it needs them.

    Pictures for a model of digits may be photographs of a pen on paper: what is drawn is looked for, and framed as the
    digits are that the model learned from. A picture of the model's own size stays as it is.
    """
    from netspec.cli.answers_file import require_name  # noqa: PLC0415

    masks = names_folder(out)
    target = Path(out) if out else None
    require_name(None if masks else target)
    if not files and not texts:
        raise typer.BadParameter("name a file, or give a --text", param_hint="FILE…")
    from netspec.workflows.answer_facts import by_example  # noqa: PLC0415
    from netspec.workflows.row_answers import with_threshold  # noqa: PLC0415
    from netspec.workflows.trained import open_run  # noqa: PLC0415

    process_of(context).enable_compile_cache()
    opened = open_run(run, device)
    if opened.tags:
        return _tagged(opened, files or [], texts or [], target, threshold, masks=masks, as_json=as_json)
    framed: list[str] = []
    failed, written, in_part = False, 0, _InPart()
    with _writer(target, opened, files or [], threshold, masks=masks) as write:
        for file in _each([*([texts] if texts else []), *(files or [])], opened, sizes=masks):
            try:
                if isinstance(file, NetspecError):
                    raise file
                if isinstance(file, Path):
                    name, examples = _read(file, opened, invert, as_is, sizes=masks)
                    names = _names(name, file, len(examples), examples.rows)
                else:
                    names, examples = file
                    name = names[0]
                if write:
                    write(names, examples)
                    written += len(names)
                if as_json or not write:
                    given = examples.columns if isinstance(file, tuple) and examples.columns else None
                    shown = given[opened.text_column] if given and as_json else names
                    answers = by_example(opened.predict(examples.array))
                    for at, (example, each) in enumerate(zip(shown, answers, strict=True)):
                        prediction = with_threshold(opened, each, threshold)
                        what, one = "text" if given else "file", _noted(examples, at, example)
                        _print({what: example}, prediction, opened, one, top, as_json=as_json)
                framed += [name] if examples.framed_as else []
                in_part.add(names, examples)
                if not as_json:
                    _note(examples.notes)
            except NetspecError as error:
                # One bad file among many does not keep the others from being answered.
                print_error(error)
                failed = True
    if out and not as_json:
        say(f"{out}: {plural(written, 'example')}")
    _note([] if as_json else [*_said_of_framed(framed, opened), *in_part.said()])
    return 1 if failed else 0


@dataclass(slots=True)
class _InPart:
    """The sounds in folders, and the names of those that are read in part, with what is left out."""

    count: int = 0
    cut: list[str] = field(default_factory=list)

    def add(self, names: Sequence[str], examples: Examples) -> None:
        """Count some more."""
        self.count += len(names)
        self.cut += [f"{names[at]} is {said}" for at, said in examples.left_out.items()]

    def said(self) -> list[str]:
        """Return what to say of them."""
        if not self.cut:
            return []
        return [f"{len(self.cut):,} of {plural(self.count, 'sound')} are read in part: {self.cut[0]}"]


def _said_of_framed(framed: Sequence[str], opened: Run) -> list[str]:
    """Return what to say of pictures in which what is drawn was framed."""
    if not framed:
        return []
    others = f" and of {len(framed) - 1:,} more" if framed[1:] else ""
    like = opened.learned_from
    return [f"what is drawn in {framed[0]}{others} was framed as {like and like.name} has it; not so with --as-is"]


def _tagged(
    opened: Run,
    files: Sequence[Path],
    texts: Sequence[str],
    out: Path | None,
    threshold: float | None,
    *,
    masks: bool,
    as_json: bool,
) -> int:
    """Label the words of sentences, and return the exit code."""
    if threshold is not None or masks:
        wrong = "--threshold" if threshold is not None else "a folder of masks"
        raise DataError(f"the model gives each word a label: {wrong} is for others", "leave it out")
    return predict_tags(opened, files, texts, out, as_json=as_json)


def _writer(
    out: Path | None, opened: Run, files: Sequence[Path], threshold: float | None, *, masks: bool
) -> AbstractContextManager[Any]:
    """Return what gives the function that writes answers; nothing where none are written."""
    from netspec.cli.answers_file import answers_file  # noqa: PLC0415

    if out is None:
        return nullcontext()
    return mask_files(out, opened, files, threshold) if masks else answers_file(out, opened, threshold)


def _note(notes: Iterable[str]) -> None:
    for note in notes:
        say(f"note: {note}", error=True)


def _each(
    given: Iterable[Path | list[str]], opened: Run, *, sizes: bool
) -> Iterator[Path | tuple[list[str], Examples] | NetspecError]:
    """Yield the files, for a folder those in it, or what is wrong with a path.

    For a model of picture files or texts those in a folder or an archive come many at a time, by their names.
    """
    for path in given:
        try:
            if isinstance(path, list) or (
                opened.text_column and path != STDIN and holds_files(path) and not holds_table(path)
            ):
                for names, examples, bad in opened.texts(path):
                    yield from bad
                    if names:
                        yield names, examples
                continue
            if opened.reads_files and path != STDIN and (is_archive(path.name) or kind_of(path, DataError) == "folder"):
                for names, examples, bad in opened.pictures(path, sizes=sizes):
                    yield from bad
                    if names:
                        yield names, examples
                continue
            yield from [path] if path == STDIN or kind_of(path, DataError) != "folder" else _inside(path, opened)
        except NetspecError as error:
            yield error


def _inside(folder: Path, opened: Run) -> list[Path]:
    """Return the files that the model may take in a folder and in those in it, hidden ones left out, in order.

    Raises:
        DataError: there is none.
    """
    endings = opened.endings()
    files = [file for file in sorted(folder.rglob("*")) if file.name.lower().endswith(endings)]
    seen = [file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts)]
    found = [file for file in seen if kind_of(file, DataError) == "file"]
    if not found:
        what = f"{' or '.join(endings)} files" if len(endings) <= 2 else "pictures or .npy files"
        what = "tables" if ".csv" in endings else what
        raise DataError(
            f"{folder} is a folder with no {what} in it", "give a folder with some, or the files themselves"
        )
    return found


def _read(file: Path, opened: Run, invert: bool | None, as_is: bool, *, sizes: bool) -> tuple[str, Examples]:
    """Return what messages call a file, and the examples in it."""
    if file != STDIN:
        return str(file), opened.examples(file, invert=invert, as_is=as_is, sizes=sizes)
    content = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise DataError(
            f"standard input has more than {_MOST_BYTES:,} bytes", "give a file: it is not read into memory as a whole"
        )
    return "<stdin>", opened.examples(content, invert=invert, as_is=as_is, name="<stdin>")


def _names(name: str, file: Path, count: int, rows: Sequence[int] | None = None) -> list[str]:
    """Return what each example of a file is called: by its number, or by the row that it ends in."""
    single = not (is_table_name(file.name) or file.suffix.lower() in {".npy", ".npz", ".zip"}) and count == 1
    return [name] if single else [f"{name}[{i}]" for i in rows or range(count)]


def _noted(examples: Examples, at: int, name: str) -> Examples:
    """Return examples with a note on what of one of them is left out."""
    cut = examples.left_out.get(at)
    return replace(examples, notes=(*examples.notes, f"{name} is {cut}")) if cut else examples


def _print(
    example: Mapping[str, str],
    found: Answer,
    opened: Run,
    examples: Examples,
    top: int,
    *,
    as_json: bool,
) -> None:
    from netspec.workflows.answer_facts import facts_of  # noqa: PLC0415

    (name,) = example.values()
    if as_json:
        notes = {"notes": list(examples.notes)} if examples.notes else {}
        framed = {"framed_as": examples.framed_as} if examples.framed_as else {}
        print_json({**example, **facts_of(found, top), **framed, **notes})
    elif isinstance(found, dict):
        say(f"{name}: " + "   ".join(f"{output} {_text(each, (), top)}" for output, each in found.items()))
    else:
        say(f"{name}: {_text(found, opened.output_names, top)}")


def _text(found: Prediction, names: Sequence[str], top: int) -> str:
    """Return `7 (99.37 %); then 1 0.40 %`, or numbers where the outputs are no probabilities."""
    from netspec.workflows.answer_facts import names_class  # noqa: PLC0415

    if found.positions is not None:
        shares = [f"{label} ({percent(share)})" for label, share in list(found.positions.items())[:top]]
        return f"of the positions {', '.join(shares)}"
    if found.labels is not None:
        each = [f"{label} ({percent(p)})" for label, p in found.probabilities.items()]
        return ", ".join(each[: len(found.labels)]) or f"none; likeliest is {each[0]}"
    if not found.outputs:
        ranked = [(label, percent(p)) for label, p in list(found.probabilities.items())[:top]]
    elif not names_class(found):
        more = len(found.outputs) - _SHOWN
        shown = ", ".join(f"{value:.6g}" for value in found.outputs[:_SHOWN])
        return shown + (f", and {more:,} more" if more > 0 else "")
    elif len(found.outputs) == 1:
        ranked = [(str(found.label), f"{found.outputs[0]:.6g}")]
    else:
        pairs = sorted(zip(names, found.outputs, strict=True), key=lambda pair: -pair[1])
        ranked = [(label, f"{value:.6g}") for label, value in pairs[:top]]
    (label, figure), *others = ranked
    what = "output " if found.outputs else ""
    then = "; then " + ", ".join(f"{other} {value}" for other, value in others) if others else ""
    return f"{label} ({what}{figure}){then}"
