"""`netspec fmt`: what it writes and says, what it leaves alone, and its exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_line import ROOT, cli

UGLY = "Linear   10 #ten\r\n\r\n\r\ntrain{epochs 5;batch 3}"
NICE = "fc 10  # ten\n\ntrain { epochs 5; batch 3 }\n"


def piped(folder: Path, text: str, *words: str) -> tuple[int, str, str]:
    """Format what comes on standard input, to a stream that is said to be ASCII; returns exit code, output, errors."""
    done = cli(folder, "fmt", *words, stdin=text.encode(), encoding="ascii")
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "ugly.net").write_bytes(UGLY.encode())
    (tmp_path / "nice.net").write_bytes(NICE.encode())
    (tmp_path / "wrong.net").write_bytes(b"fc 10 {\n\n\nfc ]\n")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_a_file_is_rewritten_once(here: Path) -> None:
    done = cli(here, "fmt", "ugly.net")
    assert (done.returncode, done.stdout, done.stderr) == (0, "reformatted ugly.net\n", "")
    assert (here / "ugly.net").read_bytes() == NICE.encode()
    done = cli(here, "fmt", "ugly.net", "nice.net", "./nice.net")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 files already formatted\n", "")
    assert sorted(contents(here)) == ["nice.net", "ugly.net", "wrong.net"], "no temporary file is left"


def test_a_file_that_is_right_is_not_touched(here: Path) -> None:
    os.utime(here / "nice.net", ns=(1, 1))
    cli(here, "fmt", "nice.net")
    assert (here / "nice.net").stat().st_mtime_ns == 1


def test_check_changes_nothing(here: Path) -> None:
    before = contents(here)
    done = cli(here, "fmt", "--check", "ugly.net", "nice.net")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "would reformat ugly.net\n1 file would be reformatted, 1 file already formatted\n"
    assert cli(here, "fmt", "nice.net", "--check").returncode == 0
    assert contents(here) == before


@pytest.mark.parametrize("words", [["--diff"], ["--diff", "--check"]])
def test_diff_is_a_patch(here: Path, words: list[str]) -> None:
    (here / "ugly.net").write_text("fc  10\nrelu")
    done = cli(here, "fmt", *words, "ugly.net", "nice.net")
    assert done.returncode == 1
    assert done.stdout == (
        "--- ugly.net\n+++ ugly.net\n@@ -1,2 +1,2 @@\n-fc  10\n-relu\n\\ No newline at end of file\n+fc 10\n+relu\n"
    )
    assert done.stderr == "1 file would be reformatted, 1 file already formatted\n"
    assert (here / "ugly.net").read_text() == "fc  10\nrelu"
    assert cli(here, "fmt", *words, "nice.net").returncode == 0


def test_standard_input(tmp_path: Path) -> None:
    ugly = "reformat <stdin>\n1 file would be reformatted\n"
    assert piped(tmp_path, "Linear 10 # zehn Stück", "-") == (0, "fc 10  # zehn Stück\n", "")
    assert piped(tmp_path, UGLY, "--check", "-") == (1, f"would {ugly}", "")
    assert piped(tmp_path, NICE, "--check", "-") == (0, "1 file already formatted\n", "")
    code, out, _ = piped(tmp_path, "a", "--diff", "-")
    assert (code, out[:22]) == (1, "--- <stdin>\n+++ <stdin")
    code, out, err = piped(tmp_path, "fc ]", "-")
    assert (code, out) == (1, "")
    assert "<stdin>:1:4" in err


def test_what_cannot_be_read_is_said_and_the_rest_is_done(here: Path) -> None:
    (here / "binary.net").write_bytes(b"\xff\x00")
    (here / "large.net").write_bytes(b"a\n" * 600_000)
    (here / "empty").mkdir()
    before = contents(here)
    done = cli(here, "fmt", "wrong.net", "none.net", "binary.net", "large.net", "empty", "ugly.net")
    assert done.returncode == 1
    assert done.stdout == "reformatted ugly.net\n"
    for said in ("wrong.net:4:4", "none.net", "no such file", "E0109", "E0107", "empty has no .net files in it"):
        assert said in done.stderr
    assert contents(here) == before | {"ugly.net": NICE.encode()}


def test_a_folder_stands_for_its_specs(here: Path) -> None:
    for folder in ("a/b", ".hidden"):
        (here / folder).mkdir(parents=True)
        (here / folder / "x.net").write_text("fc  10")
        (here / folder / "x.txt").write_text("fc  10")
    (here / "wrong.net").unlink()
    done = cli(here, "fmt", ".")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"reformatted {Path('a/b/x.net')}",
        "reformatted ugly.net",
        "1 file already formatted",
    ]
    assert (here / ".hidden" / "x.net").read_text() == "fc  10"
    assert (here / "a" / "b" / "x.txt").read_text() == "fc  10"
    (here / ".hidden" / "x.net").chmod(0o644)
    assert cli(here / ".hidden", "fmt", ".").stdout == "reformatted x.net\n", "asked for by name"


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions_stay(here: Path) -> None:
    (here / "ugly.net").chmod(0o750)
    cli(here, "fmt", "ugly.net")
    assert (here / "ugly.net").stat().st_mode & 0o777 == 0o750


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_write_protected_file_stays(here: Path) -> None:
    (here / "ugly.net").chmod(0o444)
    done = cli(here, "fmt", "ugly.net")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ugly.net is write-protected" in done.stderr
    assert (here / "ugly.net").read_bytes() == UGLY.encode()
    assert cli(here, "fmt", "--check", "ugly.net").stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_a_link(here: Path) -> None:
    (here / "folder").mkdir()
    (here / "folder" / "link.net").symlink_to("../ugly.net")
    assert cli(here, "fmt", "folder/link.net").stdout == "reformatted folder/link.net\n"
    assert (here / "folder" / "link.net").is_symlink()
    assert (here / "ugly.net").read_bytes() == NICE.encode()
    assert len(list((here / "folder").iterdir())) == 1


def test_a_name_too_long_is_one_error(here: Path) -> None:
    done = cli(here, "fmt", "a" * 300 + ".net")
    assert done.returncode == 1
    assert "cannot be opened: File name too long" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_no_file(here: Path) -> None:
    os.mkfifo(here / "pipe.net")
    done = cli(here, "fmt", "pipe.net")
    assert done.returncode == 1
    assert "not a regular file" in done.stderr


def test_usage(here: Path) -> None:
    assert cli(here, "fmt").returncode == 2
    assert cli(here, "fmt", "--wrong", "nice.net").returncode == 2
    assert "canonical form" in cli(here, "--help").stdout


def test_shipped_specs_have_the_canonical_form(tmp_path: Path) -> None:
    done = cli(tmp_path, "fmt", "--check", Path(ROOT) / "specs")
    assert (done.returncode, done.stderr) == (0, "")
    assert "would" not in done.stdout
