"""What the README shows is what happens: its program runs, its specs check, its commands exist."""

import re
from pathlib import Path

import pytest

import netspec as ns
from netspec.cli.app import VERBS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(marker: str) -> str:
    found = re.search(rf"<!-- {marker}:begin -->\n(.*?)<!-- {marker}:end -->", README, re.DOTALL)
    assert found, f"README.md has no {marker} markers"
    return found.group(1).strip()


def test_embedding_program_runs_in_ten_lines_or_so() -> None:
    code = between("embed").removeprefix("```python\n").removesuffix("```")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    saliency = names["saliency"]
    assert saliency.shape == (5, 1, 8, 8)
    assert float(abs(saliency).max()) > 0


def test_flagship_is_shown_as_it_is() -> None:
    shown = re.search(r"# specs/lenet.net\n(.*?)```", README, re.DOTALL)
    assert shown
    assert ns.parse(shown.group(1), name="lenet") == ns.load(ROOT / "specs" / "lenet.net")


def test_error_is_shown_as_it_is() -> None:
    shown = between("error").removeprefix("```\n").removesuffix("\n```")
    spec = "input 1x12x12\nconv 20 5x5 relu; pool 2\nconv 50 5x5 relu\nfc 10 softmx"
    with pytest.raises(ns.SpecError) as caught:
        ns.parse(spec, name="small")
    assert shown == str(caught.value)


def test_blocks_are_shown_as_they_are() -> None:
    graph = ns.parse(between("blocks").removeprefix("```\n").removesuffix("```")).graph()
    assert 20_000 < graph.parameter_count < 100_000


def test_twins_are_shown_as_they_are() -> None:
    net = ns.parse(between("twins").removeprefix("```\n").removesuffix("```"))
    assert [i.name for i in net.inputs] == ["left", "right"]
    assert [o.name for o in net.outputs] == ["sum", "distance"]
    assert net.graph().parameter_count == 16 * 26 + 64 * (16 * 144 + 1) + 11 * (128 + 1)


def test_commands_of_the_table_exist() -> None:
    named = set(re.findall(r"^\| `netspec (\w+)", README, re.MULTILINE))
    assert named <= set(VERBS)
    assert set(VERBS) - {"explain"} <= named
