"""Text to AST: the shape and the span of every form, what is kept, what is refused, and that nothing else comes out."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from diagnostics.cases import read_cases
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark

from netspec.diagnostics.diagnostic import Source, Span, SpecError
from netspec.layers import LAYERS
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.syntax import ast, parser
from netspec.syntax.parser import MAX_BYTES, MAX_DIGITS, MAX_NESTING, parse, read_source
from netspec.system.resources import grammar_text, specs_folder

SPECS = sorted(specs_folder().rglob("*.net"))
# Between them they use every form of the language; the others are tried before a release.
TELLING = {"encoder_decoder", "lenet", "lstm_lm", "mnist_best", "multitask", "unet"}
MOST = [p if p.stem in TELLING else pytest.param(p, marks=pytest.mark.slow) for p in SPECS]


def tree(text: str) -> ast.File:
    return parse(Source("t.net", text))


def command(text: str) -> ast.Command:
    (found,) = tree(text).commands
    return found


def value(text: str) -> ast.Value:
    (argument,) = command(f"c {text}").arguments
    assert argument.key is None
    return argument.value


def codes(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        tree(text)
    return [d.code for d in caught.value.diagnostics]


def place(span: Span) -> tuple[int, int, int, int]:
    return (span.line, span.column, span.end_line, span.end_column)


HERE = Span(Source("t.net", ""), 1, 1, 1, 1)


def integer(number: int) -> ast.Integer:
    return ast.Integer(number, HERE)


def word(text: str) -> ast.Word:
    return ast.Word(text, HERE)


def binary(operator: str, left: ast.Value, right: ast.Value) -> ast.Binary:
    return ast.Binary(operator, left, right, HERE)


# --- the grammar ---------------------------------------------------------------------------------------------------


def test_the_grammar_has_no_conflict_even_in_strict_mode() -> None:
    Lark(grammar_text(), parser="lalr", strict=True)


def test_the_grammar_names_no_word_of_the_language_but_as() -> None:
    quoted = set(re.findall(r'"([^"]+)"', re.sub(r"//[^\n]*", "", grammar_text())))
    assert {w for w in quoted if w.isidentifier()} == {"as"}
    families: list[Any] = [INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES]
    named = {*LAYERS, *(name for family in families for name in family)}
    assert not quoted & named


# --- the shape of each form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", integer(20)),
        ("007", integer(7)),
        ("0.5", ast.Decimal("0.5", HERE)),
        (".5", ast.Decimal(".5", HERE)),
        ("1e-3", ast.Decimal("1e-3", HERE)),
        ("2.5E+7", ast.Decimal("2.5E+7", HERE)),
        ("100k", ast.Quantity("100k", HERE)),
        ("64MiB", ast.Quantity("64MiB", HERE)),
        pytest.param(
            "1.5GB",
            ast.Quantity("1.5GB", HERE),
        ),
        ("relu", word("relu")),
        ('"a b#;{"', ast.String("a b#;{", HERE)),
        ('""', ast.String("", HERE)),
        ("-1", ast.Negative(integer(1), HERE)),
        ("--1", ast.Negative(ast.Negative(integer(1), HERE), HERE)),
        ("5x5", ast.Size((integer(5), integer(5)), HERE)),
        ("1x28x3x4", ast.Size((integer(1), integer(28), integer(3), integer(4)), HERE)),
        ("(k)x3", ast.Size((ast.Group(word("k"), HERE), integer(3)), HERE)),
        ("-1..1", ast.Range(ast.Negative(integer(1), HERE), integer(1), HERE)),
        ("0.5..1.5", ast.Range(ast.Decimal("0.5", HERE), ast.Decimal("1.5", HERE), HERE)),
        ("(w*2)", ast.Group(binary("*", word("w"), integer(2)), HERE)),
        ("(1 - -2)", ast.Group(binary("-", integer(1), ast.Negative(integer(2), HERE)), HERE)),
        ("(1+2*3)", ast.Group(binary("+", integer(1), binary("*", integer(2), integer(3))), HERE)),
        ("(1*2+3)", ast.Group(binary("+", binary("*", integer(1), integer(2)), integer(3)), HERE)),
        ("(7-2-1)", ast.Group(binary("-", binary("-", integer(7), integer(2)), integer(1)), HERE)),
        ("(7//2%3)", ast.Group(binary("%", binary("//", integer(7), integer(2)), integer(3)), HERE)),
        ("(8/(4/2))", ast.Group(binary("/", integer(8), ast.Group(binary("/", integer(4), integer(2)), HERE)), HERE)),
        (
            "normal(0.01, mean=1)",
            ast.Call(
                ast.Name("normal", HERE),
                (
                    ast.Argument(None, ast.Decimal("0.01", HERE), "=", HERE),
                    ast.Argument(ast.Name("mean", HERE), integer(1), "=", HERE),
                ),
                HERE,
            ),
        ),
        ("f()", ast.Call(ast.Name("f", HERE), (), HERE)),
    ],
)
def test_value(text: str, expected: ast.Value) -> None:
    assert value(text) == expected
    # A value's span is exactly its text.
    assert place(value(text).span) == (1, 3, 1, 3 + len(text))


def test_a_sign_after_a_number_begins_another_argument() -> None:
    assert [a.value for a in command("conv 8 -1").arguments] == [integer(8), ast.Negative(integer(1), HERE)]
    assert len(command("conv (8 -1)").arguments) == 1


def test_a_parenthesis_apart_from_a_name_is_no_call() -> None:
    assert [type(a.value) for a in command("c f (1)").arguments] == [ast.Word, ast.Group]
    assert [type(a.value) for a in command("c f(1)").arguments] == [ast.Call]


def test_an_x_apart_from_its_numbers_is_a_word() -> None:
    assert [type(a.value) for a in command("c 5 x 5").arguments] == [ast.Integer, ast.Word, ast.Integer]


def test_the_parts_of_a_command() -> None:
    c = command("branch a=1 b<2 { x; y } c { } d as e")
    assert c.name.text == "branch"
    assert [(a.key and a.key.text, a.relation) for a in c.arguments] == [
        ("a", "="),
        ("b", "<"),
        (None, "="),
        (None, "="),
    ]
    assert [[inner.name.text for inner in body.commands] for body in c.bodies] == [["x", "y"], []]
    assert c.label is not None
    assert c.label.text == "e"


@pytest.mark.parametrize("relation", ["<", ">", "<=", ">="])
def test_comparison(relation: str) -> None:
    (argument,) = command(f"assert params {relation} 100k").arguments
    assert (argument.relation, argument.value) == (relation, ast.Quantity("100k", HERE))


@pytest.mark.parametrize("text", ["a;b;c", "a\nb\nc\n", ";;a;\n;b\n\n\nc;", "a\n b\n\tc", "a # x\nb#y\nc"])
def test_a_newline_or_semicolon_ends_a_command(text: str) -> None:
    assert [c.name.text for c in tree(text).commands] == ["a", "b", "c"]


def test_spans_of_a_command() -> None:
    text = "\n  conv 20 5x5 stride=2 as c1\ntrain {\n  epochs 5\n} as t\n"
    conv, train = tree(text).commands
    assert place(conv.span) == (2, 3, 2, 29)
    assert place(conv.name.span) == (2, 3, 2, 7)
    assert place(conv.arguments[2].span) == (2, 15, 2, 23)
    assert place(conv.head) == (2, 3, 2, 23)
    assert conv.label is not None
    assert place(conv.label.span) == (2, 27, 2, 29)
    assert place(train.span) == (3, 1, 5, 7)
    assert place(train.bodies[0].span) == (3, 7, 5, 2)
    assert place(train.bodies[0].commands[0].span) == (4, 3, 4, 11)
    assert place(train.head) == (3, 1, 3, 6)


def test_equality_is_about_what_is_said() -> None:
    assert tree("a 1;b # x") == tree("\n a   1\nb")
    assert tree("a 1") != tree("a 2")


def test_comments_are_kept_with_their_places() -> None:
    comments = tree('# one\na 1 # two: \u00fc {\n#\nb "# no" # three').comments
    assert [c.text for c in comments] == ["# one", "# two: \u00fc {", "#", "# three"]
    assert [place(c.span)[:2] for c in comments] == [(1, 1), (2, 5), (3, 1), (4, 10)]


# --- bytes and limits ------------------------------------------------------------------------------------------------


def test_windows_line_ends_tabs_bom_and_a_missing_last_newline_change_nothing() -> None:
    plain = tree("a 1\nb { c 2 }\n")
    assert parse(read_source("t", b"\xef\xbb\xbfa 1\r\nb {\tc 2 }")) == plain
    assert parse(read_source("t", b"a\t1\r\n\r\nb { c 2 }\r\n")) == plain
    assert tree("a 1\r\nb { c 2 }\r\n") == plain


def test_windows_line_ends_leave_no_trace_in_comments() -> None:
    assert parse(read_source("t", b"# x\r\na\r\n")).comments[0].text == "# x"


def test_what_is_not_utf8_is_no_text() -> None:
    with pytest.raises(SpecError) as caught:
        read_source("t.net", b"fc 10\n\xff\xfe")
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0109"
    assert "byte 6" in problem.message


def test_a_nul_byte_is_no_text() -> None:
    assert codes("fc 10\0") == ["E0109"]


@pytest.mark.parametrize("text", ["", "\n", " \t\n", "# only\n# comments", ";;\n;", "\ufeff", "\r\n"])
def test_empty(text: str) -> None:
    assert codes(text) == ["E0108"]


def test_too_large() -> None:
    assert codes("# " + "x" * MAX_BYTES) == ["E0107"]
    assert tree("# " + "x" * (MAX_BYTES - 4) + "\na").commands


@pytest.mark.parametrize("opened", ["(", "f(", "-"])
def test_nesting_has_a_limit(opened: str) -> None:
    def nested(depth: int) -> str:
        return "c " + opened * depth + "1" + ")" * (depth if "(" in opened else 0)

    assert tree(nested(MAX_NESTING)).commands
    assert codes(nested(MAX_NESTING + 1)) == ["E0110"]
    assert codes(nested(4_000)) == ["E0110"], "deeper than Python's own calls may be"


def test_nesting_of_bodies_has_a_limit() -> None:
    assert tree("a { " * MAX_NESTING + "}" * MAX_NESTING).commands
    assert codes("a { " * (MAX_NESTING + 1) + "}" * (MAX_NESTING + 1)) == ["E0110"]
    assert codes("a { " * 4_000 + "}" * 4_000) == ["E0110"]


def test_brackets_side_by_side_are_not_nested() -> None:
    assert len(tree("a { b (1) }\n" * 500).commands) == 500
    assert len(command("c " + "(1) " * 500).arguments) == 500


def test_digits_have_a_limit() -> None:
    assert value("9" * MAX_DIGITS) == integer(10**MAX_DIGITS - 1)
    assert codes("c " + "9" * (MAX_DIGITS + 1)) == ["E0111"]
    assert codes("c " + "9" * 100_000) == ["E0111"]


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("a @", "E0101", (1, 3)),
        ('a 1\nb "x', "E0102", (2, 3)),
        ("a 1, 2", "E0103", (1, 4)),
        ("a }", "E0104", (1, 3)),
        ("{ a }", "E0105", (1, 1)),
        ("a {\nb { }\n", "E0106", (1, 3)),
        ('a { b "}" # }\n', "E0106", (1, 3)),
    ],
)
def test_a_syntax_error_has_its_code_and_its_place(text: str, code: str, at: tuple[int, int]) -> None:
    with pytest.raises(SpecError) as caught:
        tree(text)
    first = caught.value.diagnostics[0]
    assert first.code == code
    assert first.span is not None
    assert (first.span.line, first.span.column) == at


def test_all_syntax_errors_of_a_file_come_at_once() -> None:
    text = "a 1, 2\nb ok\nc @\nd = 3\ntrain {\n  e: 1\n  f (1 +)\n}\n"
    with pytest.raises(SpecError) as caught:
        tree(text)
    assert [d.span.line for d in caught.value.diagnostics if d.span] == [1, 3, 4, 6, 7]


def test_one_mistake_is_one_diagnostic() -> None:
    for text in ("a 1,2,3,4\nb", "a [1, 2, 3]\nb", "a @@@ @\nb", "a b=\nc 3", "a (1\nb 2", "a f(1\nb"):
        assert len(codes(text)) == 1, text


@pytest.mark.parametrize("text", ["data mnist { scale 0.. }\nfc 3\n", "a { b (1 }\nc\n", "a { b f( }\n"])
def test_a_brace_after_a_broken_value_still_closes_its_body(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        tree(text)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0103"
    assert problem.span is not None


def test_a_brace_on_the_next_line_belongs_to_the_command_before_it() -> None:
    assert tree("train\n{\n  epochs 5\n}\n") == tree("train { epochs 5 }")
    assert tree("residual { relu }\n  { tanh } # way\n{ }") == tree("residual { relu } { tanh } { }")


def test_a_brace_behind_an_empty_line_is_one_mistake() -> None:
    assert codes("train\n\n{\n  epochs 5\n}\n") == ["E0105"]


@pytest.mark.parametrize("odd", ["\x0c", "# \u2028", "# \x85", "# \x0b", "# \x1e"])
def test_only_a_newline_ends_a_line(odd: str) -> None:
    with pytest.raises(SpecError) as caught:
        tree(f"a 1 {odd}\nb 2 @ c\n")
    *refused, problem = caught.value.diagnostics
    # What an editor may show as the end of a line is refused besides.
    assert [d.code for d in refused] == {"\x0c": [], "# \x1e": ["E0112"]}.get(odd, ["E0114"])
    assert problem.message == "the character `@` has no meaning here"
    assert "2 | b 2 @ c" in problem.render()


# --- robustness ------------------------------------------------------------------------------------------------------


def only_a_tree_or_spec_error(source: Source | str) -> None:
    try:
        parse(Source("t.net", source) if isinstance(source, str) else source)
    except SpecError as error:
        found = error
    else:
        return
    assert found.diagnostics
    assert str(found)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_shipped_specs_parse(path: Path) -> None:
    assert len(tree(path.read_text(encoding="utf-8")).commands) >= 3


@pytest.mark.parametrize("path", MOST, ids=lambda p: p.stem)
def test_every_prefix_gives_a_tree_or_a_spec_error(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # Every one of a short spec; long ones repeat themselves.
    for end in range(0, len(text), 1 + len(text) // 800):
        only_a_tree_or_spec_error(text[:end])


@pytest.mark.parametrize("path", MOST, ids=lambda p: p.stem)
def test_every_mutation_gives_a_tree_or_a_spec_error(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rng = random.Random(path.name)
    for _ in range(200):
        at = rng.randrange(len(text))
        char = rng.choice("{}()[]=;,.\n\t\r\"'#x+-*/%<>@:0 9akM\ufeff\0\u2028\u00fc\U0001f600")
        kind = rng.randrange(3)
        only_a_tree_or_spec_error(text[:at] + ("" if kind == 0 else char) + text[at + (kind != 2) :])


def test_what_may_come_next_is_what_the_parser_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    recover, asked = parser._recover, 0

    def compared(error: Any) -> bool:
        nonlocal asked
        if hasattr(error, "interactive_parser"):
            at = error.interactive_parser
            kinds = {kind for kind in at.choices() if kind.isupper()}
            # The end of the text is no token that is ever put in.
            assert {kind for kind in kinds if parser._takes(at, kind)} == at.accepts() - {"$END"}
            asked += 1
        return recover(error)

    monkeypatch.setattr(parser, "_recover", compared)
    for case in read_cases():
        only_a_tree_or_spec_error(case.text)
    assert asked > 100


def test_a_thousand_lines_of_garbage() -> None:
    rng = random.Random(1)
    for alphabet in ("{}()=;,\n x1", "abc 123()\n", '"#\n{}a ', "}\n", "{\n", "((((\n", "@\n", "a = \n"):
        text = "".join("".join(rng.choices(alphabet, k=40)) + "\n" for _ in range(1000))
        only_a_tree_or_spec_error(text)


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    only_a_tree_or_spec_error(text)


@given(st.text(alphabet='ab1x(){}=;,."#\n +-*/%<> kM', max_size=80))
def test_any_text_of_the_alphabet(text: str) -> None:
    only_a_tree_or_spec_error(text)


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    try:
        source = read_source("t.net", data)
    except SpecError:
        return
    only_a_tree_or_spec_error(source)
