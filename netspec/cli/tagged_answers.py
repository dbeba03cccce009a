"""`netspec predict` for a model that gives each word a label."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.cli.answers_file import row_writer
from netspec.cli.output import print_error, print_json, say
from netspec.cli.paths import STDIN
from netspec.diagnostics.diagnostic import DataError, NetspecError, RunError, plural
from netspec.recipe.file_names import unpacked_name
from netspec.sources.how_read import HowRead
from netspec.system.files import atomic_path, kind_of

if TYPE_CHECKING:
    from netspec.workflows.tagging import Tagged
    from netspec.workflows.trained import Run

__all__ = ["predict_tags"]

_MOST_BYTES = 100_000_000


def predict_tags(run: Run, files: Sequence[Path], texts: Sequence[str], out: Path | None, *, as_json: bool) -> int:
    """Label the words of texts and of files, print or write them, and return the exit code.

    Raises:
        NetspecError: the answers cannot be written so.
    """
    from netspec.workflows.tagging import notes_of, sentences_of, tag_sentences  # noqa: PLC0415

    if out is not None and out.suffix.lower() == ".npy":
        raise RunError("words with labels are no array", "write a .csv or a .json file")
    failed = False
    found: list[tuple[str, int, Tagged]] = []
    for name, given in _each(files, texts):
        try:
            if isinstance(given, NetspecError):
                raise given
            content = sys.stdin.buffer.read(_MOST_BYTES) if given == STDIN else given
            tagged = tag_sentences(run, sentences_of(content, name, HowRead.of(run.network.data, like=True)))
            found += [(name, number, each) for number, each in enumerate(tagged)]
            if not as_json:
                for note in notes_of(run, [each.words for each in tagged], name):
                    say(f"note: {note}", error=True)
        except NetspecError as error:
            print_error(error)
            failed = True
    if out is not None:
        _write(out, found)
    for name, number, each in found if as_json or out is None else ():
        if as_json:
            print_json(_object(name, number, each))
        else:
            say(f"{name}[{number}]: {each}")
    if out is not None and not as_json:
        say(f"{out}: {plural(len(found), 'sentence')}")
    return 1 if failed else 0


def _each(files: Sequence[Path], texts: Sequence[str]) -> Iterator[tuple[str, Path | str | NetspecError]]:
    """Yield texts and files by what messages call them, of a folder those in it."""
    from netspec.workflows.tagging import ENDINGS  # noqa: PLC0415

    yield from (("text" if len(texts) == 1 else f"text {i + 1}", text) for i, text in enumerate(texts))
    for file in files:
        if file == STDIN or kind_of(file, DataError) != "folder":
            yield ("<stdin>" if file == STDIN else str(file)), file
            continue
        inside = [
            each
            for each in sorted(file.rglob("*"))
            if unpacked_name(each.name).lower().endswith(ENDINGS) and each.is_file()
        ]
        yield from ((str(each), each) for each in inside)
        if not inside:
            yield str(file), DataError(f"{file} has no sentences in it", "give a folder with some .txt or .conll files")


def _object(name: str, number: int, each: Tagged) -> dict[str, Any]:
    from netspec.workflows.tagging import facts_of_tagged  # noqa: PLC0415

    return {"file": name, "sentence": number, **facts_of_tagged(each)}


def _write(out: Path, found: Sequence[tuple[str, int, Tagged]]) -> None:
    """Write a row for each word into a .csv, or an object for each sentence into a .json."""
    try:
        with atomic_path(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = row_writer(out, stream)
            if out.suffix.lower() == ".json":
                writer.head(("file", "sentence", "tokens", "predicted", "probability"))
                for name, number, each in found:
                    writer.row(list(_object(name, number, each).values()))
            else:
                writer.head(("file", "sentence", "word", "predicted", "probability"))
                for name, number, each in found:
                    for word, label, sure in zip(each.words, each.labels, each.probabilities, strict=True):
                        writer.row([name, number, word, label, sure])
            writer.end()
    except OSError as error:
        message = f"cannot write {out}: {error.strerror or error}"
        raise RunError(message, "choose a folder that can be written to") from error
