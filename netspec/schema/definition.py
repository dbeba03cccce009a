"""What a definition is: the fields of one class are its signature, its check and its docs."""

import types
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import (
    Annotated,
    Any,
    ClassVar,  # noqa: F401  (in comments, see _Said)
    Literal,
    Union,
    get_args,
    get_origin,
)

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from netspec.schema.family import Family, OneOf

__all__ = [
    "LARGEST",
    "LARGEST_FLOAT",
    "SMALLEST_FLOAT",
    "Also",
    "AlsoKeyed",
    "Amount",
    "Axes",
    "Definition",
    "Expects",
    "Float",
    "Fraction",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Order",
    "Padding",
    "Parameter",
    "PositiveFloat",
    "PositiveInt",
    "Range",
    "Shape",
    "Size2",
    "option",
    "parameters",
    "positional",
]

# Far above every real network, far below what would overflow when sizes are multiplied.
LARGEST = 10**9

# What float32 holds to all its digits, 0 aside: what is computed with must not become 0 or infinite there.
SMALLEST_FLOAT, LARGEST_FLOAT = 2.0**-126, (2 - 2.0**-23) * 2.0**127


@dataclass(frozen=True, slots=True)
class Expects:
    """What a value of a type is, in the words of an error message: "a positive whole number"."""

    text: str


class Also:
    """Annotates what is chosen by words with other spellings of them: `Also(bf16="bfloat16")`."""

    def __init__(self, **spellings: str | bool) -> None:
        self.spellings = spellings


class AlsoKeyed(Also):
    """Annotates with words that are understood behind the key alone, and that names may have elsewhere."""


class _Said:
    """What a definition says of itself beside its fields.

    The types stand in comments: Pydantic reads the annotations of all ancestors anew for each class, which took a tenth
    of a check.
    """

    inline = ()  # type: ClassVar[tuple[str, ...]]
    """Of a command with a body: the arguments that stand on its own line only, and are no settings in the body."""


class Definition(BaseModel, _Said):
    """A thing the language can name: a layer, an optimizer, an initializer … one class each.

    The fields, in order, are the arguments; `kind` is the name. Instances are frozen and equal by value.
    """

    # Schemas are built when first used: `netspec check` touches a handful of the classes only.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True, allow_inf_nan=False)

    kind: str

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

    A class as the default stands for an instance of it, made when it is first needed: importing stays quick.
    """
    return _field(default, description=description)


def _field(default: Any, **facts: Any) -> Any:
    if isinstance(default, type):
        # A default is right as it is, which a test checks: to validate it would build the schema of its class.
        return Field(default_factory=default.model_construct, **facts)  # type: ignore[attr-defined]
    return Field(default, **facts)


def _size(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else _tuple(value)


def _tuple(value: Any) -> Any:
    # JSON has lists where Python has tuples.
    return tuple(value) if isinstance(value, list) else value


def _axes(value: Any) -> Any:
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else _tuple(value)


def _padding(value: Any) -> Any:
    return value if isinstance(value, str) else _size(value)


def _range(value: Any) -> Any:
    value = _tuple(value)
    if isinstance(value, tuple) and len(value) == 2 and all(type(v) in {int, float} for v in value):
        low, high = float(value[0]), float(value[1])
        if not -inf < low < high < inf:
            raise ValueError("the first number must be the smaller")
        if max(-low, high) > LARGEST_FLOAT:
            raise ValueError("float32 holds no numbers of this size")
        return (low, high)
    return value


_Positive = Annotated[int, Field(gt=0, le=LARGEST)]
_NonNegative = Annotated[int, Field(ge=0, le=LARGEST)]

PositiveInt = Annotated[int, Field(gt=0, le=LARGEST), Expects("a positive whole number")]
NonNegativeInt = Annotated[int, Field(ge=0, le=LARGEST), Expects("a whole number, 0 or more")]
PositiveFloat = Annotated[
    float, Field(ge=SMALLEST_FLOAT, le=LARGEST_FLOAT, allow_inf_nan=False), Expects("a positive number")
]
NonNegativeFloat = Annotated[float, Field(ge=0, le=LARGEST_FLOAT, allow_inf_nan=False), Expects("a number, 0 or more")]
Float = Annotated[float, Field(ge=-LARGEST_FLOAT, le=LARGEST_FLOAT, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1), Expects("a number from 0 up to, but not including, 1")]
Size2 = Annotated[
    tuple[_Positive, _Positive],
    BeforeValidator(_size),
    Expects("a size such as 3 or 3x5 (height x width), each positive"),
]
Amount = Annotated[
    tuple[_NonNegative, _NonNegative],
    BeforeValidator(_size),
    Expects("an amount such as 1 or 1x2 (rows x columns), each 0 or more"),
]
Order = Annotated[
    tuple[_NonNegative, ...],
    Field(min_length=1, max_length=4),
    BeforeValidator(_axes),
    Expects("an order of the axes such as 1x2x0, counted from 0"),
]
Padding = Annotated[
    Literal["valid", "same"] | tuple[_NonNegative, _NonNegative],
    BeforeValidator(_padding),
    Expects("`same`, `valid`, or a size such as 1 or 1x2"),
]
Range = Annotated[
    tuple[float, float], BeforeValidator(_range), Expects("a range such as -1..1, the smaller number first")
]
Shape = Annotated[
    tuple[_Positive, ...],
    Field(min_length=1, max_length=4),
    BeforeValidator(_tuple),
    Expects("a shape such as 1x28x28"),
]
Axes = Annotated[
    tuple[_Positive, ...],
    Field(min_length=1, max_length=4),
    BeforeValidator(_axes),
    Expects("a shape such as 1x28x28 or 784"),
]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a definition, as binding, help and docs see it.

    Attributes:
        field: Pydantic's own record of it.
        choices: bare word → value it stands for (literals and their other spellings, flags, members of a family).
        keyed: words that stand for a value behind the key only.
        members: the family this argument is chosen from; empty for plain values.
        takes_words: any word or string will do, such as the name of a dataset.
        is_flag: `true` or `false`.
    """

    name: str
    positional: bool
    required: bool
    field: FieldInfo
    description: str
    expects: str
    choices: Mapping[str, Any]
    keyed: Mapping[str, Any]
    members: Family[Definition]
    takes_words: bool
    is_flag: bool

    @property
    def default(self) -> Any:
        """The value when the argument is left out; None where it is required."""
        return None if self.required else self.field.get_default(call_default_factory=True, validated_data={})


_NONE: Family[Definition] = Family("word", {})


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
    members = next((leaf.family for leaf in leaves if isinstance(leaf, OneOf)), _NONE)
    flags = {name: True, f"no{name}": False} if bool in leaves else {}
    expects = next((leaf.text for leaf in leaves if isinstance(leaf, Expects)), "")
    if not expects:
        expects = _describe(leaves, [*literals, *members.kinds])
    plain: dict[str, Any] = {**literals, **also[False], **flags}
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
    )


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
