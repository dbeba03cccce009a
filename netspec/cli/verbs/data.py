"""`netspec data`: list, download and draw datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.command import Command, Group
from netspec.cli.completion import datasets, encodings
from netspec.cli.how_read import ENCODING, SHEET, how_read
from netspec.cli.output import print_json, print_table, say
from netspec.cli.tables import print_columns
from netspec.diagnostics.diagnostic import DataError
from netspec.ops import format_shape
from netspec.recipe.array_files import holds_arrays
from netspec.recipe.catalog import DATASETS, DatasetInfo, find
from netspec.recipe.file_names import stem_of
from netspec.sources.files.pictures import holds_pictures
from netspec.sources.files.sounds import are_sounds
from netspec.sources.tables.zipped import holds_table
from netspec.sources.texts.facts import are_texts
from netspec.sources.texts.tagged import holds_tagged
from netspec.system.files import expanded, kind_of

__all__ = ["app"]

app = typer.Typer(
    help="Datasets: where they are, verified download, a picture of their examples.", cls=Group, no_args_is_help=True
)


@app.command("list", cls=Command)
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each dataset.")] = False,
) -> int:
    """List the built-in datasets and where they lie on this machine."""
    from netspec.data import locate  # noqa: PLC0415

    places = {info.name: locate(info.name) for info in DATASETS}
    if as_json:
        for info in DATASETS:
            print_json(_facts(info, places[info.name]))
        return 0
    rows = [
        (
            d.name,
            d.title,
            format_shape(d.shape),
            f"{d.train:,}",
            f"{d.test:,}",
            str(places[d.name] or "not here: netspec data fetch " + d.name),
        )
        for d in DATASETS
    ]
    columns = [
        ("name", False),
        ("what", False),
        ("shape", False),
        ("train", True),
        ("test", True),
        ("where", False),
    ]
    print_table(columns, rows)
    return 0


@app.command(cls=Command)
def fetch(name: Annotated[str, typer.Argument(metavar="NAME", help="Which dataset.", autocompletion=datasets)]) -> int:
    """Download a dataset, verified, unless it is here already."""
    from netspec.data import fetch as fetch_data  # noqa: PLC0415
    from netspec.terminal.progress import Progress  # noqa: PLC0415

    say(fetch_data(name, Progress(quiet=False).download))
    return 0


@app.command(cls=Command)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset's name or path.", autocompletion=datasets)],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="The PNG file; NAME.png here otherwise."),
    ] = None,
    augment: Annotated[
        Path | None,
        typer.Option(
            "--augment", metavar="SPEC", help="Draw examples as the `augment` of this .net file changes them."
        ),
    ] = None,
    split: Annotated[
        bool,
        typer.Option(
            "--split",
            help="Of a table, of pictures or texts in folders, or of a spec that names some: the classes of each part; "
            "-o FILE.csv lists each example with its part.",
        ),
    ] = False,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="COLUMN", help="Of a table: what is learned; the others are drawn with it."),
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", metavar="NAME", help=SHEET)] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help=ENCODING, autocompletion=encodings)
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Of a table or arrays, one JSON object for each column or array; with --split for each part."
        ),
    ] = False,
) -> int:
    """Describe a dataset and draw it: a labelled grid of 40, class counts, shapes and value range.

    Of a folder or an archive of pictures every one is read: their sizes, those that cannot be read or are there twice.
    Of sounds likewise: their lengths and rates, and which are silent or clipped; drawn as waveform and spectrogram.
    Of a table (.csv, .xlsx, .parquet …) its columns: what each holds, what is missing, what is suspicious;
    drawn as histograms and bars, with --target by the classes of that column, or against it where it is a number.
    Of a .txt file, or a folder or an archive of them, how long they are, frequent words, and what is there twice.
    Of arrays (.npz, .npy) each one's shape, type and values, what is read of them, and the classes.
    """
    how = how_read(Path(name), sheet, encoding)
    if split:
        if augment:
            raise DataError("--split lists examples, and --augment draws them", "leave one out")
        from netspec.cli.split_table import show_split  # noqa: PLC0415

        show_split(name, target, out, how, as_json=as_json)
        return 0
    if not target and holds_tagged(expanded(name, DataError)):
        from netspec.cli.text_table import show_sentences  # noqa: PLC0415

        _require_no_picture(name, out, augment)
        show_sentences(expanded(name, DataError), name, how)
        return 0
    if not find(name) and holds_table(expanded(name, DataError)):
        if augment:
            raise DataError(f"{name} is a table, and --augment is for pictures", "leave it out")
        print_columns(Path(name), target, out or Path(f"{stem_of(name)}.png"), how, as_json=as_json)
        return 0
    if target:
        raise DataError("--target names a column of a table", f"{name} is none: leave --target out")
    path = expanded(name, DataError)
    if not find(name) and are_texts(path):
        from netspec.cli.text_table import show_texts  # noqa: PLC0415

        _require_no_picture(name, out, augment)
        show_texts(path, name, how)
        return 0
    from netspec import report  # noqa: PLC0415
    from netspec.data import load  # noqa: PLC0415

    picture = out or Path(f"{Path(name).stem}.png")
    if augment:
        say(_augmented(name, augment, picture))
        return 0
    if not find(name) and kind_of(path, DataError) and _show_files(path, name, picture, as_json=as_json):
        return 0
    dataset = load([name])
    train, test = dataset.train, dataset.test
    if train.images.ndim != 4:
        raise DataError(f"{name} has no images: its examples are of shape {format_shape(train.images.shape[1:])}")
    info = find(name)
    if info:
        say(f"{info.name}: {info.title}\n  {info.source} ({info.license})\n  {info.notes}")
    for what, images in (("training", train.images), ("test", test.images)):
        say(f"  {what + ':':<9} {format_shape(images.shape)} {images.dtype}, {images.min()} to {images.max()}")
    say(report.draw_dataset(dataset.name, train.images, train.labels, dataset.labels, test.labels, picture))
    return 0


def _require_no_picture(name: str, out: Path | None, augment: Path | None) -> None:
    """Raise DataError where a picture of a text is asked for."""
    if out or augment:
        raise DataError(f"{name} is text, of which no picture is drawn", "leave -o and --augment out")


def _show_files(path: Path, name: str, picture: Path, *, as_json: bool) -> bool:
    """Show pictures, sounds or arrays, and return whether there are some."""
    if are_sounds(path):
        from netspec.cli.sound_table import show_sounds  # noqa: PLC0415

        show_sounds(path, name, picture)
        return True
    if holds_pictures(path):
        from netspec.cli.picture_table import show_pictures  # noqa: PLC0415

        show_pictures(path, name, picture)
        return True
    if holds_arrays(path, DataError):
        from netspec.cli.array_table import show_arrays  # noqa: PLC0415

        show_arrays(path, name, picture, as_json=as_json)
        return True
    return False


def _augmented(name: str, spec: Path, target: Path) -> Path:
    """Draw examples as a spec augments them."""
    from netspec.compiler import analyze, load_source, require  # noqa: PLC0415
    from netspec.data.for_network import load_data  # noqa: PLC0415

    network, graph = require(analyze(load_source(spec)))
    dataset = load_data(network, name, graph=graph)
    from netspec.workflows.preview import draw_augmented  # noqa: PLC0415

    return draw_augmented(network, dataset, target)


def _facts(info: DatasetInfo, place: Path | None) -> dict[str, object]:
    return {
        "name": info.name,
        "title": info.title,
        "shape": list(info.shape),
        "classes": list(info.labels),
        "train": info.train,
        "test": info.test,
        "path": str(place) if place else None,
        "license": info.license,
    }
