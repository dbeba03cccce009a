"""What language models write on, through Python and the command line; untrained ones, whose text means nothing."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.cli import streams
from netspec.cli.app import run_command
from netspec.diagnostics.diagnostic import DataError, NetspecError
from netspec.runs import model_file
from netspec.runs.folder import arrays_of
from netspec.runs.model_file import ModelFile
from netspec.sources.preparation import Preparation
from netspec.sources.texts.vocabulary import Vocabulary
from netspec.workflows.generate import LanguageModel
from netspec.workflows.sampling import Chance, Sampling
from netspec.workflows.trained import Run, open_run

BOOK = "to be, or not to be:\nthat is the question.\n"
LENGTH = 6
EACH, ROW = "fc {n} softmax pointwise", "fc {n} softmax"
MODELS = {
    "chars": ("chars", f"embedding 4; lstm 6; {EACH}"),
    "words": ("words", f"embedding 4; gru 6; {EACH}"),
    "bytes": ("bytes", f"embedding 4; rnn 4; {EACH}"),
    "gpt": ("chars", f"embedding 4; position; attention 2 causal; {EACH}"),
    "row": ("chars", f"embedding 4; lstm 6 last; {ROW}"),
    "whole": ("chars", f"embedding 4; lstm 6 bidirectional last; {ROW}"),
    "logits": ("chars", "embedding 4; rnn 4; fc {n} pointwise; train {{ loss cross_entropy }}"),
    "shares": ("chars", f"embedding 4; rnn 4; {EACH}; train {{{{ loss mse }}}}"),
    "each": ("chars", "embedding 4; rnn 4; fc {n} sigmoid pointwise"),
    "plain": ("chars", "embedding 4; rnn 4; fc {n} pointwise"),
    "ahead": ("chars", f"embedding 4; lstm 4; attention 2; {EACH}"),
    "pooled": ("chars", f"embedding 4 as a; globalpool; fc 4 sigmoid; multiply a; {EACH}"),
}


def written(folder: Path, name: str, spec: str, vocabulary: Vocabulary | None) -> None:
    network = ns.parse(spec, name=name)
    model = ns.compile(network, "cpu")
    variables = model.init(1)
    for arrays in variables.params.values():
        # Larger weights, so that what stands before makes a difference.
        arrays.update({key: 3 * array for key, array in arrays.items()})
    preparation = Preparation(vocabulary=vocabulary) if vocabulary else None
    content = ModelFile(network, model.graph, arrays_of(variables), (), {}, preparation=preparation)
    model_file.write(folder / f"{name}.safetensors", content)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained model of each kind."""
    folder: Path = tmp_path_factory.mktemp("generate")
    for name, (unit, layers) in MODELS.items():
        vocabulary = Vocabulary.of(unit, BOOK)  # type: ignore[arg-type]
        n = len(vocabulary)
        data = f'data "book.txt" {{ text {unit} length={LENGTH}; target next }}'
        written(folder, name, f"input {LENGTH} tokens={n}; {data}; {layers.format(n=n)}", vocabulary)
    written(folder, "numbers", "input 6 tokens=9; embedding 2; lstm 2; fc 9 softmax pointwise", None)
    written(folder, "images", "input 1x4x4; fc 2 softmax", None)
    written(folder, "rows", "input 4; fc 2 softmax", None)
    classes = "input 6 tokens=9; embedding 2; lstm 2 last; fc 2 softmax"
    written(folder, "classes", classes, Vocabulary.of("chars", "abcdefghi"))
    return folder


