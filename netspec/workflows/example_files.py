"""Example files for a trained model: a picture or a sound, or an `.npy` of many examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from numpy.typing import NDArray

from netspec import data as datasets
from netspec.data.arrays.examples import formed_examples, read_formed, read_inputs
from netspec.data.checks import as_values, shape_text
from netspec.data.files.decode_files import decode_in_pieces
from netspec.data.files.forms import FileForm, FileForms, SoundForm
from netspec.data.files.picture_files import picture_of, size_of
from netspec.data.tables.examples import examples_of
from netspec.data.tables.file_columns import read_column_files
from netspec.data.tables.windows import windows_of_rows
from netspec.data.types import each_array
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.ir.network import Network
from netspec.recipe.catalog import DatasetInfo
from netspec.sources.files.kinds import ENDINGS, SOUNDS
from netspec.sources.files.libsndfile import is_other_sound
from netspec.sources.files.mask_folders import without_masks
from netspec.sources.files.picture_headers import header_of
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.other_files import conversion_of, conversion_of_most
from netspec.sources.preparation import Preparation
from netspec.sources.tables.preparation import TablePreparation
from netspec.sources.tables.table import Table, read_table
from netspec.sources.tables.workbook import is_workbook
from netspec.sources.tables.zipped import holds_table
from netspec.sources.texts.reading import read_text, text_of
from netspec.sources.trees import MOST_BYTES, Tree, open_tree
from netspec.system.files import kind_of, read_given

__all__ = [
    "Examples",
    "of_arrays",
    "of_picture",
    "of_sound",
    "of_table",
    "of_texts",
    "read",
    "read_files",
    "read_texts",
]

_PIECE = 512
"""Pictures or texts that are in memory at a time."""

_NAMED = 5


@dataclass(frozen=True, eq=False, slots=True)
class Examples:
    """The examples of a file.

    Attributes:
        array: (N, …); of several inputs each by its name.
        framed_as: the dataset as whose images what is drawn in a picture was framed; empty where it was left as it is.
        notes: what the user should know of the file, a line each.
        columns: of a table the cells of each of its columns, by their names.
        rows: of a table the row that each example ends in, where one is several rows; None where each is one.
        sizes: of picture files the width and height of each, where they were asked for.
        left_out: what of some sounds of a folder is no part of their examples, by their places.
    """

    array: Any
    framed_as: str = ""
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Sequence[str]] | None = None
    rows: Sequence[int] | None = None
    sizes: tuple[tuple[int, int], ...] = ()
    left_out: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(each_array(self.array)))

    def by_row(self, answers: Sequence[Any]) -> list[Any]:
        """Return what there is of each example by the rows of the table; None for a row that no example ends in."""
        if self.rows is None or self.columns is None:
            return list(answers)
        found: list[Any] = [None] * len(next(iter(self.columns.values())))
        for row, answer in zip(self.rows, answers, strict=True):
            found[row] = answer
        return found


def read(
    network: Network,
    file: Path | str | bytes,
    *,
    invert: bool | None = None,
    like: DatasetInfo | None = None,
    name: str | None = None,
    preparation: Preparation | None = None,
    sizes: bool = False,
) -> Examples:
    """Return the examples in a file: one for a picture, as many as there are in an `.npy` or rows in a table.

    Args:
        network: what they are for.
        file: PNG, JPEG …, or `.npy`; or what is in such a file.
        invert: swap light and dark in pictures; recognized from the picture unless given.
        like: the dataset as whose images a picture is framed.
        name: what messages call it; its path unless given.
        preparation: what was fitted to the data that the network learned from.
        sizes: whether the sizes of picture files are asked for.

    Raises:
        DataError: when the file is missing, damaged, or does not fit.
    """
    name = name or ("the data" if isinstance(file, bytes) else str(file))
    table = preparation.table if preparation and not _is_array(file) else None
    alone = _is_sound(file) if network.reads_sounds else _is_picture(file)
    if preparation and table and not (table.is_picture and alone):
        if _is_text(table, file):
            return _of_text_file(table, file, name, HowRead.of(network.data, like=True))
        return _of_table(table, file, name, network, preparation)
    if len(network.inputs) > 1:
        return _of_several(network, file, name)
    numpy = file.startswith(b"\x93NUMPY") if isinstance(file, bytes) else Path(file).suffix.lower() == ".npy"
    if numpy:
        array, notes = read_formed(file, network.input, network.tokens, name=name)
        return Examples(array, notes=tuple(notes))
    if file.startswith(b"PK") if isinstance(file, bytes) else Path(file).suffix.lower() == ".npz":
        found, notes = read_inputs(_source(file), network.inputs, _said(network), name=name)
        return Examples(next(iter(found.values())), notes=tuple(notes))
    if network.reads_sounds:
        return of_sound(network, file, name=name)
    return of_picture(network, file, invert=invert, like=like, name=name, preparation=preparation, sizes=sizes)


def of_sound(network: Network, file: Path | str | bytes, *, name: str) -> Examples:
    """Return the example that a sound is.

    Args:
        network: what it is for.
        file: a sound file; or what is in one.
        name: what messages call it.

    Raises:
        DataError: it is missing, or no sound that can be read.
    """
    assert network.data is not None
    assert network.data.sound is not None
    form = SoundForm(network.data.sound)
    fix = None if isinstance(file, bytes) or _is_sound(file) else conversion_of(Path(file))
    if fix:
        raise DataError(f"{name} is no sound that is read", fix)
    content = file if isinstance(file, bytes) else _content(Path(file), name)
    made, cut = form.of(content, name), form.left_out(content, name)
    return Examples(made[None], notes=(f"{name} is {cut}",) if cut else ())


def _content(path: Path, name: str) -> bytes:
    try:
        return read_given(path, MOST_BYTES)
    except FileNotFoundError:
        raise DataError(f"{name} does not exist", "give the path of a sound, or of an .npy file of examples") from None
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}", "give the path of a sound") from None


def _is_sound(file: Path | str | bytes) -> bool:
    """Return whether a file is a sound, by its first bytes or its name."""
    return is_other_sound(file) if isinstance(file, bytes) else Path(file).suffix.lower() in SOUNDS.endings


def of_picture(
    network: Network,
    file: Path | str | bytes,
    *,
    invert: bool | None = None,
    like: DatasetInfo | None = None,
    name: str,
    preparation: Preparation | None = None,
    sizes: bool = False,
) -> Examples:
    """Return the example that a picture is; arguments and errors are those of `read`."""
    if not network.reads_images:
        _refuse(network, file, name)
    resize = preparation.resize if preparation else None
    if resize:
        content = read_given(Path(file), MOST_BYTES) if not isinstance(file, bytes) and sizes else file
        pixels, note = picture_of(content if isinstance(content, bytes) else Path(content), name, network.input, resize)
        own = (size_of(content),) if sizes and isinstance(content, bytes) else ()
        return Examples((255 - pixels if invert else pixels)[None], notes=(note,) if note else (), sizes=own)
    picture = datasets.read_picture(file, network.image_shape, invert=invert, like=like, name=name)
    return Examples(picture.pixels[None], like.name if like and picture.framed else "", picture.notes)


def _is_array(file: Path | str | bytes) -> bool:
    """Return whether a file holds arrays of NumPy, by its first bytes or its name."""
    if isinstance(file, bytes):
        return file.startswith((b"\x93NUMPY", b"PK")) and not is_workbook(file)
    return Path(file).suffix.lower() in {".npy", ".npz"}


def _is_text(prepared: TablePreparation, file: Path | str | bytes) -> bool:
    """Return whether a file is one text for a model that reads nothing else: by its name, or as it has learned."""
    if not prepared.text_column:
        return False
    return prepared.texts if isinstance(file, bytes) else not holds_table(Path(file))


def _of_text_file(prepared: TablePreparation, file: Path | str | bytes, name: str, how: HowRead) -> Examples:
    """Return the text in a file as the network reads it."""
    if isinstance(file, bytes):
        text = text_of(file, name, how)
        if not text.strip():
            raise DataError(f"{name} is empty", "give a text")
    else:
        text = read_text(Path(file), name, "give the path of a file with one text, such as review.txt", how)
    return Examples(_tokens(prepared, [text.strip()], name))


def of_texts(prepared: TablePreparation, texts: Sequence[str], name: str = "the text") -> Examples:
    """Return texts as the network reads them; they are the column of their examples.

    Raises:
        DataError: one is empty, or the network reads more than a text.
    """
    column = prepared.text_column
    if not column:
        reads = listing(list(prepared.columns)[:_NAMED], "and")
        raise DataError(f"the model reads {reads}, and no text alone", "give a table with these columns")
    if not all(text.strip() for text in texts):
        raise DataError(f"{name} is empty", "give a text")
    return Examples(_tokens(prepared, [text.strip() for text in texts], name), columns={column: list(texts)})


def _tokens(prepared: TablePreparation, texts: Sequence[str], name: str) -> NDArray[Any]:
    table = Table(name, {prepared.text_column: texts}, range(1, len(texts) + 1))
    found: NDArray[Any] = examples_of(table, prepared.model_copy(update={"texts": True}))[0]
    return found


def read_texts(
    prepared: TablePreparation, path: Path, how: HowRead = AS_IT_IS
) -> Iterator[tuple[list[str], Examples, list[DataError]]]:
    """Yield the texts in a folder or an archive, many at a time: their names, them, and what cannot be read.

    Raises:
        DataError: there are none.
    """
    with open_tree(path, str(path)) as tree:
        files = [file for file in tree.files if Path(file).suffix.lower() == ".txt"]
        if not files:
            raise DataError(f"{path} has no texts in it", "give a folder with some .txt files, or the files themselves")
        files = tree.in_order(files)
        for start in range(0, len(files), _PIECE):
            piece = files[start : start + _PIECE]
            found: dict[int, str] = {}
            bad: dict[int, DataError] = {}
            for at, read_file in tree.each(piece):
                try:
                    text = text_of(read_file(), tree.shown(piece[at]), how).strip()
                    if not text:
                        raise DataError(f"{tree.shown(piece[at])} is empty", "give a text")
                    found[at] = text
                except DataError as error:
                    bad[at] = error
            order = sorted(found)
            examples = Examples(_tokens(prepared, [found[at] for at in order], str(path)))
            yield [tree.shown(piece[at]) for at in order], examples, [bad[at] for at in sorted(bad)]


def _is_picture(file: Path | str | bytes) -> bool:
    """Return whether a file is a picture, by its first bytes or its name."""
    if isinstance(file, bytes):
        return header_of(file) is not None
    return Path(file).suffix.lower() in ENDINGS


def _of_table(
    prepared: TablePreparation, file: Path | str | bytes, name: str, network: Network, preparation: Preparation
) -> Examples:
    """Return the rows of a table as the network reads them."""
    if _is_picture(file):
        fix = "give a table with its columns, such as a .csv file"
        raise DataError(f"{name} is a picture, but the model reads rows of a table", fix)
    how = HowRead.of(network.data, like=True)
    table = read_table(file if isinstance(file, bytes) else Path(file), name, how)
    forms = FileForms.of(network.data, preparation)
    return of_table(prepared, table if table.folder else replace(table, folder=Path()), forms)


def of_table(prepared: TablePreparation, table: Table, forms: FileForms, *, embedded: bool = False) -> Examples:
    """Return the rows of a table as the network reads them.

    Args:
        prepared: says how.
        table: the rows.
        forms: how files become what their input reads.
        embedded: whether the cells of pictures are pictures in base64, not names of files.

    Raises:
        DataError: a column is missing, or has what the model cannot read.
    """
    if prepared.windows:
        windows, rows, notes = windows_of_rows(table, prepared)
        return Examples(windows, notes=(*table.notices, *notes), columns=table.cells, rows=rows)
    pictures = read_column_files(table, prepared, forms, embedded=embedded) if prepared.pictures else None
    array, notes = examples_of(table, prepared, pictures)
    return Examples(array, notes=(*table.notices, *notes), columns=table.cells)


def of_arrays(network: Network, values: Any, name: str) -> Examples:
    """Return arrays, or lists of numbers, as the network takes them: one example or many; of several inputs by name.

    Raises:
        DataError: they do not fit.
    """
    names = [given.name for given in network.inputs]
    if not isinstance(values, Mapping):
        if len(names) > 1:
            raise DataError(
                f"{name}: the network has several inputs: {listing(names, 'and')}",
                "give an array for each, by its name",
            )
        values = {names[0]: values}
    if unknown := [key for key in values if key not in names]:
        near = nearest(str(unknown[0]), names)
        fix = f"did you mean {near}?" if near else f"give {listing(names, 'and')}"
        raise DataError(f"{name} has {unknown[0]!r}, which is no input of the network", fix)
    if lost := [each for each in names if each not in values]:
        raise DataError(f"{name} lacks {listing(lost, 'and')}", f"give {listing(names, 'and')}")
    made, notes = {}, list[str]()
    for given in network.inputs:
        of = f"{name}: {given.name}" if names[1:] else name
        made[given.name], said = formed_examples(of, as_values(values[given.name], of), given.shape, given.tokens)
        notes += said
    _require_same_count(made, name)
    return Examples(made if names[1:] else made[names[0]], notes=tuple(notes))


def read_files(
    path: Path, form: FileForm, *, sizes: bool = False
) -> Iterator[tuple[list[str], Examples, list[DataError]]]:
    """Yield the files in a folder or an archive, many at a time: their names, them, and what cannot be read.

    Masks that lie beside pictures are left out.

    Raises:
        DataError: there are none.
    """
    with open_tree(path, str(path)) as tree:
        files = [file for file in tree.files if Path(file).suffix.lower() in form.kind.endings]
        files = without_masks(files) if form.kind.masks else files
        if not files:
            fix = conversion_of_most(tree.files) or "give a folder with some, or the files themselves"
            raise DataError(f"{path} has no {form.kind.one}s in it", fix)
        for names, images, bad, cut in decode_in_pieces(tree, files, form, size=_PIECE):
            yield names, Examples(images, sizes=_sizes(tree, names) if sizes else (), left_out=cut), bad


def _sizes(tree: Tree, names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the width and height of pictures, by what messages call them."""
    shown = {tree.shown(file): file for file in tree.files}
    found = {at: size_of(read()) for at, read in tree.each([shown[name] for name in names])}
    return tuple(found[at] for at in range(len(names)))


