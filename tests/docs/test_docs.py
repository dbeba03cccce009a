"""The reference pages are current, and every error code is documented."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.compiler import analyze, load_source
from netspec.describe.reference import REGISTRIES
from netspec.diagnostics.codes import CODES
from netspec.diagnostics.diagnostic import Source
from netspec.elaborate.vocabulary import COMMANDS, Command
from netspec.ir.data_source import DataSource
from netspec.ir.recipe import Recipe
from netspec.layers import LAYERS
from netspec.recipe.array_facts import KEYS, NAMES_KEY
from netspec.schema.definition import parameters
from netspec.syntax import ast
from netspec.syntax.parser import parse
from netspec.system.resources import specs_folder
from netspec.workflows import train as session

ROOT = Path(__file__).parents[2]
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\S*) ?(.*)\n((?:.*\n)*?)```$", LANGUAGE, re.MULTILINE)


def test_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_programs_of_the_pages_have_the_types_they_seem_to_have() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "examples.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_codes_in_the_source_are_exactly_those_documented() -> None:
    files = [p for p in (ROOT / "netspec").rglob("*.py") if p.name != "codes.py"]
    used = {code for p in files for code in re.findall(r'"(E\d{4})"', p.read_text(encoding="utf-8"))}
    assert used == set(CODES)


# --- the page of the language -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "mark", "text"), FENCES, ids=[f[2].splitlines()[0] for f in FENCES])
def test_every_example_is_right_or_wrong_as_it_says(kind: str, mark: str, text: str) -> None:
    if kind == "text":
        assert not mark
        return
    assert kind == "net", "an example is `net`, or `text` where it is no spec"
    found = analyze(Source("example.net", _standing_alone(text)))
    if mark:
        assert [d.code for d in found.diagnostics] == [mark.removeprefix("wrong ")]
    else:
        assert not found.diagnostics, "\n".join(d.render() for d in found.diagnostics)


def _standing_alone(text: str) -> str:
    """Return an example behind an input, where it says none; as the page tells its readers."""
    names = {command.name.text for command in parse(Source("example.net", text)).commands}
    return text if names & {"input", "data"} else f"input 8x12x12\n{text}"


def test_the_page_has_everything_that_the_language_has() -> None:
    for command in COMMANDS.values():
        assert f"\n### {command.name}\n" in LANGUAGE
        assert command.example in LANGUAGE
    for cls in (c for family in REGISTRIES.values() for c in family.entries):
        assert f"`{cls.canonical()}" in LANGUAGE
    for cls in (Recipe, DataSource):
        for p in parameters(cls):
            if p.name not in {"name", "fallback"}:
                assert f"\n| `{p.name}` | " in LANGUAGE
                assert p.description in LANGUAGE
    for letter in ("k", "M", "Gi"):
        assert f"| `{letter}` | " in LANGUAGE
    assert "{{" not in LANGUAGE


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda c: c.name)
def test_the_example_of_a_command_has_that_command(command: Command) -> None:
    file = parse(Source("example.net", command.example))
    assert command.name in {c.name.text for c in file.commands}
    assert isinstance(file.commands[0], ast.Command)


def test_no_command_is_a_layer() -> None:
    assert not set(COMMANDS) & set(LAYERS)


# --- the page of your own data ------------------------------------------------------------------------------------


def test_the_examples_of_your_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "your_data.md").read_text(encoding="utf-8")

    def between(mark: str) -> str:
        return page.split(f"<!-- {mark}:begin -->")[1].split(f"<!-- {mark}:end -->")[0].strip()

    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    for mark in ("npz", "python"):
        exec(between(mark).removeprefix("```python").removesuffix("```"), scope)
    assert scope["net"].graph().parameter_count == 114
    (tmp_path / "my.net").write_text(between("spec").removeprefix("```net").removesuffix("```"))
    assert not analyze(load_source(tmp_path / "my.net"), files=True).diagnostics
    assert list(session.train(netspec.load("my.net"), out=tmp_path / "run", base=tmp_path))
    assert netspec.open(tmp_path / "run").labels == ("setosa", "virginica")
    assert {"x_train", "y_train", "x_test", "y_test"} == set(KEYS)
    assert f"`{NAMES_KEY}`" in page
    assert "docs/your_data.md" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_example_of_sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    page = (ROOT / "docs" / "sound.md").read_text(encoding="utf-8")
    shutil.copytree(specs_folder() / "own", tmp_path / "specs" / "own")
    monkeypatch.chdir(tmp_path)
    exec(page.split("<!-- sound:begin -->\n```python")[1].split("```")[0], {})
    assert capsys.readouterr().out.endswith("rising\n")


@pytest.mark.slow
def test_the_examples_of_fine_tuning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "fine_tuning.md").read_text(encoding="utf-8")

    def between(mark: str) -> str:
        return page.split(f"<!-- {mark}:begin -->")[1].split(f"<!-- {mark}:end -->")[0].strip()

    monkeypatch.chdir(tmp_path)
    for name in ("base", "fine"):
        (tmp_path / f"{name}.net").write_text(between(name).removeprefix("```net").removesuffix("```"))
    list(netspec.train("base.net", "digits", out="runs/base/001"))
    exec(between("few").removeprefix("```python").removesuffix("```"), {})
    assert not analyze(load_source(tmp_path / "fine.net"), files=True).diagnostics
    events = list(netspec.train("fine.net", out="runs/fine/001", epochs=6))
    event = next(e for e in events if isinstance(e, netspec.Weights))
    assert len(event.taken) == 14
    assert event.fresh["head/kernel"] == {"shape": (2, 64), "found": (10, 64)}
    assert next(e for e in events if isinstance(e, netspec.Started)).frozen == 13_344
    # The page has what the command line prints of it.
    assert "head/kernel  2x64  begins fresh: 10x64 there" in page
    exec(page.split("## In Python")[1].split("```python")[1].split("```")[0], {})
    assert netspec.open("mine.safetensors").labels == netspec.open("runs/base").labels
