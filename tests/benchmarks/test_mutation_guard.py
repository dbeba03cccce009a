"""The guard of the tests: which mistakes it makes, where it makes none, and what it does with them."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

import netspec

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import mutation_guard as guard
from mutants.mutate import applied, mutations
from mutants.trial import FAILED, Trial, by_relevance

ROOT = guard.ROOT


def changed(text: str) -> set[str]:
    return {applied(text, m) for m in mutations(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", {"a - b"}),
        ("(a) * (b // 'x')", {"(a) // (b // 'x')"}),
        ("a % b / c", {"a * b / c", "a % b * c"}),
        ("a -= b", {"a += b"}),
        ("a < b <= c", {"a <= b <= c", "a < b < c"}),
        ("a == b != c", {"a != b != c", "a == b == c"}),
        ("a is b", {"a is not b"}),
        ("a not in b", {"a in b"}),
        ("a and b or c", {"a or b or c", "a and b and c"}),
        ("not (a)", {"(a)"}),
        ("f(0, x=7)", {"f(1, x=7)", "f(0, x=8)", "f(0, x=6)"}),
        ("a = 1e-3", {"a = 1.001"}),
        ("a = True", {"a = False"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("def f():\n    return None", set()),
        ("ä = 'ö'; ü = é + (\n  # + here\n  b)", {"ä = 'ö'; ü = é - (\n  # + here\n  b)"}),
    ],
)
def test_mistakes(text: str, expected: set[str]) -> None:
    assert changed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""1 + 1 is not 3."""',
        "__all__ = [1]",
        "a: Annotated[int, 1]",
        "def f(a: T[1]) -> T[2]: pass",
        "@d(frozen=True)\nclass C: pass",
        "if TYPE_CHECKING:\n    a = 1",
        "f'{a + 1}'",
        "'a' + b",
        "x += [a]",
    ],
)
def test_places_without_mistakes(text: str) -> None:
    assert changed(text) == set()


def test_every_mutation_of_the_package_is_a_program() -> None:
    for name in ("syntax/numbers.py", "elaborate/limits.py", "graph/memory.py"):
        text = (ROOT / "netspec" / name).read_text(encoding="utf-8")
        before, found = ast.dump(ast.parse(text)), mutations(text)
        assert len(found) > 10
        for mutation in found:
            assert ast.dump(ast.parse(applied(text, mutation))) != before, (name, mutation)


def test_the_same_seed_makes_the_same_mistakes_and_more_of_them_begin_alike() -> None:
    few, many = guard.chosen(["syntax"], seed=3, count=5), guard.chosen(["syntax"], seed=3, count=20)
    assert many[:5] == few
    assert len({(t.file, t.mutation) for t in many}) == 20
    assert guard.chosen(["syntax"], seed=4, count=5) != few
    assert {Path(t.file).parent.name for t in many} == {"syntax"}


def test_the_tests_that_know_the_file_come_first() -> None:
    tests = guard.test_files(["tests"])
    first, rest = by_relevance("netspec/syntax/numbers.py", tests, ROOT)
    assert "tests/syntax/test_formatter.py" in first
    assert sorted(first + rest) == tests
    assert not set(first) & set(rest)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [("return 1 + 1 == 2", "survived"), ("assert f() == 2", "caught"), ("while f() != 2: pass", "time")],
)
def test_a_mistake_is_caught_or_survives(tmp_path: Path, body: str, outcome: str) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "code.py").write_text("def f():\n    return 1 + 1\n")
    (tmp_path / "test_code.py").write_text(
        f"from pack.code import f\n\ndef test_f():\n    {body}\n".replace("return ", "")
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    trial = Trial("pack/code.py", next(m for m in mutations("def f():\n    return 1 + 1\n") if m.before == "+"), "")
    found = guard.tried(trial, tmp_path, [["test_code.py"]], limit=2 if outcome == "time" else 60, workers="0")
    assert found == outcome
    # The next one begins with the file as it was.
    assert (tmp_path / "pack" / "code.py").read_text() == "def f():\n    return 1 + 1\n"


def test_what_was_tried_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "copied", lambda root, folder: None)
    monkeypatch.setattr(guard, "baseline", lambda *a, **k: 1.0)
    asked: list[Trial] = []

    def tried(trial: Trial, *rest: object, **more: object) -> str:
        asked.append(trial)
        return "survived" if len(asked) == 1 else "caught"

    monkeypatch.setattr(guard, "tried", tried)
    out = tmp_path / "guard.jsonl"
    words = ["--only", "syntax", "--out", str(out), "--seed", "1"]
    assert guard.main([*words, "--count", "2"]) == FAILED
    assert guard.main([*words, "--count", "3", "--resume"]) == FAILED
    assert len(asked) == 3
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["outcome"] for line in lines] == ["survived", "caught", "caught"]
    table = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "| netspec/syntax | 3 | 2 | 1 |" in table
    assert f"`{lines[0]['file']}:{lines[0]['line']}`" in table
    assert guard.main([*words, "--count", "1"]) == 0
    assert len(asked) == 4
    assert Path(netspec.__file__).is_relative_to(ROOT)
