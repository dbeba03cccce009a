"""The files of cases are read as README.md says, and `--update` changes the messages alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from diagnostics.cases import Case, MalformedError, fenced, read_cases, write_message

HEAD = "# E0201: unknown layer or command\n"
ONE = HEAD + "\n## a\n\n```net\ninput 4\nfo 3\n```\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    read_cases.cache_clear()
    return tmp_path


def cases(folder: Path, text: str, name: str = "E0201.md") -> tuple[Case, ...]:
    (folder / name).write_text(text, encoding="utf-8")
    read_cases.cache_clear()
    return read_cases(folder)


def test_a_case_without_a_message_gets_one(folder: Path) -> None:
    (case,) = cases(folder, ONE)
    assert (case.id, case.spec, case.message) == ("E0201/a", b"input 4\nfo 3\n", None)
    write_message(case, case.rendered)
    (case,) = cases(folder, (folder / "E0201.md").read_text(encoding="utf-8"))
    assert case.message == case.rendered
    assert case.rendered.startswith("a.net:2:1: error[E0201]: ")


def test_only_the_message_is_replaced(folder: Path) -> None:
    text = ONE + "\nIt is said so:\n\n```\n{}\n```\n\nThe end.\n\n## b\n\n```net\nfu 3\n```\n\n```\nother\n```\n"
    first, second = cases(folder, text.format("old"))
    assert (first.message, second.message) == ("old\n", "other\n")
    write_message(first, "new\nand longer\n")
    assert (folder / "E0201.md").read_text(encoding="utf-8") == text.format("new\nand longer")


def test_fences_within_a_spec_and_a_message(folder: Path) -> None:
    spec = "input 4\n```\n## no heading\n````\n"
    text = "\n".join([HEAD, "## a", "", *fenced(spec, "net"), "", *fenced("```\nx\n")]) + "\n"
    (case,) = cases(folder, text)
    assert (case.spec.decode(), case.message) == (spec, "```\nx\n")
    write_message(case, "`````\n")
    assert cases(folder, (folder / "E0201.md").read_text(encoding="utf-8"))[0].message == "`````\n"


def test_raw_files(folder: Path) -> None:
    (folder / "raw" / "E0108").mkdir(parents=True)
    (folder / "raw" / "E0108" / "a.net").write_bytes(b"\r\n")
    (case,) = read_cases(folder)
    assert (case.id, case.spec, case.message, case.raw) == ("E0108/a", b"\r\n", None, True)
    write_message(case, case.rendered)
    read_cases.cache_clear()
    assert read_cases(folder)[0].message == case.rendered


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## a\n", "E0201.md:1: write `# E0201: unknown layer or command`"),
        (HEAD + "## a\n", "E0201.md:2: a has 0 fenced blocks"),
        (ONE + "\n```\nx\n```\n```\ny\n```\n", "E0201.md:3: a has 3 fenced blocks"),
        (HEAD + "```\nx\n```\n", "E0201.md:2: a block before"),
        (ONE + "\n## B\n", "E0201.md:10: a case is named with"),
        (ONE + "\n## b\n````\nfo 3\n```\n", "E0201.md:11: this fence is not closed by a line of ```` alone"),
        (ONE + ONE.removeprefix(HEAD), "E0201/a and E0201/a have one name"),
    ],
)
def test_what_is_not_written_so_is_answered(folder: Path, text: str, said: str) -> None:
    with pytest.raises(MalformedError) as caught:
        cases(folder, text)
    assert str(caught.value).startswith(said)


def test_a_name_is_taken_under_every_code(folder: Path) -> None:
    cases(folder, ONE)
    with pytest.raises(MalformedError, match="E0201/a and E0999/a have one name"):
        cases(folder, ONE, "E0999.md")


def test_a_file_is_named_after_its_code(folder: Path) -> None:
    with pytest.raises(MalformedError, match=r"notes\.md: a file of cases is named"):
        cases(folder, ONE, "notes.md")
