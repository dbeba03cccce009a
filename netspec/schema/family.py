"""What a word is chosen from: the one list of the layers, of the optimizers …, by all their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo
    from pydantic.json_schema import JsonSchemaValue

    from netspec.schema.definition import Definition

__all__ = ["Family", "Lazy", "OneOf"]

_D = TypeVar("_D", bound="Definition")
_T = TypeVar("_T")


class Family(Mapping[str, type[_D]], Generic[_D]):
    """Definitions by name: every canonical name and alias → the class, which is imported when it is asked for.

    A spec names a handful of them, and a check pays for these alone. The names are at hand without their classes.

    Attributes:
        word: what an unknown member is called in an error: "unknown optimizer `adm`".
        kinds: the canonical names, in the order of the list.
        lines: the list itself: all names of a member, the canonical one first, → the class or where it is.
    """

    def __init__(self, word: str, members: Mapping[str, str | type[_D]], package: str = "") -> None:
        """List the members.

        Args:
            word: what one is called.
            members: names, the canonical one first, → the class, or where it is: `"conv.Conv"`.
            package: what those modules are in.

        Raises:
            ValueError: when two members claim the same name.
        """
        self.word = word
        self.lines, self._package = dict(members), package
        self._kind_of: dict[str, str] = {}
        self._classes: dict[str, type[_D]] = {}
        for names in members:
            kind, *_ = names.split()
            for name in names.split():
                if name in self._kind_of:
                    raise ValueError(f"{name!r} names both {self._kind_of[name]} and {kind}")
                self._kind_of[name] = kind
        self._places = {names.split()[0]: place for names, place in members.items()}
        self.kinds = tuple(self._places)

    def __getitem__(self, name: str) -> type[_D]:
        kind = self._kind_of[name]
        if kind not in self._classes:
            place = self._places[kind]
            if isinstance(place, str):
                # The places are those of the list above: no word of a spec or a file ever names a module.
                module, _, attribute = place.rpartition(".")
                place = getattr(import_module(f"{self._package}.{module}"), attribute)
            self._classes[kind] = place
        return self._classes[kind]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the class of a name, or the default; what goes wrong while it is imported is not hidden."""
        return self[name] if name in self._kind_of else default

    # As a mapping it would be compared, and then import everything.
    __eq__, __hash__ = object.__eq__, object.__hash__

    def __contains__(self, name: object) -> bool:
        return name in self._kind_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._kind_of)

    def __len__(self) -> int:
        return len(self._kind_of)

    def classes(self) -> tuple[type[_D], ...]:
        """Return all members, in the order of the list; imports them."""
        return tuple(self[kind] for kind in self.kinds)

    def canonical(self, name: str) -> str:
        """Return the canonical name of a name; raises KeyError where it is none."""
        return self._kind_of[name]

    def aliases(self, kind: str) -> tuple[str, ...]:
        """Return what else is understood as a canonical name."""
        return tuple(name for name, of in self._kind_of.items() if of == kind != name)

    def only(self, *kinds: str) -> Family[_D]:
        """Return the family of these members alone, in this order."""
        by_kind = {names.split()[0]: (names, place) for names, place in self.lines.items()}
        return Family(self.word, dict(by_kind[kind] for kind in kinds), self._package)


class OneOf:
    """Annotates a field that holds a member of a family, told apart by `kind`.

    A plain union would make Pydantic build the schemas of all members before it checks the first one; this looks the
    one class up, so that a spec pays for what it uses.
    """

    def __init__(self, family: Family[Any]) -> None:
        self.family = family

    def check(self, value: Any) -> Definition:
        """Return a member, from an instance or from its JSON form."""
        known = self.family.kinds
        said = isinstance(value, dict)
        # What has one kind only need not say it.
        kind = value.get("kind", known[0] if len(known) == 1 else None) if said else getattr(value, "kind", None)
        cls = self.family[kind] if kind in known else None
        if cls is None or not (said or isinstance(value, cls)):
            wanted = f"one of the kinds {', '.join(known)}" if len(known) > 1 else f"of the kind {known[0]}"
            found = f"is {kind!r}" if said and kind is not None else "says no kind" if said else "is no object"
            raise ValueError(f"must be {wanted}, and {found}")
        return cls.model_validate(value) if said else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        dump = core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True)
        return core_schema.no_info_plain_validator_function(self.check, serialization=dump)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del schema
        members = self.family.classes()
        for cls in members:
            cls.model_rebuild()
        schemas = [handler(cls.__pydantic_core_schema__) for cls in members]
        return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}


if TYPE_CHECKING:
    Lazy: TypeAlias = Annotated[_T, ...]
else:

    class Lazy:
        """`Lazy[Clip]` annotates a field that holds a `Clip`, whose schema is built when there is one to check.

        Pydantic builds the schema of a class with those of all classes in it, settings that no spec gives included.
        """

        def __class_getitem__(cls, definition: type[Definition]) -> Any:
            return Annotated[definition, OneOf(Family("word", {definition.canonical(): definition}))]


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
