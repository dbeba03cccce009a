"""What expressions stand for: numbers, quantities, sizes, ranges, and whole-number arithmetic over names."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics.diagnostic import Source
from netspec.elaborate.evaluate import Percent, ValueProblem, evaluate
from netspec.syntax.parser import parse

SCOPE = {"w": 64, "k": (5, 5), "r": 0.5, "s": "text", "zero": 0, "big": 10**17}


def value(text: str, scope: dict[str, Any] = SCOPE) -> Any:
    (command,) = parse(Source("t.net", f"c {text}")).commands
    return evaluate(command.arguments[0].value, scope)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", 20),
        ("-20", -20),
        ("--20", 20),
        ("0.5", 0.5),
        ("-1e-3", -0.001),
        ("1e3", 1000.0),
        ('"a b"', "a b"),
        ("100k", 100_000),
        ("5K", 5_000),
        ("2M", 2_000_000),
        ("1G", 10**9),
        ("1T", 10**12),
        ("64B", 64),
        ("64kB", 64_000),
        ("1KiB", 1024),
        ("64MiB", 64 * 2**20),
        ("2GiB", 2 * 2**30),
        ("1Ti", 2**40),
        ("5x5", (5, 5)),
        ("(w)x(w//2)", (64, 32)),
        ("-1..1", (-1.0, 1.0)),
        ("0..0.5", (0.0, 0.5)),
        ("w", 64),
        ("k", (5, 5)),
        ("r", 0.5),
        ("s", "text"),
        ("(w)", 64),
        # The largest numbers that there are.
        ("(big*10)", 10**18),
        ("(0-big*10)", -(10**18)),
        ("(w*2+1)", 129),
        ("(1+2*3)", 7),
        ("((1+2)*3)", 9),
        ("(7-2-1)", 4),
        ("(7//2)", 3),
        ("(-7//2)", -4),
        ("(7%3)", 1),
        ("(8/4)", 2),
        ("(-(w))", -64),
        ("-(w)", -64),
        ("(7/2)", 3.5),
        ("(r*2)", 1),
        ("(r*3)", 1.5),
        ("(r*2)x3", (1, 3)),
        ("(1+k)", (6, 6)),
        ("(k*2x3)", (10, 15)),
        ("(0.1+0.2)", 0.3),
        ("(7.5//2)", 3),
        ("(1k*2)", 2000),
        ("15%", 0.15),
        ("(w>3)", True),
        ("(not w>3 or w==64)", True),
        ('(s=="text")', True),
        ("(k!=5x5)", False),
    ],
)
def test_value(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected) or isinstance(found, Percent)


@pytest.mark.parametrize(
    ("text", "code", "column", "message"),
    [
        ("(wide)", "E0210", 4, "no `let` is named `wide`"),
        ("f(1)", "E0207", 3, "`f(…)` makes no sense here"),
        ("(1/0)", "E0212", 4, "division by zero"),
        ("(1//zero)", "E0212", 4, "division by zero"),
        ("(1%0)", "E0212", 4, "division by zero"),
        ("(7/2)x3", "E0212", 4, "7 / 2 is not a whole number"),
        ("(r*3)x3", "E0212", 4, "`(r * 3)` is 1.5, not a whole number"),
        ("(k+2x3x4)", "E0212", 4, "sizes of 2 and 3 numbers"),
        ("(1+s)", "E0212", 6, "arithmetic needs numbers"),
        ("(r)x5", "E0212", 3, "0.5 is not one"),
        ("(k)x5", "E0212", 3, "arithmetic needs numbers"),
        ("(big*big)", "E0212", 4, "too large"),
        ("(big*10+1)", "E0212", 4, "too large"),
        ("(0-big*99)", "E0212", 6, "too large"),
        ("-(k)", "E0212", 4, "arithmetic needs numbers"),
        ("(s)..1", "E0212", 3, "arithmetic needs numbers"),
    ],
)
def test_no_value(text: str, code: str, column: int, message: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        value(text)
    assert caught.value.code == code
    assert caught.value.span.column == column
    assert message in caught.value.message


def test_a_near_name_is_proposed() -> None:
    with pytest.raises(ValueProblem) as caught:
        value("(widht)", {"width": 3})
    assert caught.value.fix == "did you mean `width`?"


@pytest.mark.parametrize("text", ["9" * 5000 + "k", "0.." + "9" * 400 + "k"])
def test_long_quantities_are_an_error_like_long_numbers(text: str) -> None:
    from netspec.diagnostics.diagnostic import SpecError  # noqa: PLC0415

    with pytest.raises((ValueProblem, SpecError)):
        value(text)


_PYTHON = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod}


@given(
    st.recursive(
        st.integers(-50, 50).map(lambda n: (f"({n})", n)),
        lambda inner: st.builds(
            lambda a, o, b: (
                f"({a[0]} {o} {b[0]})",
                None if None in (a[1], b[1]) or (o in "//%" and b[1] == 0) else _PYTHON[o](a[1], b[1]),
            ),
            inner,
            st.sampled_from(list(_PYTHON)),
            inner,
        ),
        max_leaves=6,
    )
)
def test_arithmetic_is_that_of_whole_numbers(case: tuple[str, int | None]) -> None:
    text, expected = case
    if expected is None or abs(expected) > 10**18:
        with pytest.raises(ValueProblem):
            value(text)
    else:
        assert value(text) == expected