def _source(file: Path | str | bytes) -> Path | bytes:
    return file if isinstance(file, bytes) else Path(file)


def _said(network: Network) -> tuple[str, ...]:
    """Return the array that the spec says the examples are in."""
    return network.data.example_arrays if network.data else ()


def _of_several(network: Network, file: Path | str | bytes, name: str) -> Examples:
    """Return the examples of several inputs in an `.npz` file, each by its name."""
    names = [i.name for i in network.inputs]
    if not isinstance(file, bytes) and Path(file).suffix.lower() != ".npz":
        raise DataError(
            f"{name}: the network has several inputs: {listing(names, 'and')}",
            f"give an .npz file with an array for each: np.savez('x.npz', {', '.join(f'{n}=…' for n in names)})",
        )
    made, notes = read_inputs(_source(file), network.inputs, name=name)
    _require_same_count(made, name)
    return Examples(made, notes=tuple(notes))


def _require_same_count(made: Mapping[str, NDArray[Any]], name: str) -> None:
    counts = {key: len(array) for key, array in made.items()}
    if len(set(counts.values())) > 1:
        said = listing([f"{key} has {plural(count, 'example')}" for key, count in counts.items()], "and")
        raise DataError(f"{name}: {said}", "give one row of each for every example")


def _refuse(network: Network, file: Path | str | bytes, name: str) -> NoReturn:
    """Raise DataError for what is no `.npy` file, and say what the network takes, which is no pictures."""
    shape = network.input
    sizes = ", ".join(map(str, shape))
    if not isinstance(file, bytes) and kind_of(Path(file), DataError) is None:
        raise DataError(f"{name} does not exist", f"give the path of an .npy file of the shape (N, {sizes})")
    if network.tokens:
        fix = f"give an .npy file of whole numbers below {network.tokens:,}, of the shape (N, {sizes})"
        if network.data and network.data.is_text and not network.data.has_classes_of_texts:
            fix += '; `netspec generate RUN --prompt "…"` goes on from a text'
        raise DataError(f"{name}: the network reads token numbers, not pictures or text", fix)
    fix = f"give an .npy file of the shape (N, {sizes}): np.save('x.npy', x)"
    if len(shape) == 1 and Path(name).suffix.lower() == ".csv":
        fix = (
            f"np.save('x.npy', np.loadtxt({name!r}, 'float32', delimiter=',', skiprows=1, usecols=range({shape[0]}))) "
            "makes one of its first columns"
        )
    what = "rows of numbers" if len(shape) == 1 else "sequences"
    raise DataError(
        f"{name}: the network reads {what}, {shape_text(shape)} an example, from an .npy file; this is none", fix
    )
