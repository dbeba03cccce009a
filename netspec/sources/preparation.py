"""What is fitted to the training part of some data, and travels in the model: it prepares what is predicted later."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from netspec.sources.draws import Rule
from netspec.sources.tables.preparation import TablePreparation
from netspec.sources.texts.vocabulary import Vocabulary

__all__ = ["Preparation"]


class Preparation(BaseModel):
    """How examples of a user's data become numbers, beyond what the spec says.

    Attributes:
        vocabulary: what the token numbers of a text stand for.
        table: how the rows of a table become numbers.
        resize: how pictures of files get the size of the input; None where it learned from none.
        mask_values: the value that each class has in masks; none where the values are the classes.
        draw: the rule by which shares of the data were drawn; the first where an earlier netspec did not say it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    vocabulary: Vocabulary | None = None
    table: TablePreparation | None = None
    resize: Literal["crop", "center", "fit", "stretch"] | None = None
    mask_values: Annotated[tuple[int, ...], Field(strict=False)] = ()
    draw: Rule = 1
