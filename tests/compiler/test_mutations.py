"""Mistakes planted at random in valid specs, and garbage: a valid network or diagnostics with a place, nothing else."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from diagnostics.cases import read_cases
from fuzz.fuzz_spec import examine, examine_bytes, vocabulary
from hypothesis import given
from hypothesis import strategies as st

from netspec.compiler import Analysis
from netspec.diagnostics.diagnostic import Source
from netspec.system.resources import library_folder, specs_folder

PATHS = [*sorted(specs_folder().rglob("*.net")), *sorted(library_folder().glob("*.net"))]
SPECS = {path.stem: path.read_text(encoding="utf-8") for path in PATHS}
VOCABULARY = vocabulary()

# --- valid specs that use all of the language -----------------------------------------------------------------------


def generated(rng: random.Random) -> str:
    """Return a valid spec with blocks, repetitions, ways, labels, lets and the library in it."""
    kept = ["relu", "tanh", "batchnorm", "dropout 0.5", "conv w 3x3 pad=same", "conv w 1 nobias act", "conv_bn w"]
    labels: list[str] = []

    def line(depth: int, inside: str) -> str:
        kind = rng.randrange(12)
        if kind < 3 and depth < 3:
            body = f"{{ {'; '.join(line(depth + 1, inside) for _ in range(rng.randint(1, 2)))} }}"
            other = rng.choice(["", body])
            return (f"residual {body} {other}", f"branch {body} {{ }} add", f"repeat {rng.randint(0, 3)} {body}")[kind]
        if kind == 3 and depth == 0 and inside == "file":
            labels.append(f"l{len(labels)}")
            return f"conv w 3x3 pad=same as {labels[-1]}"
        if kind == 4 and depth == 0 and labels:
            return f"add {rng.choice(labels)}"
        if kind == 5 and depth == 0 and labels:
            return f"concat {rng.choice(labels)}; conv w 1"
        if kind == 6 and inside == "file":
            return rng.choice(["one w", "one w act=relu", "two width=w", "two w n=(1 + 1)"])
        if kind == 7:
            return f"let v{rng.randrange(10**9)} = {rng.choice(['3', '(w * 2)', '1e-3', 'same', '3x3', 'relu'])}"
        return rng.choice(kept)

    one = "\n  ".join(line(1, "block") for _ in range(rng.randint(1, 4)))
    lines = [line(0, "file") for _ in range(rng.randint(2, 8))]
    return "\n".join(
        [
            f"input {rng.choice(['1x12x12', '4x8x9'])}    # generated",
            f"let w = {rng.choice(['4', '(2 * 2)', '(9 // 2)'])}; let act = {rng.choice(['relu', 'leaky_relu(0.2)'])}",
            "include blocks",
            "conv w 3x3 pad=same",
            f"block one(w, act=tanh) {{\n  {one}\n}}",
            "block two(width, n=1) { repeat n { one width; conv_bn width } }",
            *lines,
            "globalpool",
            "fc 3 softmax",
            "train {\n  optimizer adam lr=0.001\n  batch 8; epochs 2\n}",
            f"assert params < {rng.choice(['100M', '1e9', '(10 * 10000000)'])}",
        ]
    )


# --- mistakes --------------------------------------------------------------------------------------------------------

_WORDS = re.compile(r'[A-Za-z_]\w*|\d+(?:\.\d+)?|"[^"\n]*"|[^\s\w]')

Mistake = Callable[[str, random.Random], str]


def _at_a_word(change: Callable[[str, random.Random], str]) -> Mistake:
    def mistake(text: str, rng: random.Random) -> str:
        word = rng.choice(list(_WORDS.finditer(text)))
        return text[: word.start()] + change(word[0], rng) + text[word.end() :]

    return mistake


def _misspelt(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    return rng.choice([word[:at] + word[at + 1 :], word[:at] + rng.choice("aeiouxz0_-") + word[at:], word[::-1]])


def _number(text: str, rng: random.Random) -> str:
    number = rng.choice(list(re.finditer(r"\d+", text)))
    other = rng.choice(["0", "1", "2", "7", "99", "100000", "1000000000", "9" * 18, "9" * 19, "-3", "0.5", "1e-9", "w"])
    return text[: number.start()] + other + text[number.end() :]


def _lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    if rng.random() < 0.3:
        del lines[one]
    else:
        lines[one], lines[two] = lines[two], lines[one]
    return "\n".join(lines)


def _brace(text: str, rng: random.Random) -> str:
    braces = [m.start() for m in re.finditer(r"[{}()]", text)]
    if not braces:
        return text + rng.choice("{}()")
    at = rng.choice(braces)
    return text[:at] + rng.choice(["", text[at] * 2]) + text[at + 1 :]


MISTAKES: dict[str, Mistake] = {
    "dropped": _at_a_word(lambda word, rng: ""),
    "doubled": _at_a_word(lambda word, rng: f"{word} {word}"),
    "misspelt": _at_a_word(_misspelt),
    "inserted": _at_a_word(lambda word, rng: f"{word} {rng.choice(VOCABULARY)} "),
    "replaced": _at_a_word(lambda word, rng: rng.choice(VOCABULARY)),
    "number": _number,
    "lines": _lines,
    "brace": _brace,
    "cut": lambda text, rng: text[: rng.randrange(len(text))],
    "letter": _at_a_word(lambda word, rng: word + rng.choice("оаеｘ٣\u200b\u202e\u00a0\u2028\ufeff\r\x1b")),
}


def mistaken(text: str, rng: random.Random, count: int) -> str:
    for _ in range(count):
        text = MISTAKES[rng.choice(list(MISTAKES))](text, rng) if _WORDS.search(text) else text
        text = text if re.search(r"\d", text) else text + " 3"
    return text


# --- the tests -------------------------------------------------------------------------------------------------------


def examined(text: str) -> Analysis:
    return examine(Source("t.net", text))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    # A planted `repeat 99999` is as good a mistake with a lower limit, and a hundred times quicker.
    monkeypatch.setattr("netspec.elaborate.wiring.MAX_NODES", 2_000)
    monkeypatch.setattr("netspec.elaborate.wiring.MAX_STEPS", 5_000)


@pytest.mark.parametrize("seed", range(30))
def test_generated_specs_are_valid(seed: int) -> None:
    text = generated(random.Random(seed))
    found = examined(text)
    assert [d.render() for d in found.diagnostics] == [], text


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake(mistake: str) -> None:
    rng = random.Random(mistake)
    wrong = 0
    for number in range(60):
        text = generated(rng) if number % 3 == 0 else rng.choice(list(SPECS.values()))
        wrong += bool(examined(MISTAKES[mistake](text, rng)).diagnostics)
    # Many a mistake is another valid network; hardly any kind is always one.
    assert wrong > 5


@pytest.mark.parametrize("seed", range(8))
def test_several_mistakes(seed: int) -> None:
    rng = random.Random(1_000 + seed)
    for number in range(50):
        text = generated(rng) if number % 2 else rng.choice(list(SPECS.values()))
        examined(mistaken(text, rng, rng.randint(2, 8)))


def test_the_mistakes_are_those_of_this_list() -> None:
    # 1,000 in all: the two tests above.
    assert 60 * len(MISTAKES) + 8 * 50 == 1_000


@given(st.lists(st.sampled_from(VOCABULARY), max_size=60).map(" ".join))
def test_words_of_the_language_in_any_order(text: str) -> None:
    examined(text)
    examined(f"input 4x8x8\nconv 4 3 as w\n{text}\nfc 3")


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    examine_bytes(data)
    examine_bytes(b"input 4\nfc 3 " + data + b"\n")


@given(st.text(st.characters(codec=None), max_size=60), st.sampled_from(["{}", "fc 3 # {}", 'include "{}"', "fc {} 3"]))
def test_any_characters(text: str, place: str) -> None:
    # Also lone surrogates, which no file has, but a string of Python may.
    examined(f"input 4\n{place.replace('{}', text)}\nfc 3")


def test_every_golden_mistake_in_any_pair() -> None:
    rng = random.Random(5)
    texts = [case.text for case in read_cases()]
    for _ in range(150):
        examined(rng.choice(texts) + "\n" + rng.choice(texts))
