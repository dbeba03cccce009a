"""Registries: the layers, the optimizers …, each class found by any of its names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo
    from pydantic.json_schema import JsonSchemaValue

    from netspec.schema.definition import Definition

__all__ = ["OneOf", "Registry"]

_D = TypeVar("_D", bound="Definition")


class Registry(Mapping[str, type[_D]], Generic[_D]):
    """Definitions by name: every canonical name and alias → its class.

    Attributes:
        word: what an unknown entry is called in an error: "unknown optimizer `adm`".
        entries: the classes, in the order of the reference pages.
        names: their canonical names, in the same order.
    """

    def __init__(self, word: str, entries: Sequence[type[_D]]) -> None:
        """Register classes.

        Args:
            word: what one is called.
            entries: the classes; each says its canonical name and its aliases itself.

        Raises:
            ValueError: when two classes claim the same name.
        """
        self.word, self.entries = word, tuple(entries)
        self.names = tuple(cls.canonical() for cls in self.entries)
        self._by_name: dict[str, type[_D]] = {}
        for cls in self.entries:
            for name in (cls.canonical(), *cls.aliases):
                if name in self._by_name:
                    raise ValueError(f"{name!r} names both {self._by_name[name].canonical()} and {cls.canonical()}")
                self._by_name[name] = cls

    def __getitem__(self, name: str) -> type[_D]:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def canonical(self, name: str) -> str:
        """Return the canonical name of a name; raises KeyError where it is none."""
        return self[name].canonical()

    def only(self, *names: str) -> Registry[_D]:
        """Return the registry of these entries alone, in this order."""
        return Registry(self.word, [self[name] for name in names])


class OneOf:
    """Annotates a field that holds an entry of a registry, told apart by `kind`.

    A plain union would make Pydantic build the schemas of all entries before it checks the first one; this looks the
    one class up, so that a spec pays for what it uses.
    """

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def check(self, value: Any) -> Definition:
        """Return an entry, from an instance or from its JSON form."""
        known = self.registry.names
        is_json = isinstance(value, dict)
        kind = value.get("kind") if is_json else getattr(value, "kind", None)
        cls = self.registry[kind] if kind in known else None
        if cls is None or not (is_json or isinstance(value, cls)):
            found = f"is {kind!r}" if is_json and kind is not None else "says no kind" if is_json else "is no object"
            raise ValueError(f"must be one of the kinds {', '.join(known)}, and {found}")
        return cls.model_validate(value) if is_json else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        dump = core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True)
        return core_schema.no_info_plain_validator_function(self.check, serialization=dump)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del schema
        for cls in self.registry.entries:
            cls.model_rebuild()
        return {"oneOf": [handler(cls.__pydantic_core_schema__) for cls in self.registry.entries]}


def _dump(value: Definition, info: SerializationInfo) -> dict[str, Any]:
    return value.model_dump(
        mode=info.mode,
        include=info.include,  # type: ignore[arg-type]  # the same, under another name
        exclude=info.exclude,  # type: ignore[arg-type]
        by_alias=info.by_alias,
        exclude_unset=info.exclude_unset,
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
        round_trip=info.round_trip,
    )
