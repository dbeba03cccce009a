"""The data of a network: which they are, and how their examples are prepared."""

from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from netspec.recipe.array_files import ARRAY_ENDINGS, examples_in
from netspec.recipe.catalog import find
from netspec.recipe.encodings import SPELLINGS, Encoding, encoding_named
from netspec.recipe.file_names import (
    BINARY_TABLE_ENDINGS,
    TABLE_ENDINGS,
    WORKBOOK_ENDINGS,
    is_table_name,
    is_tagged_name,
    is_text_name,
    unpacked_name,
)
from netspec.recipe.group_names import is_pattern, pattern_wrong
from netspec.recipe.image_settings import Augment, Views
from netspec.recipe.settings import Normalize, Scale, Shuffle, Text, Window
from netspec.recipe.sound_settings import Sound
from netspec.schema.definition import Definition, option, positional
from netspec.schema.types import Also, Expects, ManyNames, Name, Names, Part

__all__ = ["ARRAY_ENDINGS", "DataSource", "FileName"]

# Quotes and control characters would end the string that a path is written as.
FileName = Annotated[
    str, Field(pattern=r'^[^"\x00-\x1f\x7f]+$', max_length=4096), Expects("a dataset's name or, in quotes, a path")
]


class DataSource(Definition):
    """Which dataset, and how its examples are prepared."""

    kind: Literal["data"] = "data"
    example: ClassVar[str] = "data mnist"
    inline: ClassVar[tuple[str, ...]] = ("name", "fallback")
    later = (
        *("text", "test", "columns", "drop", "category", "number", "group", "window", "order"),
        *("resize", "on_bad", "streaming", "sound", "sheet", "encoding"),
    )
    name: FileName = positional("name of the dataset")
    fallback: FileName | None = option(None, "dataset taken where the first cannot be had: `data A else B`")
    scale: Scale | None = option(None, "how bytes become numbers; 0..1 unless given")
    normalize: Normalize | None = option(None, "mean and standard deviation, after scaling to 0..1")
    shuffle: Shuffle = option(Shuffle, "order of the training examples")
    augment: Augment | None = option(None, "random changes of the training images")
    views: Views | None = option(None, "inference takes the mean over an image and its moved or mirrored copies")
    text: Text | None = option(None, "how a text is cut into tokens: characters unless given")
    target: Annotated[
        Literal["label", "input", "next"] | Annotated[tuple[Name, ...], Field(min_length=1, strict=False)],
        ManyNames(),
        Expects("`label`, `input`, `next`, or names of columns"),
    ] = option(
        "label",
        "what the network learns to give: the label, its own input again, as an autoencoder does, of a text the next "
        "token at each position, as a language model does, or of a table the columns of these names (`log` behind "
        "them: their logarithms), of arrays the one of this name",
    )
    columns: Names = option(
        (),
        "of a table, the columns that are read, all that can be read unless given; of arrays the one with the examples",
    )
    drop: Names = option((), "of a table, columns that are not read")
    category: Names = option(
        (), "of a table, columns whose values are categories, or classes, though they look like numbers, dates or texts"
    )
    number: Names = option(
        (),
        "of a table, columns whose values are amounts, though they look like ids or classes, or are written with a "
        "currency, a unit, a percent sign or marks between thousands",
    )
    group: Name | None = option(
        None,
        "what stays together, all for training, for validation or for the test: of a table the rows that are equal in "
        "the column of this name, of arrays the examples that are equal in the array of this name; of pictures and "
        'texts in files those whose names are equal where a pattern has `{}`: `group "{}_*"`',
    )
    window: Window | None = option(
        None, "of a table, an example is so many rows one after the other, and its target stands in a later row"
    )
    order: Name | None = option(
        None,
        "of a table with `window`, the column of dates or numbers by which rows follow each other; as they stand in "
        "the file unless given",
    )
    validation: Part = option(
        0,
        "so many of the last training examples are held out for validation; a share, `15%`, and rows of a table are "
        "drawn by a hash of each example, with `window` they are the last before those for the test",
    )
    test: Part | None = option(
        None,
        "how much is for the test, where the data has no test part of its own: of a text its end, 10% unless given; of "
        "pictures, rows of a table and texts of classes those that a hash of each draws, 20% unless given; with "
        "`window` the last rows",
    )
    resize: Literal["crop", "center", "fit", "stretch"] | None = option(
        None,
        "how pictures of files get the size of the input: `crop` brings the shorter side to it and cuts out the "
        "center, `center` likewise, but first cuts a sixteenth off each side, as torchvision does (224 of 256 pixels), "
        "`fit` keeps the whole picture and fills up with the color of its border, `stretch` gives up its "
        "proportions; `crop` unless given",
    )
    on_bad: Literal["stop", "skip"] | None = option(
        None, "what happens with pictures that cannot be read: an error, unless `skip` leaves them out"
    )
    streaming: Literal["auto", "on", "off"] | None = option(
        None,
        "whether pictures of files are read batch by batch while the network is trained, or are all in memory: `auto`, "
        "which it is unless given, keeps them in memory where they fit; the numbers are the same",
    )
    sound: Sound | None = option(None, "the files are sounds, and so they become examples")
    sheet: Name | None = option(
        None, "of a spreadsheet, which of its sheets is the table; the only one that has rows unless given"
    )
    encoding: Annotated[Encoding, BeforeValidator(encoding_named), Also(**SPELLINGS)] | None = option(
        None, "how tables and texts are encoded, where they are not UTF-8, or UTF-16 with the mark that says so"
    )

    def scalings(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the factors and offsets of the channels: those of all, or of each, as `normalize` may say."""
        found = self.normalize.by_channel if self.normalize else None
        if found is None:
            factor, offset = self.scaling()
            return (factor,), (offset,)
        means, stds = found
        return tuple(1 / (255 * std) for std in stds), tuple(-m / std for m, std in zip(means, stds, strict=True))

    def scaling(self) -> tuple[float, float]:
        """Return (factor, offset): a byte b becomes factor·b + offset; 0..1 unless `scale` or `normalize` says so.

        Where each channel has its own, it is that of the first.
        """
        if self.normalize and self.normalize.by_channel:
            (factor, *_), (offset, *_) = self.scalings()
            return factor, offset
        if self.scale and self.scale.divisor:
            return 1 / self.scale.divisor, 0.0
        if self.scale and self.scale.range:
            low, high = self.scale.range
            return (high - low) / 255, low
        if self.normalize:
            return 1 / (255 * self.normalize.std), -self.normalize.mean / self.normalize.std
        return 1 / 255, 0.0

    @model_validator(mode="after")
    def _one_scaling(self) -> "DataSource":
        if self.scale and self.normalize:
            raise ValueError("`scale` and `normalize` both say how bytes become numbers: keep one")
        return self

    @property
    def held_out(self) -> int:
        """How many of the last training examples are for validation; 0 where some are drawn, or none."""
        drawn = self.draws_rows or self.group is not None
        return self.validation if isinstance(self.validation, int) and not drawn else 0

    @property
    def groups_files(self) -> bool:
        """Whether a pattern says by their names which files stay together."""
        return self.group is not None and is_pattern(self.group)

    @property
    def group_array(self) -> str:
        """Of arrays the one that says which examples stay together; empty where there is none."""
        return self.group or "" if self.is_arrays else ""

    @property
    def is_text(self) -> bool:
        """Whether it is a text, by what it says or by the name of the file."""
        named = is_text_name(self.name) or is_tagged_name(self.name)
        return not self.is_table and (self.text is not None or named)

    @property
    def has_classes_of_texts(self) -> bool:
        """Whether each text is an example as a whole, with its class."""
        return self.is_text and self.text is not None and self.text.whole

    @property
    def is_tagged(self) -> bool:
        """Whether each word of a text has a label."""
        if self.text is not None and self.text.tagged:
            return True
        return is_tagged_name(self.name)

    @property
    def draws_rows(self) -> bool:
        """Whether what is for validation and for the test is drawn before anything is fitted to the others."""
        return self.is_table or self.has_classes_of_texts or self.is_tagged

    @property
    def is_arrays(self) -> bool:
        """Whether it is arrays of NumPy, by the name of the file."""
        return self.name.lower().endswith(ARRAY_ENDINGS)

    @property
    def is_table(self) -> bool:
        """Whether it is a table, by the name of the file or because columns of it are named."""
        if self.is_tagged:
            return False
        by_column = self.group is not None and not self.groups_files
        said = bool(self.columns or self.drop or self.category or self.number or self.order or self.sheet or by_column)
        named = said or not isinstance(self.target, str)
        return (named and not self.is_arrays) or is_table_name(self.name)

    @property
    def target_arrays(self) -> tuple[str, ...]:
        """Of arrays the one that is learned, where the spec names it."""
        return self.target if self.is_arrays and isinstance(self.target, tuple) else ()

    @property
    def example_arrays(self) -> tuple[str, ...]:
        """Of arrays the one that has the examples, where the spec names it."""
        return (self.columns or examples_in(self.name)) if self.is_arrays else ()

    @property
    def target_columns(self) -> tuple[str, ...]:
        """Of a table the columns that are learned: without a word on it one called `label`."""
        return (self.target,) if isinstance(self.target, str) else self.target

    def _require_arrays(self) -> None:
        """Raise ValueError where arrays are named as columns of a table are."""
        if not self.is_arrays:
            return
        if self.drop:
            raise ValueError("`drop` is for tables: leave it out")
        if len(self.columns) > 1 or len(self.target_arrays) > 1:
            word = "columns" if len(self.columns) > 1 else "target"
            raise ValueError(
                f"`{word}` names one array; those of several inputs or outputs are called as these are: `input … as "
                "NAME`, `output … target=NAME`"
            )
        if self.test == 0:
            raise ValueError("arrays without a test part need examples for the test: say `test 20%`, or leave it out")

    @model_validator(mode="after")
    def _of_sound(self) -> "DataSource":
        if self.sound is None:
            return self
        if self.scale or self.normalize or self.resize or self.views:
            settings = "`scale`, `normalize`, `resize` and `views`"
            raise ValueError(f"`sound` says how the values of sounds are scaled: {settings} are for pictures")
        known = next((name for name in (self.name, self.fallback) if name and find(name)), None)
        if known or self.is_arrays or self.is_text:
            what = f"{known} has images" if known else "these are arrays" if self.is_arrays else "this is a text"
            raise ValueError(f"`sound` is for folders, archives and tables of sounds, and {what}: leave it out")
        return self

    @model_validator(mode="after")
    def _of_files(self) -> "DataSource":
        ending = PurePath(unpacked_name(self.name)).suffix.lower()
        if self.sheet and (self.is_arrays or ending in set(TABLE_ENDINGS) - set(WORKBOOK_ENDINGS)):
            raise ValueError(f"`sheet` is for spreadsheets, {', '.join(WORKBOOK_ENDINGS)}: leave it out")
        if self.encoding and (ending in BINARY_TABLE_ENDINGS or not (self.is_table or self.is_text)):
            raise ValueError("`encoding` is for tables and texts that are written as text: leave it out")
        return self

    @model_validator(mode="after")
    def _of_tags(self) -> "DataSource":
        if not self.is_tagged:
            return self
        if self.text is not None and self.text.unit != "words":
            raise ValueError("words with labels are as the file has them: say `text words`, or leave `text` out")
        if self.target != "label" or self.columns or self.drop or self.category or self.number or self.group:
            settings = "`target`, `columns`, `drop`, `category`, `number` and `group`"
            raise ValueError(f"of words with labels the labels are learned: leave {settings} out")
        if self.test == 0:
            raise ValueError("sentences are needed for the test: say `test 20%`, or leave it out")
        return self

    @model_validator(mode="after")
    def _of_groups(self) -> "DataSource":
        if self.group is None:
            return self
        if self.fallback and find(self.fallback):
            raise ValueError(f"{self.fallback} has no groups: leave `else {self.fallback}` or `group` out")
        if not self.groups_files:
            return self
        wrong = pattern_wrong(self.group)
        if wrong:
            raise ValueError(wrong)
        if self.is_table or self.is_arrays:
            what = "of arrays `group` names an array" if self.is_arrays else "of a table `group` names a column"
            raise ValueError(f"a pattern is for the names of pictures and texts; {what}")
        if find(self.name):
            raise ValueError(f"`group` is for data of your own: {self.name} has a test part, and no names of files")
        if self.target == "next" or is_text_name(self.name):
            raise ValueError("`group` is for texts of classes: a text that is learned onward is divided at its end")
        return self

    @model_validator(mode="after")
    def _of_windows(self) -> "DataSource":
        if self.window is None:
            if self.order is not None:
                raise ValueError("`order` sorts the rows of windows: say `window 14`, or leave it out")
            return self
        if self.is_arrays:
            fix = "numpy.lib.stride_tricks.sliding_window_view makes them of rows"
            raise ValueError(f"`window` is of the rows of a table; the examples of arrays are windows already: {fix}")
        if self.text is not None or self.is_text:
            raise ValueError("`window` is of the rows of a table; of a text `text chars length=128` says how it is cut")
        if find(self.name) or not self.is_table:
            raise ValueError("`window` is of the rows of a table: name one, such as a .csv file, and `target COLUMN`")
        if self.target in {"label", "input"}:
            raise ValueError("`window` learns a column of the rows that follow: say which, `target NAME`")
        if self.resize or self.on_bad:
            raise ValueError("`resize` and `on_bad` are for pictures, and a window has numbers and categories")
        if self.window.last > self.window.first and isinstance(self.target, tuple) and len(self.target_names) > 1:
            raise ValueError("`ahead` is a range, which one column fills: name one in `target`, or one number of rows")
        return self

    @property
    def target_names(self) -> tuple[str, ...]:
        """What `target` names, without `log` behind it."""
        names = self.target_columns
        return names[:-1] if len(names) > 1 and names[-1] == "log" else names

    @model_validator(mode="after")
    def _of_text(self) -> "DataSource":
        if self.is_table:
            if self.streaming:
                raise ValueError("`streaming` is for pictures: leave it out")
            if self.test == 0:
                raise ValueError("a table needs rows for the test: say `test 20%`, or leave it out")
        elif not self.is_text:
            if self.target == "next":
                raise ValueError("`target next` is for a text: say `text chars` or `text words`")
            if self.test is not None and find(self.name):
                raise ValueError("`test` divides data of your own; this data has a test part of its own")
            if self.streaming == "on" and (find(self.name) or self.is_arrays):
                raise ValueError("`streaming on` is for folders and archives of pictures: other data is in memory")
            self._require_arrays()
        elif self.scale or self.normalize or self.augment or self.views or self.resize or self.on_bad or self.streaming:
            settings = "`scale`, `normalize`, `augment`, `views`, `resize`, `on_bad` and `streaming`"
            raise ValueError(f"a text is token numbers: {settings} are for images")
        elif self.target == "input":
            raise ValueError("a text is token numbers, not amounts: say `target next`")
        elif self.target == "next" and self.text is not None and self.text.whole:
            raise ValueError("`whole` gives each text its class, and `target next` learns none: keep one")
        elif self.has_classes_of_texts and self.test == 0:
            raise ValueError("texts are needed for the test: say `test 20%`, or leave it out")
        return self
