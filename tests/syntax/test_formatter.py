"""The canonical form of every construct and comment: nothing is lost, and a second time changes nothing."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from diagnostics.cases import Case, read_cases
from hypothesis import given
from hypothesis import strategies as st
from test_printer import bodies, command_of

from netspec.diagnostics.diagnostic import Source, SpecError
from netspec.syntax import ast
from netspec.syntax.formatter import COMMENT_REACH, WIDTH, comment_text, format_file
from netspec.syntax.numbers import decimal_text, spell_numbers
from netspec.syntax.parser import parse
from netspec.syntax.printer import print_argument
from netspec.system.resources import specs_folder


def tree(text: str) -> ast.File:
    return parse(Source("t.net", text))


def formatted(text: str) -> str:
    """Format, and check what holds for every text."""
    before = tree(text)
    result = format_file(before)
    after = tree(result)
    assert after.commands == spell_numbers(before.commands)
    assert [c.text for c in after.comments] == [comment_text(c.text) for c in before.comments]
    assert format_file(after) == result, "formatting twice"
    assert result.endswith("\n")
    assert not result.endswith("\n\n")
    assert "\n\n\n" not in result
    assert not re.search(r"[ \t]\n", result), "blanks at the end of a line"
    return result


LONG = "word " * 24
FLAT = "conv 16 3x3 stride=2 pad=same nobias"

FORMS = {
    "spaces": ("conv   20\t5x5  relu", "conv 20 5x5 relu\n"),
    "keys touch": ("conv filters = 20 pad= 1", "conv filters=20 pad=1\n"),
    "let does not": ("let width=64", "let width = 64\n"),
    "let of a call": ("let i=f(a = 1)", "let i = f(a=1)\n"),
    "comparisons do not": ("assert params<100k flops>=5M", "assert params < 100k flops >= 5M\n"),
    "arithmetic does not": ("fc (w*2-(1+n)//3)", "fc (w * 2 - (1 + n) // 3)\n"),
    "signs touch": ("a - 1 (2--1) - 1..1", "a -1 (2 - -1) -1..1\n"),
    "calls": ("a f( 1 ,b = 2 ) g( )", "a f(1, b=2) g()\n"),
    "a group is no call": ("a f (1) 5 x5 5x5 x5", "a f (1) 5 x5 5x5 x5\n"),
    "sizes of groups": ("a (k)x( 3 )", "a (k)x(3)\n"),
    "strings": ('data "a  b#;{"', 'data "a  b#;{"\n'),
    "labels": ("conv 8 3x3   as\tc1", "conv 8 3x3 as c1\n"),
    "numbers": ("a 007 .5 1E-3 1.50E+05 00.10 0e+0 100k", "a 7 0.5 1e-3 1.50e5 0.10 0e0 100k\n"),
    "order of arguments": ("fc relu 10 units=3", "fc relu 10 units=3\n"),
    "joined commands": ("conv 20 5x5;pool 2 ;  relu", "conv 20 5x5; pool 2; relu\n"),
    "stray semicolons": (";;a;\n;\nb;;c;", "a\nb; c\n"),
    "joined beyond the width": (f"{FLAT}; {FLAT}; {FLAT}", f"{FLAT}\n{FLAT}\n{FLAT}\n"),
    "a long command stays": (f"a {LONG}", f"a {LONG.strip()}\n"),
    "blank lines": ("\n\n a\n\n \n\t\nb\nc\n\n\n", "a\n\nb\nc\n"),
    "blank lines in bodies": ("a {\n\n b\n\n\n c\n\n}", "a {\n  b\n\n  c\n}\n"),
    "line ends": ("\ufeffa\r\n\r\n\r\nb {\r\nc\r\n}\r\n", "a\n\nb {\n  c\n}\n"),
    "no line end": ("a", "a\n"),
    "body on one line": ("train{epochs 5;batch 3}", "train { epochs 5; batch 3 }\n"),
    "body on several": ("train { epochs 5;\nbatch 3 }", "train {\n  epochs 5\n  batch 3\n}\n"),
    "rows of a body": ("repeat 3 {\n a;b\n c;d }", "repeat 3 {\n  a; b\n  c; d\n}\n"),
    "empty bodies": ("a{}\nb {\n\n}\nc { ; } d", "a { }\nb { }\nc { } d\n"),
    "body too long": (f"a {{ {FLAT}; {FLAT}; b; {'c' * 16} }}", f"a {{\n  {FLAT}; {FLAT}; b; {'c' * 16}\n}}\n"),
    "too long at its depth": (f"a {{ {FLAT}; {FLAT}; {FLAT} }}", f"a {{\n  {FLAT}\n  {FLAT}\n  {FLAT}\n}}\n"),
    "nested": ("a{b{c{d}}}", "a { b { c { d } } }\n"),
    "nested on several lines": ("a{b{c{\nd}}}", "a {\n  b {\n    c {\n      d\n    }\n  }\n}\n"),
    "branch": (
        "branch{conv 8 1x1}{pool 3x3 stride=1;conv 8 1x1}concat as  m",
        "branch { conv 8 1x1 } { pool 3x3 stride=1; conv 8 1x1 } concat as m\n",
    ),
    "all bodies expand": (
        f"branch {{ {FLAT} }} {{ {FLAT}; {FLAT} }} {{ }} concat",
        f"branch {{\n  {FLAT}\n}} {{\n  {FLAT}; {FLAT}\n}} {{ }} concat\n",
    ),
    "a short body beside a long one": (
        "residual {\n a\n b } { c 1x1;d } as r",
        "residual {\n  a\n  b\n} { c 1x1; d } as r\n",
    ),
    "a long body beside a long one": (
        f"residual {{\n a }} {{ {FLAT}; {FLAT}; {FLAT} }}",
        f"residual {{\n  a\n}} {{\n  {FLAT}\n  {FLAT}\n  {FLAT}\n}}\n",
    ),
    "equal bodies": ("a { b } {\n b } { b }", "a { b } {\n  b\n} { b }\n"),
    "joined around a body": ("a; train {\n b\n}; c; d", "a\ntrain {\n  b\n}\nc\nd\n"),
    "joined around a short body": ("a;train{b};c", "a; train { b }; c\n"),
    "block": ("block res( c,s = 1 ){\nrelu }", "block res(c, s=1) {\n  relu\n}\n"),
    "wiring": ('add c2;concat c2 c4\nfrom  c2\ninclude   "a.net"', 'add c2; concat c2 c4\nfrom c2\ninclude "a.net"\n'),
    "else": ("data  mnist else   digits{scale  -1..1}", "data mnist else digits { scale -1..1 }\n"),
    "what is not known": ("frobnicate x=1{y}z", "frobnicate x=1 { y } z\n"),
}


@pytest.mark.parametrize(("text", "canonical"), FORMS.values(), ids=FORMS)
def test_form(text: str, canonical: str) -> None:
    assert formatted(text) == canonical


COMMENTS = {
    "alone": ("#one\n\n\n#two\na", "# one\n\n# two\na\n"),
    "trailing": ("a#x", "a  # x\n"),
    "behind a semicolon": ("a; # x\nb", "a  # x\nb\n"),
    "behind a stray semicolon": ("a\n ; # x\nb", "a\n# x\nb\n"),
    "behind joined commands": ("a;b   # x\nc", "a; b  # x\nc\n"),
    "between joined commands": ("a; # x\nb; # y\n# z\nc", "a  # x\nb  # y\n# z\nc\n"),
    "behind a broken row": (f"{FLAT}; {FLAT}; {FLAT} # x", f"{FLAT}\n{FLAT}\n{FLAT}  # x\n"),
    "not counted for the width": (f"{FLAT}; {FLAT} # {LONG}", f"{FLAT}; {FLAT}  # {LONG.strip()}\n"),
    "behind a brace": ("a { # x\nb }", "a {  # x\n  b\n}\n"),
    "below a brace": ("a {\n#x\n\nb }", "a {\n  # x\n\n  b\n}\n"),
    "behind a brace, then a blank line": ("a { # x\n\nb }", "a {  # x\n  b\n}\n"),
    "behind the first command of a body": ("a { b # x\nc }", "a {\n  b  # x\n  c\n}\n"),
    "behind the last command of a body": ("a { b # x\n}", "a {\n  b  # x\n}\n"),
    "before the end of a body": ("a {\nb\n\n   # x\n\n}", "a {\n  b\n\n  # x\n}\n"),
    "behind the end of a body": ("a {\nb } # x", "a {\n  b\n}  # x\n"),
    "behind two ends": ("a { b {\nc } } # x\nd", "a {\n  b {\n    c\n  }\n}  # x\nd\n"),
    "behind a body on one line": ("a { b }; # x", "a { b }  # x\n"),
    "in an empty body": ("a {\n# x\n}", "a {\n  # x\n}\n"),
    "behind the brace of an empty body": ("a { # x\n}", "a {  # x\n}\n"),
    "behind the second brace": ("a { b } { # x\nc } d # y", "a { b } {  # x\n  c\n} d        # y\n"),
    "in each body": ("a { # 1\nb # 2\n#3\n} { # 4\n} c # 5", "a {  # 1\n  b  # 2\n  # 3\n} {  # 4\n} c  # 5\n"),
    "at the end": ("a\n\n\n  #x\n\n\n", "a\n\n# x\n"),
    "with a label": ("a { b\n} as c # x", "a {\n  b\n} as c  # x\n"),
    "exact words": ("a\n#!a\n##b\n#\n#  c\t \n#\td\n#-\n#ü;{", "a\n#!a\n##b\n#\n#  c\n#\td\n# -\n# ü;{\n"),
    "of Windows": ("a # x\r\n# y\r\n", "a  # x\n# y\n"),
    "one column": ("a # 1\nb\n\nlong # 2\nc { # 3\n # 4\n}", "a     # 1\nb\n\nlong  # 2\nc {   # 3\n  # 4\n}\n"),
    "one far out": (f"a # 1\n{'b' * 41} # 2\nccc # 3", f"a    # 1\n{'b' * 41}  # 2\nccc  # 3\n"),
    "all far out": (f"{'b' * 41} # 2", f"{'b' * 41}  # 2\n"),
}


@pytest.mark.parametrize(("text", "canonical"), COMMENTS.values(), ids=COMMENTS)
def test_comment(text: str, canonical: str) -> None:
    assert formatted(text) == canonical


def test_the_limits_are_exact() -> None:
    joined = f"a {'b' * (WIDTH - 5)}; c"
    assert len(joined) == WIDTH
    assert formatted(joined) == f"{joined}\n"
    assert formatted(joined.replace("; c", "; cc")) == f"{joined.removesuffix('; c')}\ncc\n"
    reach = "b" * COMMENT_REACH
    assert formatted(f"a # 1\n{reach} # 2") == f"a{' ' * (COMMENT_REACH + 1)}# 1\n{reach}  # 2\n"


@pytest.mark.parametrize("path", sorted(specs_folder().rglob("*.net")), ids=lambda p: p.stem)
def test_shipped_specs_have_the_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.id)
def test_what_parses_can_be_formatted(case: Case) -> None:
    try:
        tree(case.text)
    except SpecError:
        return
    formatted(case.text)


@given(st.from_regex(r"[0-9]{0,4}\.[0-9]{1,4}([eE][+-]?[0-9]{1,3})?|[0-9]{1,4}[eE][+-]?[0-9]{1,3}", fullmatch=True))
def test_a_number_keeps_its_value_and_its_digits(text: str) -> None:
    spelled = decimal_text(text)
    assert float(spelled) == float(text)
    assert decimal_text(spelled) == spelled
    assert re.sub(r"e.*|\.", "", spelled).lstrip("0") == re.sub(r"[eE].*|\.", "", text).lstrip("0")
    assert tree(f"a {spelled}").commands == tree(f"a {text}").commands or spelled != text


def test_an_exponent_of_thousands_of_digits_is_no_reason_to_fail() -> None:
    assert decimal_text(f"1e-{'0' * 5000}7") == "1e-7"
    assert decimal_text(f"1e{'9' * 5000}") == f"1e{'9' * 5000}"


# --- generated texts ------------------------------------------------------------------------------------------------


class Scribe:
    """Writes a tree as carelessly as the grammar allows, and notes its comments."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.comments: list[str] = []

    def blank(self, least: int = 0) -> str:
        return "".join(self.random.choices(" \t", k=max(least, self.random.choice([0, 0, 1, 3]))))

    def separator(self) -> str:
        """At least one end of a command, with empty lines and comments as they come."""
        kinds = self.random.choices(
            [";", ";", "\n", "\n", "\n\n\n", "\r\n", "#"], k=self.random.choice([1, 1, 1, 2, 3])
        )
        return "".join(self.blank() + (self.comment() if kind == "#" else kind) for kind in kinds) + self.blank()

    def comment(self) -> str:
        text = "#" + self.random.choice(["", " x", "y", "! z", "## w", ' ";{}', " trailing  ", " é"]) + self.blank()
        text += str(len(self.comments))
        self.comments.append(comment_text(text))
        return f"{text}{self.blank()}\n"

    def between(self) -> str:
        return self.separator() if self.random.random() < 0.4 else self.blank()

    def block(self, commands: tuple[ast.Command, ...]) -> str:
        text = self.between()
        for i, command in enumerate(commands):
            text += (self.separator() if i else "") + self.command(command)
        return text + self.between()

    def command(self, command: ast.Command) -> str:
        words = [command.name.text]
        words += [self.blank(1) + print_argument(a) for a in command.arguments]
        words += [f"{self.blank()}{{{self.block(b.commands)}}}" for b in command.bodies]
        if command.label:
            words.append(f"{self.blank(1)}as{self.blank(1)}{command.label.text}")
        return "".join(words)


@given(st.lists(command_of(bodies), min_size=1, max_size=5), st.integers(0, 10**9))
def test_nothing_is_lost_from_any_text(made: list[ast.Command], seed: int) -> None:
    scribe = Scribe(seed)
    text = scribe.block(tuple(made))
    assert tree(text).commands == tuple(made)
    result = formatted(text)
    assert [c.text for c in tree(result).comments] == scribe.comments


@given(st.text('ab{}();=#<1x."\n ', max_size=40))
def test_whatever_parses_can_be_formatted(text: str) -> None:
    try:
        tree(text)
    except SpecError:
        return
    formatted(text)
