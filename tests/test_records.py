"""Records are frozen dataclasses: each answer is that of `dataclass(frozen=True)`."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from netspec.diagnostics.records import record


@record(frozen=True)
class Base:
    """A class that others add to."""

    a: int


@record(frozen=True)
class Ours(Base):
    """One of everything."""

    b: str = "b"
    c: tuple[float, ...] = ()
    d: list[int] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True)
class _Base:
    a: int


@dataclass(frozen=True)
class Theirs(_Base):
    """The same, by the standard library."""

    b: str = "b"
    c: tuple[float, ...] = ()
    d: list[int] = field(default_factory=list, compare=False, repr=False)


ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, "x"), {"d": [3]}),
    ((1, "x"), {"d": [4]}),
    ((), {"a": 2, "c": (0.5, 1.0)}),
    ((1.0,), {}),
]


@pytest.mark.parametrize(("positional", "named"), ARGUMENTS)
def test_text_hash_and_fields(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = Ours(*positional, **named), Theirs(*positional, **named)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert hash(ours) == hash(Ours(*positional, **named))
    assert asdict(ours) == asdict(theirs)
    assert [f.name for f in fields(ours)] == ["a", "b", "c", "d"]
    assert asdict(replace(ours, b="new")) == asdict(replace(theirs, b="new"))
    assert Ours.__match_args__ == Theirs.__match_args__


def test_equal_are_those_that_the_standard_library_calls_equal() -> None:
    for p, n in ARGUMENTS:
        for q, m in ARGUMENTS:
            assert (Ours(*p, **n) == Ours(*q, **m)) == (Theirs(*p, **n) == Theirs(*q, **m))
    assert Ours(1) != Base(1)
    assert Ours(1) != Theirs(1)
    assert Ours(float("nan")) != Ours(float("nan"))


@pytest.mark.parametrize("name", ["a", "d", "nosuch", "__doc__"])
def test_nothing_of_it_can_be_changed(name: str) -> None:
    ours, theirs = Ours(1), Theirs(1)
    for one in (ours, theirs):
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(one, name, 5)
        with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
            delattr(one, name)
    assert asdict(ours) == asdict(theirs)


@pytest.mark.parametrize(
    ("positional", "named", "message"),
    [
        ((), {}, "missing"),
        ((1,), {"z": 2}, "unexpected keyword argument 'z'"),
        ((1,), {"a": 2}, "multiple values for argument 'a'"),
        ((1, "b", (), [], 5), {}, "takes"),
    ],
)
def test_wrong_arguments_are_errors(positional: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError, match=message):
            kind(*positional, **named)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_are_equal(again: Any) -> None:
    one = Ours(1, c=(2.0,))
    assert again(one) == one
    assert again(one) is not one


def test_methods_of_its_own_are_refused_where_they_would_be_lost() -> None:
    with pytest.raises(AssertionError):

        @record(frozen=True)
        class Shown:
            """With a text of its own."""

            a: int

            def __hash__(self) -> int:
                return 0


def test_a_text_of_its_own_is_kept() -> None:
    @record(frozen=True)
    class Shown:
        """With a text of its own."""

        a: int

        def __repr__(self) -> str:
            return "shown"

    assert repr(Shown(1)) == "shown"
    assert Shown(1) == Shown(1)
