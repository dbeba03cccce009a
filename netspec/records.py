"""Floor 0: frozen dataclasses that are cheap to define.

For each class `dataclass(frozen=True)` writes six methods as text and compiles them. What a check of a spec imports has
eighty such classes, and a good tenth of its time went there. The methods of a record are written below, once for all.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as record

__all__ = ["record"]

if not TYPE_CHECKING:

    def record(*, frozen: Literal[True]) -> Callable[[type], type]:
        """Make a class a frozen dataclass: `@record(frozen=True)`; type checkers see `@dataclass(frozen=True)`."""
        assert frozen
        return _recorded


def _recorded(cls: type) -> type:
    made: Any = dataclass(init=False, repr=False, eq=False)(cls)
    assert len(fields(made)) == len(made.__dataclass_fields__), "class variables would count as fields"
    made.__init__ = _init
    made.__repr__ = _repr
    made.__eq__ = _eq
    made.__hash__ = _hash
    made.__setattr__ = _set
    made.__delattr__ = _delete
    compared = [name for name, field in made.__dataclass_fields__.items() if field.compare]
    # The values of these fields, of a record that it is called with; it is no function, so it does not become a method.
    made.__compared__ = attrgetter(*compared, "__class__")
    return cls


def _init(self: Any, /, *given: object, **named: object) -> None:
    known = self.__dataclass_fields__
    if named or len(given) != len(known):
        self.__dict__.update(_complete(self, given, named))
    else:
        self.__dict__.update(zip(known, given, strict=True))


def _complete(made: Any, given: tuple[object, ...], named: dict[str, object]) -> dict[str, object]:
    """Return the values given by their place and by name, and defaults for the others."""
    known, who = made.__dataclass_fields__, f"{type(made).__qualname__}()"
    values = dict(zip(known, given, strict=False))
    if len(given) > len(known):
        raise TypeError(f"{who} takes {len(known)} arguments but {len(given)} were given")
    for name in named:
        if name not in known:
            raise TypeError(f"{who} got an unexpected keyword argument {name!r}")
        if name in values:
            raise TypeError(f"{who} got multiple values for argument {name!r}")
    values.update(named)
    for name, field in known.items():
        if name in values:
            continue
        if field.default is not MISSING:
            values[name] = field.default
        elif field.default_factory is not MISSING:
            values[name] = field.default_factory()
        else:
            raise TypeError(f"{who} missing required argument {name!r}")
    return values


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name, field in self.__dataclass_fields__.items() if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: Any) -> bool:
    return self.__compared__(self) == self.__compared__(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(self.__compared__(self))


def _set(self: Any, name: str, value: object) -> None:
    del self, value
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: Any, name: str) -> None:
    del self
    raise FrozenInstanceError(f"cannot delete field {name!r}")
