"""Characters that deceive: which are refused where, what is said of them, and that no excerpt shows them."""

from __future__ import annotations

import re
import unicodedata

import pytest

from netspec.compiler import analyze
from netspec.diagnostics import visible as characters
from netspec.diagnostics.diagnostic import Diagnostic, Source, Span
from netspec.diagnostics.visible import ascii_twin, described, harmless, visible
from netspec.syntax.errors import deceptive

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
UNSEEN = "\u200b\u200c\u200d\u2060\u00ad\ufeff\u3164\ufe0f\u034f\U000e0041"
BREAKS = "\u2028\u2029\x85\x0b"


def codes(text: str) -> list[str]:
    return [d.code for d in analyze(Source("t.net", text)).diagnostics]


@pytest.mark.parametrize("char", BIDI)
def test_what_turns_the_text_around_is_refused_everywhere(char: str) -> None:
    for place in ("fc 3 # {}", "#{}", 'include "a{}"', "fc {} 3", "f{}c 3", "{}", 'as "{}"', "fc 3{}"):
        found = analyze(Source("t.net", f"input 4\nfc 3\n{place.format(char)}\n")).diagnostics
        assert "E0112" in {d.code for d in found}, place
        said = "\n".join(d.render() for d in found)
        assert described(char) in said
        assert char not in said


@pytest.mark.parametrize("char", UNSEEN)
def test_what_cannot_be_seen_may_stand_in_comments_only(char: str) -> None:
    for place in ('include "a{}"', "fc {} 3", "f{}c 3", "fc 3{}", "fc 3 {}# c"):
        assert codes(f"input 4\n{place.format(char)}\nfc 3") == ["E0112"], place
    assert codes(f"input 4\nfc 3 # a{char}b\n") == []


@pytest.mark.parametrize("char", BREAKS)
def test_ends_of_lines_that_are_none_are_refused_everywhere(char: str) -> None:
    for place in ("fc 3 # {} fc 5", 'include "a{}"', "fc 3{}fc 4"):
        assert codes(f"input 4\n{place.format(char)}\nfc 3") == ["E0114"], place


def test_a_carriage_return_belongs_to_a_newline() -> None:
    assert codes("input 4\r\nfc 3 # c\r\n") == []
    assert codes("input 4\r\nfc 3\r") == []
    assert codes("input 4\r\nfc 3 # c\rfc 5\n") == ["E0114"]


def test_the_mark_of_utf8_belongs_to_the_beginning() -> None:
    assert codes("\ufeffinput 4\nfc 3") == []
    assert codes("input 4\n\ufefffc 3") == ["E0112"]


def test_letters_of_all_scripts_may_stand_in_comments_and_strings() -> None:
    for text in ("слой", "层", "ﺔﺒﻘﻃ", "שכבה", "Ω", "é", "🙂", "\u00a0"):
        assert codes(f"input 4\nfc 3 # {text}") == []
        assert deceptive(Source("t.net", f'data "{text}.npz"'))[1] == []


@pytest.mark.parametrize(
    ("word", "twin"),
    [
        ("соnv", "conv"),
        ("rеlu", "relu"),
        ("ｆｃ", "fc"),
        ("ρool", "pool"),
        ("𝐜𝐨𝐧𝐯", "conv"),
        ("café", "cafe"),
        ("naïve_1", "naive_1"),
        ("١٢٣", "123"),
        ("５", "5"),
        ("ﬁt", "fit"),
        ("co\u200bnv", "conv"),
        ("слой", None),
        ("层", None),
    ],
)
def test_the_word_that_was_meant(word: str, twin: str | None) -> None:
    assert ascii_twin(word) == twin
    (found,) = deceptive(Source("t.net", f"{word} 3"))[1]
    assert twin is None or twin in found.fix


def test_each_twin_is_one_letter_that_is_drawn_alike() -> None:
    for foreign, plain in characters._TWINS.items():
        assert unicodedata.name(chr(foreign)) != unicodedata.name(chr(plain))
        assert foreign > 127 > plain


def test_one_word_is_one_mistake() -> None:
    (found,) = analyze(Source("t.net", "input 4\nfс sоftmаx=sоftmах\nfc 3")).diagnostics[:1]
    assert found.message == (
        "this word has a letter or digit beyond ASCII: U+0441 CYRILLIC SMALL LETTER ES in column 2"
    )
    assert len(codes("input 4\nfс sоftmаx=sоftmах\nfc 3")) == 3


def test_the_other_mistakes_of_the_text_are_found_too() -> None:
    assert codes("input 4\nсоnv 3, 3\nfc [3]") == ["E0113", "E0103", "E0101"]


def test_the_text_for_the_parser_keeps_its_columns() -> None:
    text = 'сonv\u202e 3 "a\u200b" ５ слой \u00a0 # \u2066x\u2069'
    plain, found = deceptive(Source("t.net", text))
    assert plain == 'conv  3 "a " 5 ____   #  x '
    assert len(found) == 8
    assert plain.isascii()


def test_a_flood_is_cut_short_and_long_words_are_quick() -> None:
    assert len(codes("é " * 20_000)) <= 101
    # Quadratic before words were looked at from their beginnings only: this would take minutes.
    assert codes("é\n" + "a" * 900_000)[0] == "E0113"
    assert codes("input 4 # é\n" + "\u00ad" * 90_000)[0] == "E0112"


def test_what_is_shown_is_visible() -> None:
    assert visible("conv é 层 → ×") == "conv é 层 → ×"
    assert visible("a\u202eb\u200bc\x1bd\ufefff\u3164") == "a�b�c�d�f�"
    span = Span(Source("a\u202e\n.net", "x\u202ey"), 1, 1, 1, 2)
    shown = Diagnostic("E0101", "m\u202e", span, "l\x1b[1m", ("n\u200f",), "f\u2066").render(color=True)
    assert not re.search(f"[{BIDI}]", shown)
    assert "\x1b[1m:" not in shown.replace("\x1b[1m: m", "")
    assert shown.count("\n") == 4


def test_a_text_keeps_what_belongs_to_it_and_steers_nothing() -> None:
    kept = "a\tb\nc\u00a0d e\u200df\ufe0f été Ⅳ 漢"
    assert harmless(kept) == kept
    steering = [chr(n) for n in (*range(32), *range(0x7F, 0xA0), 0xD800) if chr(n) not in "\n\t"] + [*BIDI, *BREAKS]
    assert harmless("".join(steering)) == "\ufffd" * len(steering)
