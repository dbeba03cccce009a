"""What is fitted to the training part of some data, and travels in the model: it prepares what is predicted later."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from netspec.sources.table_preparation import TablePreparation
from netspec.sources.vocabulary import Vocabulary

__all__ = ["Preparation"]


class Preparation(BaseModel):
    """How examples of a user's data become numbers, beyond what the spec says.

    Attributes:
        vocabulary: what the token numbers of a text stand for.
        table: how the rows of a table become numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    vocabulary: Vocabulary | None = None
    table: TablePreparation | None = None
