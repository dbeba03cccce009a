"""How the rows of a table become numbers: what is fitted to its training part, and travels in the model."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from netspec.sources.tables.amounts import WithAmount
from netspec.sources.texts.vocabulary import Vocabulary

__all__ = ["Feature", "TableInput", "TablePreparation", "TargetColumn", "Windows"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Feature(WithAmount):
    """How one column becomes numbers.

    A number is standardized; one that is missing becomes the mean, and a further number says so where some of the
    training part are missing. A boolean is 0 or 1, a missing one likewise. A category is one-hot: one that is not among
    the levels is none of them, all zeros; a missing one is a level of its own where some of the training part are
    missing.

    Attributes:
        column: its name.
        kind: what it holds.
        mean: of the training part.
        std: by which a number is divided.
        levels: of a category.
        missing: whether some of the training part are missing.
    """

    model_config = _FROZEN

    column: str
    kind: Literal["number", "boolean", "category"]
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0
    levels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    missing: bool = False

    @property
    def width(self) -> int:
        """How many numbers it becomes."""
        return (len(self.levels) if self.kind == "category" else 1) + self.missing

    @property
    def tokens(self) -> int:
        """Of a category how many tokens there are: its levels, a missing one, and one for all that are unknown."""
        return len(self.levels) + self.missing + 1


class Windows(BaseModel):
    """Which rows of a table are an example together, and which one has its target.

    Attributes:
        length: how many rows an example is.
        first: how many rows after its last one the target stands.
        last: likewise the last of several targets, which stand one after the other.
        order: the column by which rows follow each other; empty where they do as they stand.
        group: the column that tells several series apart; empty where there is one.
        day_first: whether the day stands before the month in dates that end in the year; None where nothing says it.
    """

    model_config = _FROZEN

    length: Annotated[int, Field(gt=0)]
    first: Annotated[int, Field(ge=0)] = 1
    last: Annotated[int, Field(ge=0)] = 1
    order: str = ""
    group: str = ""
    day_first: bool | None = None

    @property
    def ahead(self) -> range:
        """How many rows ahead each target stands."""
        return range(self.first, self.last + 1)


class TableInput(BaseModel):
    """What one input of the network reads.

    Attributes:
        form: numbers in a row, the token of one category, those of a text, or the picture in a file.
        features: the columns; of a text or a picture none.
        text: the column of a text, or of the names of pictures.
        vocabulary: of a text: token 0 is padding, the others follow.
        length: of a text, in tokens.
        size: of a picture: channels, height and width.
        window: how many rows are read, one after the other; 0 where an example is one row.
    """

    model_config = _FROZEN

    form: Literal["numbers", "category", "text", "picture"] = "numbers"
    features: Annotated[tuple[Feature, ...], Field(strict=False)] = ()
    text: str = ""
    vocabulary: Vocabulary | None = None
    length: int = 0
    size: Annotated[tuple[int, ...], Field(strict=False)] = ()
    window: Annotated[int, Field(ge=0)] = 0

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # An older netspec reads what does not say them.
        fields: dict[str, Any] = dump(self)
        return {name: value for name, value in fields.items() if value or name not in {"size", "window"}}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return (self.text,) if self.form in {"text", "picture"} else tuple(feature.column for feature in self.features)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        if self.form == "picture":
            return self.size
        width = {"numbers": sum(f.width for f in self.features), "category": 1, "text": self.length}[self.form]
        if not self.window:
            return (width,)
        return (self.window,) if self.form == "category" else (width, self.window)

    @property
    def tokens(self) -> int | None:
        """How many tokens there are; None where it is numbers."""
        if self.form == "category":
            return self.features[0].tokens
        return len(self.vocabulary) + 1 if self.vocabulary else None


class TargetColumn(WithAmount):
    """What one target is.

    Attributes:
        column: its name.
        classes: their names; none where it is a number.
        mean: of the training part, which is subtracted from a number.
        std: by which it is then divided.
        log: whether its logarithm is learned, which is taken first.
    """

    model_config = _FROZEN

    column: str
    classes: Annotated[tuple[str, ...], Field(strict=False)] = ()
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0
    log: bool = False

    def learned(self, value: float) -> float:
        """Return a number as it is learned."""
        return ((log(value) if self.log else value) - self.mean) / self.std

    def in_unit(self, value: float) -> float:
        """Return what was learned in the unit of the column."""
        value = value * self.std + self.mean
        return exp(value) if self.log else value


class TablePreparation(BaseModel):
    """How the rows of a table become what a network reads and is compared with.

    Attributes:
        inputs: by the names of the network's inputs.
        targets: the columns that are learned.
        texts: whether each row was a text in a file, and its class the folder.
        windows: which rows are an example together; None where each is one.
    """

    model_config = _FROZEN

    inputs: Mapping[str, TableInput]
    targets: Annotated[tuple[TargetColumn, ...], Field(strict=False)] = ()
    texts: bool = False
    windows: Windows | None = None

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # An older netspec reads what does not say them.
        fields: dict[str, Any] = dump(self)
        return {name: value for name, value in fields.items() if value or name not in {"texts", "windows"}}

    @property
    def text_column(self) -> str:
        """The column of texts that alone is read; empty where others are read too, or none of texts is."""
        only = next(iter(self.inputs.values())) if len(self.inputs) == 1 else None
        return only.text if only is not None and only.form == "text" else ""

    @model_validator(mode="after")
    def _some(self) -> TablePreparation:
        if not self.inputs:
            raise ValueError("nothing is read")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, each once."""
        return tuple(dict.fromkeys(column for given in self.inputs.values() for column in given.columns))

    @property
    def pictures(self) -> tuple[str, ...]:
        """The columns of picture files that are read."""
        return tuple(given.text for given in self.inputs.values() if given.form == "picture")

    @property
    def is_picture(self) -> bool:
        """Whether a picture alone is an example."""
        return [given.form for given in self.inputs.values()] == ["picture"]

    def target(self, column: str) -> TargetColumn | None:
        """Return the target of a name; None where there is none."""
        return next((target for target in self.targets if target.column == column), None)
