"""`netspec new`: a commented starter spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.completion import encodings, templates
from netspec.cli.how_read import ENCODING, SHEET, how_read
from netspec.cli.output import say
from netspec.cli.tables import spec_of_table
from netspec.describe.format import format_source
from netspec.describe.shelf import shelf, title
from netspec.diagnostics.diagnostic import DataError, NetspecError, Source, listing
from netspec.diagnostics.suggest import nearest
from netspec.recipe.array_files import holds_arrays
from netspec.recipe.data_headers import IDX_NAMES, find_idx
from netspec.recipe.file_names import TABLE_ENDINGS, is_text_name
from netspec.sources.files.pictures import holds_pictures
from netspec.sources.files.sounds import are_sounds
from netspec.sources.how_read import HowRead
from netspec.sources.missing import missing_data
from netspec.sources.other_files import conversion_of
from netspec.sources.tables.spec_lines import as_read
from netspec.sources.tables.zipped import holds_table
from netspec.sources.texts.facts import are_texts
from netspec.sources.texts.tagged import holds_tagged
from netspec.sources.texts.tagged_spec import spec_for_sentences
from netspec.system.files import kind_of

__all__ = ["new"]

_STDOUT = Path("-")
"""Stands for standard output."""


def new(
    template: Annotated[
        str,
        typer.Argument(metavar="[TEMPLATE]", help="Which ready-made spec to begin with.", autocompletion=templates),
    ] = "lenet",
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="FILE", help="Where to write it, - for standard output; TEMPLATE.net here otherwise."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FILE|FOLDER",
            help="Write a spec for your data: a table (.csv …), arrays (.npz, .npy), IDX files, a text, or "
            "pictures, sounds or texts in folders or an archive.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="With a table or arrays: the column, or the array, that is to be learned; of a table also NAME,NAME…",
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            "--window",
            metavar="N",
            min=1,
            help="With a table whose rows follow each other in time: forecast the column in the next row from N rows.",
        ),
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", metavar="NAME", help=SHEET)] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help=ENCODING, autocompletion=encodings)
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the ready-made specs.")] = False,
) -> int:
    """Write a commented starter spec."""
    specs = _specs()
    if list_all:
        _print_all()
        return 0
    if window is not None and not (data and holds_table(data)):
        raise NetspecError("--window is of the rows of a table", "name it: --data FILE.csv --target NAME --window 14")
    if data is not None:
        return _for_data(data, target, out, window, how_read(data, sheet, encoding))
    if sheet is not None or encoding is not None:
        option = "--encoding" if sheet is None else "--sheet"
        raise NetspecError(f"{option} says how a file is read", f"name it too: --data FILE {option} NAME")
    if target is not None:
        raise NetspecError(
            "--target names a column of a table, or an array", "name the data too: --data FILE --target NAME"
        )
    if template not in specs:
        near = nearest(template, specs)
        fix = f"did you mean {near}?" if near else "`netspec new --list` names them all"
        raise NetspecError(f"there is no template called {template!r}", fix)
    _write(specs[template].read_text(encoding="utf-8"), out or Path(f"{template}.net"))
    return 0


def _for_data(data: Path, target: str | None, out: Path | None, window: int | None, how: HowRead) -> int:
    """Write a spec for a user's data."""
    if target is None and window is None and _tagged(data):
        place, name = _place(data, out)
        text = as_read(spec_for_sentences(data.resolve(), name, how), how)
        _write(format_source(Source(str(place), text)), place)
        return 0
    if holds_table(data):
        place, text, learned = spec_of_table(data, target, out, out == _STDOUT, window, how)
        _write(text, out or place)
        if target is None:
            say(f"note: it learns {learned}, which is a guess; --target NAME learns another column", error=True)
        return 0
    if kind_of(data, DataError) and holds_arrays(data, DataError):
        _for_arrays(data, target, out)
        return 0
    if target is not None and kind_of(data, DataError):
        fix = f"{data} is none: leave --target out"
        fix += ", or name it .tsv if it is a table of cells with tabs between them" if is_text_name(data.name) else ""
        raise NetspecError("--target names a column of a table, or an array", fix)
    _for_files(data, out, how)
    return 0


