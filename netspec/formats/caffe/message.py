"""A message of protocol buffers, of either form: its fields by name, each with all its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.formats.reading import Place

__all__ = ["Message"]


@dataclass(eq=False, slots=True)
class Message:
    """One message.

    Attributes:
        type: its name in the schema.
        place: where it stands.
        fields: all values of each field, in the order of the file.
    """

    type: str
    place: Place
    fields: dict[str, list[Any]] = field(default_factory=dict)

    def all(self, name: str) -> Sequence[Any]:
        """Return all values of a field."""
        return self.fields.get(name, ())

    def get(self, name: str, default: Any = None) -> Any:
        """Return the last value of a field, as protocol buffers have it, or the default."""
        found = self.fields.get(name)
        return found[-1] if found else default

    def part(self, name: str, kind: str) -> Message:
        """Return a message within this one; an empty one where it is not there."""
        found = self.get(name)
        return found if isinstance(found, Message) else Message(kind, self.place)

    def __contains__(self, name: object) -> bool:
        return name in self.fields
