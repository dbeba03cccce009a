"""Definitions: the fields of one class are its arguments in the language, their checks and their reference page."""

import types
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import Also, AlsoKeyed, Expects, ManyNames, Words

__all__ = ["Definition", "Parameter", "option", "parameters", "positional"]


class Definition(BaseModel):
    """A thing the language can name: a layer, an optimizer, an initializer … one class each.

    The fields, in order, are the arguments; `kind` is the name. Instances are frozen and equal by value.
    """

    # Schemas are built when first used: `netspec check` touches a handful of the classes only.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True, allow_inf_nan=False)

    aliases: ClassVar[tuple[str, ...]] = ()
    """What else it is called: the spellings of Caffe, Darknet, Keras and PyTorch."""
    inline: ClassVar[tuple[str, ...]] = ()
    """Of a command with a body: the arguments that stand on its own line only, and are no settings in the body."""
    later: ClassVar[tuple[str, ...]] = ()
    """Arguments that came after the format did: where they are the default they are not in the JSON, as before."""

    kind: str

    @model_serializer(mode="wrap")
    def _without_later(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = dump(self)
        left_out = {
            p.name for p in parameters(type(self)) if p.name in self.later and getattr(self, p.name) == p.default
        }
        return {name: value for name, value in fields.items() if name not in left_out} if left_out else fields

    @classmethod
    def canonical(cls) -> str:
        """The canonical name in the language."""
        return _canonical(cls)


@cache
def _canonical(cls: type[Definition]) -> str:
    return str(cls.model_fields["kind"].default)


def positional(description: str, default: Any = PydanticUndefined) -> Any:
    """Declare an argument that may stand without its key, in the order of declaration; defaults as for `option`."""
    return _field(default, description=description, json_schema_extra={"positional": True})


def option(default: Any, description: str) -> Any:
    """Declare an argument written `key=value`, or by its bare word where it is a choice.

    A class as the default stands for an instance of it.
    """
    return _field(default, description=description)


def _field(default: Any, **facts: Any) -> Any:
    return Field(default_factory=default, **facts) if isinstance(default, type) else Field(default, **facts)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a definition, as binding, help and docs see it.

    Attributes:
        field: Pydantic's own record of it.
        choices: bare word → value it stands for (literals and their other spellings, flags, entries of a registry).
        keyed: words that stand for a value behind the key only.
        members: the registry this argument is chosen from; empty for plain values.
        takes_words: any word or string will do, such as the name of a dataset.
        is_flag: `true` or `false`.
        is_whole: whole numbers only, or sizes of them.
        is_share: a number of at most 1, which may be written as `15%`.
        takes_names: all words and strings of its line, as many as there are.
    """

    name: str
    positional: bool
    required: bool
    field: FieldInfo
    description: str
    expects: str
    choices: Mapping[str, Any]
    keyed: Mapping[str, Any]
    members: Registry[Definition]
    takes_words: bool
    is_flag: bool
    is_whole: bool
    is_share: bool
    takes_names: bool = False

    @property
    def default(self) -> Any:
        """The value when the argument is left out; None where it is required."""
        return None if self.required else self.field.get_default(call_default_factory=True, validated_data={})


_NONE: Registry[Definition] = Registry("word", [])


@cache
def parameters(cls: type[BaseModel]) -> tuple[Parameter, ...]:
    """Return the arguments of a definition in the order of its fields."""
    return tuple(_parameter(name, info) for name, info in cls.model_fields.items() if name != "kind")


def _parameter(name: str, info: FieldInfo) -> Parameter:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    leaves = [*_leaves(info.annotation), *info.metadata]
    literals = {word: word for leaf in leaves if get_origin(leaf) is Literal for word in get_args(leaf)}
    also: dict[bool, dict[str, Any]] = {True: {}, False: {}}
    for leaf in leaves:
        if isinstance(leaf, Also):
            also[isinstance(leaf, AlsoKeyed)].update(leaf.spellings)
    members = next((leaf.registry for leaf in leaves if isinstance(leaf, OneOf)), _NONE)
    own = [leaf for leaf in leaves if isinstance(leaf, type) and issubclass(leaf, Definition)]
    if own and not members:
        members = Registry("word", own)
    flags = {name: True, f"no{name}": False} if bool in leaves else {}
    expects = next((leaf.text for leaf in leaves if isinstance(leaf, Expects)), "")
    if not expects:
        expects = _describe(leaves, [*literals, *members.names])
    words = next((leaf for leaf in leaves if isinstance(leaf, Words)), None)
    bare = {word: value for word, value in literals.items() if word not in also[True]}
    plain: dict[str, Any] = {**bare, **also[False], **flags} if words is None else words
    return Parameter(
        name=name,
        positional=bool(extra.get("positional")),
        required=info.is_required(),
        field=info,
        description=info.description or "",
        expects=expects,
        choices=ChainMap(members, plain) if members else plain,  # type: ignore[arg-type]  # which is only read
        keyed=also[True],
        members=members,
        takes_words=str in leaves,
        is_flag=bool in leaves,
        is_whole=not any(leaf is float or float in get_args(leaf) for leaf in leaves),
        is_share=float in leaves and any(_limit(fact) <= 1 for leaf in leaves for fact in _facts(leaf)),
        takes_names=any(isinstance(leaf, ManyNames) for leaf in leaves),
    )


def _facts(leaf: Any) -> list[Any]:
    """Return what an annotation says of a number: `Field(le=1)` in the pieces that Pydantic makes of it."""
    return list(leaf.metadata) if isinstance(leaf, FieldInfo) else [leaf]


def _limit(fact: Any) -> float:
    limit = getattr(fact, "le", getattr(fact, "lt", None))
    return limit if isinstance(limit, int | float) else inf


def _leaves(annotation: Any) -> list[Any]:
    """Flatten unions and annotations into the types and metadata they are made of."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        return [*_leaves(inner), *metadata]
    if origin in (Union, types.UnionType):
        return [leaf for part in get_args(annotation) for leaf in _leaves(part)]
    return [annotation]


def _describe(leaves: list[Any], words: list[str]) -> str:
    if words:
        return f"one of {', '.join(words)}"
    plain = {int: "a whole number", float: "a number", str: "a word or a string", bool: "`true` or `false`"}
    return next((plain[leaf] for leaf in leaves if leaf in plain), "a value")
