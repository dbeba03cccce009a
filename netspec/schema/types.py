"""Types of arguments: sizes, ranges, positive numbers …, each with its check and its words for an error message."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

__all__ = [
    "LARGEST",
    "LARGEST_FLOAT",
    "SMALLEST_FLOAT",
    "Also",
    "AlsoKeyed",
    "Amount",
    "Amount2",
    "Axes",
    "CausalPadding",
    "Expects",
    "Float",
    "Fraction",
    "ManyNames",
    "Name",
    "Names",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Order",
    "Padding",
    "Part",
    "PositiveFloat",
    "PositiveInt",
    "Range",
    "Ratios",
    "Shape",
    "Shares",
    "Size",
    "Size2",
    "Words",
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

    def __init__(self, **spellings: str | bool | None) -> None:
        self.spellings = spellings


class Words(dict[str, str]):
    """Annotates what is chosen by a word of some form: the words of it that are known, and any other that matches."""

    def __init__(self, known: Iterable[str], pattern: str) -> None:
        super().__init__({word: word for word in known})
        self.pattern = re.compile(pattern)

    def __hash__(self) -> int:  # type: ignore[override]  # what annotates a type is hashed with it
        return id(self)

    def get(self, word: str, default: Any = None) -> Any:
        """Return what a word stands for, itself; else the default."""
        return word if word in self else default

    def __contains__(self, word: object) -> bool:
        return super().__contains__(word) or (isinstance(word, str) and self.pattern.fullmatch(word) is not None)


class ManyNames:
    """Annotates what takes all words and strings of its line: names from the data."""


class AlsoKeyed(Also):
    """Annotates with words that are understood behind the key alone, and that names may have elsewhere."""


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


def _require_within(value: tuple[float, float], *, low: float, high: float) -> tuple[float, float]:
    if not (low <= value[0] and value[1] <= high):
        raise ValueError(f"the range must lie within {low:g}..{high:g}")
    return value


def _within(low: float, high: float) -> AfterValidator:
    """Return the check that a range lies within another one."""
    return AfterValidator(partial(_require_within, low=low, high=high))


_Positive = Annotated[int, Field(gt=0, le=LARGEST)]
_NonNegative = Annotated[int, Field(ge=0, le=LARGEST)]
# Two numbers, which mean every axis of positions where they are equal, or the three of a volume.
_Sizes = Annotated[tuple[_Positive, ...], Field(min_length=2, max_length=3)]
_Amounts = Annotated[tuple[_NonNegative, ...], Field(min_length=2, max_length=3)]

PositiveInt = Annotated[int, Field(gt=0, le=LARGEST), Expects("a positive whole number")]
NonNegativeInt = Annotated[int, Field(ge=0, le=LARGEST), Expects("a whole number, 0 or more")]
PositiveFloat = Annotated[
    float, Field(ge=SMALLEST_FLOAT, le=LARGEST_FLOAT, allow_inf_nan=False), Expects("a positive number")
]
NonNegativeFloat = Annotated[float, Field(ge=0, le=LARGEST_FLOAT, allow_inf_nan=False), Expects("a number, 0 or more")]
Float = Annotated[float, Field(ge=-LARGEST_FLOAT, le=LARGEST_FLOAT, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1), Expects("a number from 0 up to, but not including, 1")]
Part = Annotated[
    _NonNegative | Annotated[float, Field(gt=0, lt=1)], Expects("a number of examples, or a share such as 15%")
]
# Quotes and control characters would end the string that a name is written as.
Name = Annotated[str, Field(pattern=r'^[^"\x00-\x1f\x7f]+$', max_length=1000)]
Names = Annotated[
    Annotated[tuple[Name, ...], Field(strict=False)], ManyNames(), Expects("names of columns, one after the other")
]
Size2 = Annotated[
    tuple[_Positive, _Positive],
    BeforeValidator(_size),
    Expects("a size such as 3 or 3x5 (height x width), each positive"),
]
Size = Annotated[
    _Sizes,
    BeforeValidator(_size),
    Expects("a size such as 3, 3x5 (height x width) or 3x5x5 (with depth), each positive"),
]
Amount2 = Annotated[
    tuple[_NonNegative, _NonNegative],
    BeforeValidator(_size),
    Expects("an amount such as 1 or 1x2 (rows x columns), each 0 or more"),
]
Amount = Annotated[
    _Amounts,
    BeforeValidator(_size),
    Expects("an amount such as 1, 1x2 (rows x columns) or 0x1x2 (with depth), each 0 or more"),
]
Order = Annotated[
    tuple[_NonNegative, ...],
    Field(min_length=1, max_length=4),
    BeforeValidator(_axes),
    Expects("an order of the axes such as 1x2x0, counted from 0"),
]
Padding = Annotated[
    Literal["valid", "same"] | _Amounts,
    BeforeValidator(_padding),
    Expects("`same`, `valid`, or a size such as 1, 1x2 or 0x1x1"),
]
CausalPadding = Annotated[
    Literal["valid", "same", "causal"] | _Amounts,
    BeforeValidator(_padding),
    Expects("`same`, `valid`, `causal`, or a size such as 1, 1x2 or 0x1x1"),
]
Range = Annotated[
    tuple[float, float], BeforeValidator(_range), Expects("a range such as -1..1, the smaller number first")
]
Shares = Annotated[
    tuple[float, float],
    BeforeValidator(_range),
    _within(0.0001, 1),
    Expects("a range of shares such as 0.25..1, above 0 and at most 1"),
]
Ratios = Annotated[
    tuple[float, float],
    BeforeValidator(_range),
    _within(0.01, 100),
    Expects("a range of ratios such as 0.75..1.33, within 0.01..100"),
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