def _tagged(data: Path) -> bool:
    """Return whether a file has a label for each word: by its name, or by what is in it."""
    if kind_of(data, DataError) != "file":
        return False
    return holds_tagged(data)


def _for_arrays(data: Path, target: str | None, out: Path | None) -> None:
    """Write a spec for arrays, which it names by their path from the spec's folder."""
    from netspec.cli.starter_arrays import spec_for_arrays  # noqa: PLC0415

    place, name = _place(data, out)
    text, guess = spec_for_arrays(data.resolve(), name, target)
    _write(format_source(Source(str(place), text)), place)
    if guess:
        say(f"note: {guess}, which is a guess; --target NAME learns another array", error=True)


def _for_files(data: Path, out: Path | None, how: HowRead) -> None:
    """Write a spec for pictures, sounds or texts, which it names by their path from the spec's folder."""
    kind = kind_of(data, DataError)
    if kind is None:
        fix = f"name a {listing(TABLE_ENDINGS)} file, a text, or a folder of pictures"
        raise missing_data(data, str(data), fix)
    of_text = are_texts(data)
    of_idx = not of_text and kind == "folder" and any(find_idx(data, each) for each in IDX_NAMES)
    if not of_text and not of_idx and not holds_pictures(data):
        raise DataError(
            f"{data} is no table, no file of arrays, no .txt, and no folder, .zip or .tar of pictures, sounds or texts",
            conversion_of(data) or "`netspec new --list` names ready-made specs",
        )
    target, name = _place(data, out)
    path = data.resolve()
    if of_text:
        from netspec.sources.texts.spec import spec_for_texts  # noqa: PLC0415

        text = as_read(spec_for_texts(path, name, how), how)
    else:
        from netspec.cli.starter_pictures import spec_for_idx, spec_for_pictures  # noqa: PLC0415
        from netspec.cli.starter_sounds import spec_for_sounds  # noqa: PLC0415

        write = spec_for_idx if of_idx else spec_for_sounds if are_sounds(path) else spec_for_pictures
        text = write(path, name)
    _write(format_source(Source(str(target), text)), target)


def _place(data: Path, out: Path | None) -> tuple[Path, str]:
    """Return where the spec for some data goes, and what it calls the data: by the path from its own folder."""
    path = data.resolve()
    target = out or Path(f"{path.name.split('.')[0]}.net")
    folder = Path.cwd() if target == _STDOUT else target.resolve().parent
    if not path.is_relative_to(folder) or path == folder:
        beside = path.parent / (f"{path.name.split('.')[0]}.net" if target == _STDOUT else target.name)
        raise DataError(
            f"{data} does not lie below {folder}: a spec reads no other files", f"write it there: -o {beside}"
        )
    name = path.relative_to(folder).as_posix()
    if '"' in name or not name.isprintable():
        raise DataError(f"{name!r} has characters that no spec can write", "give it another name")
    return target, name


def _write(text: str, target: Path) -> None:
    """Write a spec to a file that is not there yet, or to standard output."""
    if target == _STDOUT:
        say(text, end="")
        return
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise NetspecError(f"{target} exists already", "choose another name with -o") from None
    except OSError as error:
        raise NetspecError(f"{target} cannot be written: {error.strerror}", "choose another place with -o") from None
    say(f"wrote {target}; next: netspec train {target}")


def _print_all() -> None:
    """Print the name and the title of each spec, by what they are for."""
    for kind, specs in shelf().items():
        width = max(map(len, specs))
        say(f"{kind}:")
        for name, path in specs.items():
            say(f"  {name:<{width}}  {title(path)}")


def _specs() -> dict[str, Path]:
    """Return the ready-made specs by name, the flagships first."""
    return {name: path for specs in shelf().values() for name, path in specs.items()}
