"""What a request gives, as the network takes it, and what is wrong with any kind of it."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.data.types import Arrays
from netspec.diagnostics.diagnostic import listing
from netspec.serving.errors import RequestError
from netspec.serving.served import Served

__all__ = ["NAME", "Given", "require_few", "wrong_type"]

NAME = "the request"
"""What messages call the examples."""


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """The examples of a request, as the network takes them.

    Attributes:
        array: (N, …); of several inputs each by its name.
        framed: of each example the dataset as whose images it was framed; empty where it was left as it is.
        notes: what the client should know.
        words: those of each sentence, of a model that gives each word a label; None of others.
    """

    array: Arrays
    framed: tuple[str, ...]
    notes: tuple[str, ...]
    words: tuple[tuple[str, ...], ...] | None = None

    def __len__(self) -> int:
        return len(self.framed)


def require_few(served: Served, count: int) -> None:
    """Raise RequestError where there are more examples than a request may have."""
    if count > served.most_examples:
        message = f"{NAME} has {count:,} examples"
        raise RequestError(413, message, f"{served.most_examples:,} are the most: send several requests")


def wrong_type(media: str, served: Served) -> RequestError:
    """Return that a model does not read bodies of such a type."""
    fix = f"say what it is by its Content-Type: {listing(['application/json', *served.media], 'or')}"
    return RequestError(415, f"a body of the type {media[:100]!r} is not what the model reads", fix)