@pytest.fixture
def cli(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `netspec generate MODEL …` in this process."""
    monkeypatch.chdir(here)
    monkeypatch.setenv("NETSPEC_COMPILE_CACHE", "off")

    def run(model: str, *words: str) -> tuple[int, str, str]:
        return (run_command(["generate", f"{model}.safetensors", *words]), *capsys.readouterr())

    return run


def opened(here: Path, name: str) -> Run:
    return open_run(here / f"{name}.safetensors")


@pytest.mark.parametrize("name", ["gpt", "whole", "row"])
def test_a_text_is_what_the_full_computation_of_its_end_gives(here: Path, name: str) -> None:
    """Also beyond the length of an example; a recurrence that only looks back goes on instead."""
    run, settings = opened(here, name), Sampling.of(0.8, 9, 0.9)
    assert run.vocabulary is not None
    text, chance = BOOK[:LENGTH], Chance(3)
    count = 3 * LENGTH if name != "row" else 1
    for _ in range(count):
        seen = run.vocabulary.encode(text)[-LENGTH:]
        logits = np.asarray(run.model.logits(run.variables, [seen]))[0].reshape(len(run.vocabulary), -1)[:, -1]
        text += run.vocabulary.decode([chance.choose(logits, settings)])
    found = run.generate(BOOK[:LENGTH], length=count, temperature=0.8, top_k=9, top_p=0.9, seed=3)
    assert BOOK[:LENGTH] + found == text


def test_the_same_seed_writes_the_same_text(here: Path) -> None:
    run = opened(here, "chars")
    text = run.generate("to ", length=40)
    assert len(text) == 40
    assert text == run.generate("to ", length=40, seed=0) == opened(here, "chars").generate("to ", length=40)
    assert "".join(run.stream("to ", length=40)) == text
    assert run.generate("to ", 20) == text[:20]
    assert run.generate("to ", length=40, seed=1) != text
    # The text before a prompt goes on as if it had been written.
    assert (
        run.generate("to " + text[:15], length=5, temperature=0)
        == run.generate("to " + text[:15], length=9, temperature=0)[:5]
    )
    assert (
        run.generate("to", temperature=0, seed=5) == run.generate("to", temperature=1e-9) == run.generate("to", top_k=1)
    )


def test_without_a_prompt_a_text_begins_behind_a_line_break(here: Path) -> None:
    for name in ("chars", "words", "bytes"):
        run = opened(here, name)
        assert run.generate(length=9) == run.generate("\n", length=9) == run.generate("\r\n", length=9)
    run = opened(here, "chars")
    no_lines = LanguageModel(run.file, run.model, run.variables, Vocabulary.of("chars", BOOK.replace("\n", "\t")))
    with pytest.raises(DataError, match="there is no prompt, and no line break to begin behind"):
        no_lines.write("")


def test_a_text_ends_before_a_token(here: Path) -> None:
    run = opened(here, "chars")
    text = run.generate("to ", length=40)
    assert run.generate("to ", length=40, stop=text[7]) == text[: text.index(text[7])]
    words = opened(here, "words")
    assert "question" not in words.generate("to", length=60, stop="question")


def test_words_have_spaces_and_unknown_ones_are_never_written(here: Path) -> None:
    run = opened(here, "words")
    text = run.generate("to be", length=30, temperature=5)
    assert run.vocabulary is not None
    assert "\ufffd" not in text
    assert len(run.vocabulary.encode("to be" + text)) == 32
    assert run.language_model.unknown("to see, or not") == ["see"]
    assert run.generate("to see", length=5)


def test_bytes_are_written_as_whole_characters(here: Path) -> None:
    pieces = list(opened(here, "bytes").stream("é", length=200))
    assert all(pieces)
    assert "".join(pieces) == "".join(pieces).encode("utf-8").decode("utf-8")


@pytest.mark.parametrize("name", ["logits", "shares", "each"])
def test_tokens_are_as_likely_as_the_model_says(here: Path, name: str) -> None:
    """Whether it ends in a softmax or not, whatever its loss reads: those whose outputs are higher are likelier."""
    run = opened(here, name)
    assert run.vocabulary is not None
    outputs = run.outputs([run.vocabulary.encode("to be,")])[0, :, -1]
    likeliest = run.vocabulary.decode([int(outputs.argmax())])
    assert run.generate("to be,", length=1, temperature=0) == likeliest
    drawn = {run.generate("to be,", length=1, seed=seed) for seed in range(12)}
    assert len(drawn) > 1


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("images", "is no language model: it reads images, not a text", "target next"),
        ("rows", "is no language model: it reads numbers, not a text", "target next"),
        ("numbers", "learned from token numbers, and has no vocabulary", "target next"),
        ("plain", "it gives numbers, not how likely each token is", "softmax"),
        ("classes", "it does not give one of its 9 tokens", "target next"),
        (
            "ahead",
            "`attention 2` (attention_1) reads tokens that come after the one it is to give",
            "attention 4 causal",
        ),
        ("pooled", "`globalpool` (globalpool_1) reads tokens that come after", "take last"),
    ],
)
def test_what_writes_no_text(here: Path, name: str, message: str, fix: str) -> None:
    with pytest.raises(DataError) as caught:
        opened(here, name).generate("to be")
    assert f"{name}.safetensors" in caught.value.message
    assert message in caught.value.message
    assert fix in caught.value.fix


@pytest.mark.parametrize(("name", "writes"), [("chars", True), ("numbers", False)])
def test_a_text_that_is_to_be_predicted_is_one_to_go_on_from(here: Path, name: str, writes: bool) -> None:
    (here / "book.txt").write_text(BOOK)
    with pytest.raises(DataError, match="reads token numbers, not pictures or text") as caught:
        opened(here, name).read(here / "book.txt")
    assert ("`netspec generate RUN --prompt" in caught.value.fix) == writes


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("chars", {"prompt": "To bé"}, "the prompt has what the model has never seen: 'T' and 'é'", "leave it out"),
    ("chars", {"prompt": "XYZÄÖÜ"}, "'X', 'Y', 'Z', 'Ä' and 'Ö', and 1 more", "leave it out"),
    ("chars", {"prompt": r"to\n"}, r"never seen: '\\'", "--prompt -"),
    ("chars", {"prompt": "to\udcff"}, "the prompt is no UTF-8", "UTF-8"),
    ("chars", {"prompt": None}, "the prompt must be a text, not None", "ROMEO"),
    ("chars", {"prompt": ["to"]}, "the prompt must be a text, not a list", "ROMEO"),
    ("gpt", {"prompt": "to be, or"}, "the prompt has 9 tokens, and the model sees 6 at once", "the last 6 of them"),
    ("whole", {"prompt": "to be"}, "the prompt has 5 tokens", "6 tokens or more"),
    ("whole", {}, "the prompt has 1 token, and", "6 tokens or more"),
    ("chars", {"length": 0}, "length must be a positive whole number, not the int 0", "length=200"),
    ("chars", {"length": -1}, "length must be a positive whole number", "length=200"),
    ("chars", {"length": 2.5}, "length must be a positive whole number", "length=200"),
    ("chars", {"temperature": float("nan")}, "temperature must be a number, 0 or more", "likeliest"),
    ("chars", {"top_p": 0}, "top_p must be a number above 0, at most 1", "0.9"),
    ("chars", {"top_k": 0}, "top_k must be a positive whole number", "top_k=40"),
    ("chars", {"seed": -3}, "seed must be a whole number, 0 or more", "seed=0"),
    ("chars", {"stop": "be"}, "stop must be one token, and 'be' is 2 characters", "one character"),
    ("chars", {"stop": ""}, "stop must be one token, and '' is 0 characters", "one character"),
    ("chars", {"stop": "Z"}, "the model never writes 'Z'", "one character"),
    ("chars", {"stop": r"\n"}, r"the model never writes '\\'", r"$'\n'"),
    ("chars", {"stop": 5}, "stop must be a text, not the int 5", "stop="),
    ("words", {"stop": "to be"}, "'to be' is 2 words", "one word"),
    ("words", {"stop": "see"}, "the model never writes 'see'", "one word"),
    ("bytes", {"stop": "é"}, "'é' is 2 bytes", "one byte"),
]


@pytest.mark.parametrize(("name", "given", "message", "fix"), WRONG, ids=lambda x: str(x)[:30])
def test_one_clear_error(here: Path, name: str, given: dict[str, Any], message: str, fix: str) -> None:
    run = opened(here, name)
    for function in (run.generate, run.stream):
        # At once, not when the first piece is asked for.
        with pytest.raises(NetspecError) as caught:
            function(**given)
        assert message in caught.value.message
        assert fix in caught.value.fix


# --- the command line ---------------------------------------------------------------------------------------------


def test_the_prompt_is_printed_and_the_text_behind_it(here: Path, cli: Any) -> None:
    text = opened(here, "chars").generate("to ", length=30, temperature=0.5, top_k=5, top_p=0.9, seed=7)
    words = ("--length", "30", "--temperature", "0.5", "--top-k", "5", "--top-p", "0.9", "--seed", "7")
    code, out, err = cli("chars", "--prompt", "to ", *words)
    assert (code, err) == (0, "")
    assert out == "to " + text + ("" if text.endswith("\n") else "\n")
    code, out, _ = cli("chars", "--prompt", "to ", *words, "--json")
    (line,) = out.splitlines()
    assert json.loads(line) == {
        "model": "chars.safetensors", "prompt": "to ", "text": text, "temperature": 0.5, "seed": 7
    }  # fmt: skip


def test_the_prompt_may_be_empty_or_on_standard_input(here: Path, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = cli("chars", "--length", "9")
    assert nothing[0] == 0
    assert cli("chars", "--prompt", "", "--length", "9") == nothing
    assert cli("chars", "--prompt", "to\r\nbe", "--length", "9")[1].startswith("to\nbe")
    for content, out in ((b"to\r\nbe", "to\nbe"), (b"\xef\xbb\xbfto", "to")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert cli("chars", "--prompt", "-", "--length", "9")[1].startswith(out)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    code, out, err = cli("chars", "--prompt", "-")
    assert (code, out) == (1, "")
    assert "the prompt on standard input is no UTF-8" in err


def test_words_that_the_model_does_not_know_are_noted(cli: Any) -> None:
    code, out, err = cli("words", "--prompt", "to see", "--length", "2")
    assert code == 0
    assert out.startswith("to see")
    assert err == "note: the model does not know 'see': read as words it has never seen\n"
    assert json.loads(cli("words", "--prompt", "to see", "--length", "2", "--json")[1])["unknown"] == ["see"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--prompt", "To"], 1, "never seen: 'T'"),
        (["--length", "0"], 2, "--length"),
        (["--length", "-1"], 2, "--length"),
        (["--temperature", "-0.1"], 2, "-0.1 is not a number 0 or more"),
        (["--temperature", "nan"], 2, "nan is not a number"),
        (["--temperature", "inf"], 2, "inf is not a number"),
        (["--top-p", "0"], 2, "0 is not a number above 0"),
        (["--top-p", "1.5"], 2, "1.5 is not a number above 0"),
        (["--top-k", "0"], 2, "--top-k"),
        (["--seed", "-1"], 2, "--seed"),
        (["--stop", "be"], 1, "one token"),
        (["--prompt", "a", "--prompt", "b"], 2, "given twice"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_wrong_words(cli: Any, words: list[str], code: int, said: str) -> None:
    found, out, err = cli("chars", *words)
    assert (found, out) == (code, "")
    assert said in err


def given(pieces: Iterator[str]) -> Any:
    return lambda self, prompt, **settings: pieces


def test_nothing_of_a_text_steers_the_terminal(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "stream", given(iter(["a\x1b[31m", "\tb\r\n", "c\x9b\u202e"])))
    assert cli("chars", "--prompt", "x\x1by")[1] == "x\ufffdya\ufffd[31m\tb\ufffd\nc\ufffd\ufffd\n"


def test_what_is_interrupted_ends_its_line(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces() -> Iterator[str]:
        yield "or"
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "stream", given(pieces()))
    assert cli("chars", "--prompt", "to be, ")[:2] == (130, "to be, or\n")


def test_when_the_reader_leaves_nothing_more_is_written(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(Run, "stream", given(asked.append(n) or "or " for n in range(99)))  # type: ignore[func-returns-value]
    monkeypatch.setattr(streams, "reader_left", lambda: len(asked) > 2)
    assert cli("chars")[0] == 0
    assert len(asked) == 3
