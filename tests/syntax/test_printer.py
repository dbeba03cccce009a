"""AST to text: text → AST → text → AST is the identity, over generated trees and over the shipped specs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics.diagnostic import Source, Span
from netspec.diagnostics.visible import visible
from netspec.syntax import ast
from netspec.syntax.parser import parse
from netspec.syntax.printer import print_commands, print_value
from netspec.system.resources import specs_folder

SPECS = sorted(specs_folder().rglob("*.net"))


def commands(text: str) -> tuple[ast.Command, ...]:
    return parse(Source("t.net", text)).commands


def value(text: str) -> ast.Value:
    return commands(f"c {text}")[0].arguments[0].value


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("conv   20 5x5\trelu", "conv 20 5x5 relu\n"),
        ("a;b", "a\nb\n"),
        ("conv filters=20 pad = 1", "conv filters=20 pad=1\n"),
        ("assert params<100k", "assert params < 100k\n"),
        ("a f( 1 ,b = 2 )", "a f(1, b=2)\n"),
        ("a (1+2*3)", "a (1 + 2 * 3)\n"),
        ("a ((1+2)*3)", "a ((1 + 2) * 3)\n"),
        ("a (8-(4-2))", "a (8 - (4 - 2))\n"),
        ("a (-1 - -2)", "a (-1 - -2)\n"),
        ("train{epochs 5;batch 3}", "train {\n  epochs 5\n  batch 3\n}\n"),
        ("a{b{c}}", "a {\n  b {\n    c\n  }\n}\n"),
        ("a { }", "a { }\n"),
        ("branch {a} {b} concat as c", "branch {\n  a\n} {\n  b\n} concat as c\n"),
        ('data "x y"  # gone', 'data "x y"\n'),
        ("a 007 1E5 .5 0..1 -1..1", "a 7 1E5 .5 0..1 -1..1\n"),
    ],
)
def test_canonical_form(text: str, canonical: str) -> None:
    assert print_commands(commands(text)) == canonical
    assert print_commands(commands(canonical)) == canonical


@pytest.mark.parametrize(
    "text", ["(a+1)", "5x5", "(a)x(b+1)", "-1..1", "f(g(1), k=2x2)", '"s"', "64MiB", "--1", "-(1)"]
)
def test_print_value(text: str) -> None:
    assert value(print_value(value(text))) == value(text)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_shipped_specs_survive(path: Path) -> None:
    first = commands(path.read_text(encoding="utf-8"))
    assert commands(print_commands(first)) == first


# --- generated trees -------------------------------------------------------------------------------------------------

HERE = Span(Source("made", ""), 1, 1, 1, 1)

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True).filter(lambda n: n != "as")
integers = st.integers(0, 10**18 - 1).map(lambda n: ast.Integer(n, HERE))
decimals = st.one_of(
    st.floats(0, 1e300, allow_nan=False).map(repr).filter(lambda t: "." in t or "e" in t),
    st.sampled_from([".5", "1e-3", "2E+5", "0.0", "1.25e10"]),
).map(lambda t: ast.Decimal(t, HERE))
quantities = st.builds(
    lambda n, u: ast.Quantity(f"{n}{u}", HERE),
    st.integers(0, 9999),
    st.sampled_from(["k", "K", "M", "G", "T", "B", "kB", "MiB", "GiB", "Ti"]),
)
words = names.map(lambda n: ast.Word(n, HERE))
characters = st.characters(exclude_characters='"', exclude_categories=["Cs", "Cc", "Cf"])
strings = st.text(characters.filter(lambda c: visible(c) == c), max_size=12).map(lambda t: ast.String(t, HERE))


def operands(inner: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Value]:
    return st.one_of(integers, decimals, words, inner.map(lambda v: ast.Group(v, HERE)))


def products(inner: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Value]:
    operand = st.one_of(operands(inner), operands(inner).map(lambda v: ast.Negative(v, HERE)))
    chain = st.lists(st.tuples(st.sampled_from(["*", "/", "//", "%"]), operand), max_size=2)
    return st.builds(leaning, operand, chain)


def sums(inner: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Value]:
    chain = st.lists(st.tuples(st.sampled_from(["+", "-"]), products(inner)), max_size=2)
    return st.builds(leaning, products(inner), chain)


def leaning(first: ast.Value, rest: list[tuple[str, ast.Value]]) -> ast.Value:
    """A chain as the parser builds it: leaning left."""
    for operator, right in rest:
        first = ast.Binary(operator, first, right, HERE)
    return first


groups = st.recursive(integers | words, sums, max_leaves=6).map(lambda v: ast.Group(v, HERE))
numbers = st.one_of(integers, decimals, quantities, groups).flatmap(
    lambda n: st.sampled_from([n, ast.Negative(n, HERE)])
)
sizes = st.lists(st.one_of(integers, groups), min_size=2, max_size=4).map(lambda e: ast.Size(tuple(e), HERE))
ranges = st.builds(lambda a, b: ast.Range(a, b, HERE), numbers, numbers)


def arguments(values: st.SearchStrategy[ast.Value], relations: list[str]) -> st.SearchStrategy[ast.Argument]:
    keyed = st.builds(
        lambda k, v, r: ast.Argument(ast.Name(k, HERE), v, r, HERE), names, values, st.sampled_from(relations)
    )
    return st.one_of(values.map(lambda v: ast.Argument(None, v, "=", HERE)), keyed)


values = st.recursive(
    st.one_of(numbers, words, strings, sizes, ranges),
    lambda inner: st.builds(
        lambda n, a: ast.Call(ast.Name(n, HERE), tuple(a), HERE),
        names,
        st.lists(arguments(inner, ["="]), max_size=3),
    ),
    max_leaves=4,
)


def command_of(inner: st.SearchStrategy[ast.Body]) -> st.SearchStrategy[ast.Command]:
    return st.builds(
        lambda n, a, b, label: ast.Command(
            ast.Name(n, HERE), tuple(a), tuple(b), ast.Name(label, HERE) if label else None, HERE
        ),
        names,
        st.lists(arguments(values, ["=", "<", ">", "<=", ">="]), max_size=4),
        st.lists(inner, max_size=2),
        st.none() | names,
    )


bodies = st.recursive(
    st.just(ast.Body((), HERE)),
    lambda inner: st.lists(command_of(inner), max_size=3).map(lambda c: ast.Body(tuple(c), HERE)),
    max_leaves=4,
)


@given(st.lists(command_of(bodies), min_size=1, max_size=4))
def test_text_of_a_tree_parses_to_the_same_tree(made: list[ast.Command]) -> None:
    text = print_commands(made)
    read = commands(text)
    assert read == tuple(made)
    assert print_commands(read) == text


@given(values)
def test_text_of_a_value_parses_to_the_same_value(made: ast.Value) -> None:
    assert value(print_value(made)) == made


@given(st.lists(command_of(bodies), min_size=1, max_size=3), st.sampled_from(["\r\n", "\n\n", " # c\n", "\t\n"]))
def test_line_ends_blank_lines_and_comments_change_nothing(made: list[ast.Command], end: str) -> None:
    text = print_commands(made)
    assert commands(text.replace("\n", end)) == tuple(made)
