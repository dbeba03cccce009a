"""`netspec check`, `show` and the rules every verb keeps: exit codes, one clear error, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import BAD, GOOD, cli, lines

import netspec
from netspec.ir.network import Network


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "good.net").write_text(GOOD)
    (tmp_path / "bad.net").write_text(BAD)
    (tmp_path / "binary.net").write_bytes(b"\x00\xff\xfe" * 50)
    return tmp_path


# --- check --------------------------------------------------------------------------------------------------------


def test_a_good_spec(here: Path) -> None:
    done = cli(here, "check", "good.net")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "good.net: ok: 2 layers, 610 parameters, 1.22 kFLOP an example, loss cross_entropy\n"


def test_few_flops_are_told_with_their_unit(here: Path) -> None:
    (here / "small.net").write_text("input 4\nrelu\n")
    assert ", 4 FLOP an example," in cli(here, "check", "small.net").stdout


def test_all_errors_of_all_files(here: Path) -> None:
    (here / "empty").mkdir()
    done = cli(here, "check", "bad.net", "good.net", "none.net", "binary.net", "empty")
    assert done.returncode == 1
    for said in ("bad.net:2:1", "E0201", "E0203", "good.net: ok", "none.net", "E0001", "E0109", "binary.net", "folder"):
        assert said in done.stdout
    assert done.stdout.splitlines()[-1] == "5 errors"


def test_a_folder_stands_for_the_specs_in_it(here: Path) -> None:
    done = cli(here, "check", ".")
    assert done.returncode == 1
    assert "good.net: ok" in done.stdout
    assert "bad.net:2:1" in done.stdout


@pytest.mark.parametrize("command", ["check", "fmt", "show"])
def test_an_empty_name_is_no_folder(here: Path, command: str) -> None:
    """What `fmt "$SPEC"` becomes with no such variable would rewrite every spec below the folder here."""
    before = {p: p.read_bytes() for p in here.glob("*.net")}
    done = cli(here, command, "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "an argument is empty" in done.stderr
    assert {p: p.read_bytes() for p in here.glob("*.net")} == before


def test_a_folder_without_specs(here: Path) -> None:
    (here / "empty").mkdir()
    assert "empty has no .net files in it" in cli(here, "check", "empty").stdout


def test_standard_input(here: Path) -> None:
    def piped(text: str, *words: str) -> tuple[int, str]:
        done = cli(here, "check", *words, stdin=text.encode())
        assert done.stderr == ""
        return done.returncode, done.stdout

    assert piped(GOOD, "-") == (0, "<stdin>: ok: 2 layers, 610 parameters, 1.22 kFLOP an example, loss cross_entropy\n")
    (here / "part.net").write_text("fc 3 softmax")
    assert piped('input 4\ninclude "part.net"', "-")[0] == 0
    code, said = piped("input 4\nfc 3 rleu", "-", "good.net", "--json")
    assert (code, [x["file"] for x in lines(said)]) == (1, ["<stdin>", "good.net"])
    assert piped("#" * 1_100_000, "-")[0] == 1


def test_json(here: Path) -> None:
    done = cli(here, "check", "--json", "good.net", "bad.net", "none.net", "binary.net")
    assert done.returncode == 1
    good, bad, none, binary = lines(done.stdout)
    assert (good["file"], good["ok"], good["errors"], good["parameters"]) == ("good.net", True, [], 610)
    assert [e["code"] for e in bad["errors"]] == ["E0201", "E0203"]
    assert (bad["errors"][0]["line"], bad["errors"][0]["column"], bad["errors"][0]["file"]) == (2, 1, "bad.net")
    assert none["errors"][0]["code"] == "E0001"
    assert binary["errors"][0]["code"] == "E0109"
    assert not any(x["ok"] for x in (bad, none, binary))
    assert [x["notes"] for x in (good, bad, none, binary)] == [[], [], [], []]


def test_a_note_is_printed_and_fails_nothing(here: Path) -> None:
    (here / "noted.net").write_text("input 1x9x9\nPooling 2\nfc 10 softmax\n")
    done = cli(here, "check", "noted.net")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "noted.net: ok: 2 layers, 650 parameters, 1.56 kFLOP an example, loss cross_entropy\n"
        "noted.net:2:1: note: `Pooling`: read as Caffe has it: `pool 2 stride=1 ceil`\n"
        "  2 | Pooling 2\n"
        "    | ^^^^^^^\n"
    )
    (found,) = lines(cli(here, "check", "--json", "noted.net").stdout)
    assert (found["ok"], found["errors"]) == (True, [])
    (note,) = found["notes"]
    assert (note["severity"], note["code"], note["line"]) == ("note", "", 2)


def test_nothing_to_check_is_wrong_usage(here: Path) -> None:
    assert cli(here, "check").returncode == 2


@pytest.mark.parametrize("length", [210, 3000])
def test_long_names_are_no_crash(here: Path, length: int) -> None:
    name = "a" * length + ".net"
    if length < 250:
        (here / name).write_text(GOOD)
    assert cli(here, "check", name).returncode in (0, 1)


# --- show ---------------------------------------------------------------------------------------------------------


def test_the_table(here: Path) -> None:
    done = cli(here, "show", "good.net")
    assert done.returncode == 0
    for said in ("good: input 1x8x8, loss cross_entropy", "fc_1", "fc_2", "520", "90", "610", "total"):
        assert said in done.stdout


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("ast", "Command("),
        ("ir", '"nodes"'),
        ("ops", "return %"),
        ("dot", "digraph {"),
        ("jaxpr", "lambda"),
        ("hlo", "stablehlo"),
    ],
)
def test_every_stage(here: Path, stage: str, said: str) -> None:
    batch = ["--batch", "3"] if stage in {"ops", "jaxpr", "hlo"} else []
    done = cli(here, "show", "good.net", "--as", stage, *batch)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
    if stage == "ir":
        network = Network.model_validate_json(done.stdout)
        assert network == netspec.parse(GOOD, name="good")
    if stage in {"jaxpr", "hlo"}:
        assert "3,10" in done.stdout or "3x10" in done.stdout


def test_the_resolved_spec_parses_back(here: Path) -> None:
    done = cli(here, "show", "good.net", "--resolved", "--let", "width=5", "--set", "train.seed=7")
    again = netspec.parse(done.stdout, name="good")
    assert again == netspec.parse(GOOD, name="good", let={"width": 5}, set={"train.seed": 7})


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["show", "bad.net"], 1),
        (["show", "none.net"], 1),
        (["show", "binary.net"], 1),
        (["show", "."], 1),
        (["show"], 2),
        (["show", "good.net", "--as", "music"], 2),
        (["show", "good.net", "--batch", "0"], 2),
        (["show", "good.net", "--let", "width"], 2),
        (["show", "good.net", "--let", "width=1", "--let", "width=2"], 2),
        (["show", "good.net", "--let", "widht=1"], 1),
        (["show", "good.net", "--let", "width=}"], 1),
        (["show", "good.net", "--set", "train.epohs=1"], 1),
        (["show", "good.net", "--set", "epochs=1"], 1),
        (["show", "good.net", "--set", "train.batch=0"], 1),
        (["show", "good.net", "--set", "train.=1"], 1),
        (["show", "good.net", "--set", "train.batch.size=1"], 1),
        (["shwo", "good.net"], 2),
        (["--nosuch"], 2),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else str(words),
)
def test_one_clear_error(here: Path, words: list[str], code: int) -> None:
    done = cli(here, *words)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "[type=" not in done.stderr, "Pydantic's own words"


def test_version_and_help(here: Path) -> None:
    assert cli(here, "--version").stdout == f"netspec {netspec.__version__}\n"
    for verb in ("", "train", "data"):
        done = cli(here, *([verb] if verb else []), "--help")
        assert done.returncode == 0
        assert "Usage" in done.stdout
