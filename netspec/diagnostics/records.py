"""Frozen dataclasses that are cheap to define.

For each class `dataclass(frozen=True)` writes six methods as text and compiles them: of the classes that a check of a
spec imports, that was a tenth of its time. A record has one of them compiled, its `__init__`; the others are here.
What inherits from a record is a record too, or nothing of its own.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: Literal[True]) -> Callable[[type], type]:
        """Make a class a frozen dataclass: `@record(frozen=True)`; type checkers see `@dataclass(frozen=True)`."""
        assert frozen
        return _recorded


def _recorded(cls: type) -> type:
    # What a class says itself of these would be lost.
    assert not {"__eq__", "__hash__", "__setattr__", "__delattr__"} & set(vars(cls)), cls
    made: Any = dataclass(repr=False, eq=False)(cls)
    if "__repr__" not in vars(cls):
        made.__repr__ = _repr
    made.__eq__, made.__hash__ = _eq, _hash
    made.__setattr__, made.__delattr__ = _set, _delete
    compared = [name for name, field in made.__dataclass_fields__.items() if field.compare]
    # The values of these fields, of a record that it is called with; it is no function, so it does not become a method.
    made.__compared__ = attrgetter(*compared, "__class__")
    return cls


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name, field in self.__dataclass_fields__.items() if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: Any) -> bool:
    if type(other) is not type(self):
        return NotImplemented
    compared = self.__compared__
    return bool(compared(self) == compared(other))


def _hash(self: Any) -> int:
    return hash(self.__compared__(self))


def _set(self: Any, name: str, value: object) -> None:
    # `__init__` sets each field, once.
    if name in self.__dict__ or name not in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    self.__dict__[name] = value


def _delete(self: Any, name: str) -> None:
    del self
    raise FrozenInstanceError(f"cannot delete field {name!r}")
