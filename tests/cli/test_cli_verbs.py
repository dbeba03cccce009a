"""`netspec new`, `layers`, `explain`, `data` and `doctor`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import cli, lines
from PIL import Image

import netspec
from netspec.compiler import analyze
from netspec.describe.reference import REGISTRIES
from netspec.describe.shelf import KINDS
from netspec.diagnostics.codes import CODES
from netspec.diagnostics.diagnostic import Source
from netspec.system.resources import specs_folder

TEMPLATES = sorted(p.stem for p in specs_folder().rglob("*.net") if p.parent.name != "own")


# --- new ----------------------------------------------------------------------------------------------------------


def test_a_starter_spec_is_commented_and_right(tmp_path: Path) -> None:
    done = cli(tmp_path, "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "wrote lenet.net; next: netspec train lenet.net\n"
    assert "#" in (tmp_path / "lenet.net").read_text()
    assert netspec.load(tmp_path / "lenet.net").nodes


def test_all_templates_are_listed_with_a_title_in_80_columns(tmp_path: Path) -> None:
    said = cli(tmp_path, "new", "--list").stdout.splitlines()
    found = dict(line.split(maxsplit=1) for line in said if line.startswith("  "))
    assert sorted(found) == TEMPLATES
    assert all(title.endswith(".") for title in found.values())
    assert [line for line in said if len(line) >= 80] == []
    headings = [line for line in said if not line.startswith(" ")]
    assert headings == [f"{kind}:" for kind in KINDS]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_right(name: str) -> None:
    (path,) = specs_folder().rglob(f"{name}.net")
    assert netspec.load(path).graph().parameter_count > 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "lenet.net").write_text("mine")
    done = cli(tmp_path, "new", "lenet")
    assert done.returncode == 1
    assert "exists already" in done.stderr
    assert (tmp_path / "lenet.net").read_text() == "mine"
    assert cli(tmp_path, "new", "lenet", "-o", "other.net").returncode == 0
    printed = cli(tmp_path, "new", "lenet", "-o", "-")
    assert (printed.returncode, printed.stdout) == (0, (tmp_path / "other.net").read_text(encoding="utf-8"))
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["new", "lenett"], "did you mean lenet?"),
        (["new", "../lenet"], "lenet"),
        (["new", "xyzzy"], "--list"),
        (["new", "-o", "none/x.net"], "none/x.net cannot be written"),
        (["new", "-o", "."], "."),
        (["layers", "conf"], "did you mean conv?"),
        (["layers", "xyzzy"], "lists all"),
        (["explain", "E0391"], "did you mean E03"),
        (["explain", "xyzzy"], "lists all"),
        (["data", "fetch", "mnst"], "did you mean mnist?"),
        (["data", "fetch", "mnist"], "NETSPEC_OFFLINE"),
        (["data", "fetch", "./mine.npz"], "nothing to fetch"),
        (["data", "show", "mnist"], "NETSPEC_OFFLINE"),
        (["data", "show", "./none.npz"], "none.npz"),
        (["data", "show", "digits", "-o", "none/x.png"], "none"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_one_clear_error(tmp_path: Path, words: list[str], said: str) -> None:
    done = cli(tmp_path, *words)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert not list(tmp_path.glob("*.net"))


# --- layers and explain -------------------------------------------------------------------------------------------


def test_everything_with_a_name_is_listed(tmp_path: Path) -> None:
    said = cli(tmp_path, "layers").stdout
    for title, family in REGISTRIES.items():
        assert f"{title}:" in said
        assert all(f"  {kind} " in said for kind in family.names)


def test_the_page_of_a_layer(tmp_path: Path) -> None:
    said = cli(tmp_path, "layers", "conv").stdout
    for word in ("conv FILTERS KERNEL", "Arguments:", "stride", "Example:"):
        assert word in said


def test_all_codes_are_listed(tmp_path: Path) -> None:
    listed = [line.split()[0] for line in cli(tmp_path, "explain").stdout.splitlines()]
    assert listed == list(CODES)


def test_the_page_of_a_code_in_any_case(tmp_path: Path) -> None:
    for word in ("E0301", "e0301"):
        said = cli(tmp_path, "explain", word).stdout
        assert said.startswith("E0301: ")
        for part in (CODES["E0301"].title, CODES["E0301"].cause, "Wrong:", "Right:"):
            assert part in said


NOT_SPECS = {
    "E0001": "a command",
    "E0002": "a file of more than 100 mistakes",
    "E0107": "a file of 2 MB",
    "E0109": "a command",
    "E0314": "a file of data",
    "E0110": "an abbreviation",
    "E0112": "a character that is shown by its number",
    "E0114": "a character that is shown by its number",
    "E0115": "an abbreviation",
    "E0116": "an abbreviation",
    "E0303": "no text can say it yet",
    "E0333": "a file of weights",
    "E0334": "a file of weights",
}


def first_code(text: str) -> str | None:
    return next((d.code for d in analyze(Source("example.net", text)).diagnostics), None)


@pytest.mark.parametrize("code", [c for c in CODES if c not in NOT_SPECS])
def test_the_example_of_a_code_is_wrong_in_that_way_and_mended_right(code: str) -> None:
    """An example may be a fragment: some surroundings make the wrong one give the code, and the right one none."""
    entry = CODES[code]
    befores = ("", "input 1x28x28\n", "input 784\n", "input 1x28x28\nconv 20 5x5\n")
    afters = ("", "\nfc 10 softmax", "\nglobalpool\nfc 10 softmax", "\nfc 10", "\nfc 10 softmax\ndata digits")
    surroundings = [(b, a) for b in befores for a in afters]
    fitting = [(b, a) for b, a in surroundings if first_code(b + entry.wrong + a) == code]
    assert fitting, f"{entry.wrong!r} never gives {code} first"
    assert any(first_code(b + entry.right + a) is None for b, a in fitting), f"{entry.right!r} is not right"


# --- data and doctor ----------------------------------------------------------------------------------------------


def test_datasets_and_where_they_are(tmp_path: Path) -> None:
    said = cli(tmp_path, "data", "list").stdout
    for word in ("digits", "digits_by_writer", "mnist", "1,437", "netspec data fetch mnist"):
        assert word in said
    found = {d["name"]: d for d in lines(cli(tmp_path, "data", "list", "--json").stdout)}
    assert found["mnist"]["path"] is None
    assert found["digits"]["path"]
    assert found["digits"]["classes"] == list("0123456789")
    assert (found["cifar100"]["shape"], len(found["cifar100"]["classes"])) == ([3, 32, 32], 100)


def test_a_dataset_that_is_here_needs_no_network(tmp_path: Path) -> None:
    done = cli(tmp_path, "data", "fetch", "digits")
    assert done.returncode == 0
    assert Path(done.stdout.strip()).is_file()


def test_a_picture_of_a_dataset(tmp_path: Path) -> None:
    done = cli(tmp_path, "data", "show", "digits")
    assert done.returncode == 0
    assert "1437x1x8x8 uint8, 0 to 255" in done.stdout
    with Image.open(tmp_path / "digits.png") as image:
        assert image.format == "PNG"


def test_doctor(tmp_path: Path) -> None:
    done = cli(tmp_path, "doctor")
    assert done.returncode == 0
    for word in (f"netspec {netspec.__version__}", "jax ", "digits", "not here", "compiling: works on "):
        assert word in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_data_show_draws_what_a_spec_augments(tmp_path: Path) -> None:
    (tmp_path / "some.net").write_text("fc 10 softmax\ndata digits { augment rotate=20 cutout=2 }")
    done = cli(tmp_path, "data", "show", "digits", "--augment", "some.net", "-o", "some.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "some.png\n", "")
    with Image.open(tmp_path / "some.png") as picture:
        assert picture.width > picture.height > 100
    (tmp_path / "none.net").write_text("fc 10 softmax\ndata digits")
    done = cli(tmp_path, "data", "show", "digits", "--augment", "none.net")
    assert done.returncode == 1
    assert "none has no `augment`" in done.stderr


@pytest.mark.slow
def test_data_show_draws_several_inputs_and_masks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 256, (2, 8, 1, 12, 12), dtype=np.uint8)
    labels = {f"kind_{split}": np.arange(8) % 3 for split in ("train", "test")}
    numbers = {f"age_{split}": rng.random(8) for split in ("train", "test")}
    images = {f"left_{split}": left.repeat(3, axis=1) for split in ("train", "test")}
    images |= {f"right_{split}": right for split in ("train", "test")}
    np.savez(tmp_path / "two.npz", **images, **labels, **numbers)
    (tmp_path / "two.net").write_text(
        "input 3x12x12 as left\ninput 1x12x12 as right\nfrom left; flatten as a\nfrom right; flatten as b\n"
        "from a; concat b as t\nfrom t; fc 3 softmax as kind\nfrom t; fc 1 as age\noutput kind; output age\n"
        'data "two.npz" { augment flip randaugment=1 }'
    )
    masks = (left[:, 0] > 127).astype(np.int64)
    np.savez(tmp_path / "masks.npz", x_train=left, y_train=masks, x_test=left, y_test=masks)
    (tmp_path / "masks.net").write_text('input 1x12x12\nconv 2 1x1 softmax\ndata "masks.npz" { augment flip cutmix=1 }')
    for name in ("two", "masks"):
        done = cli(tmp_path, "data", "show", f"{name}.npz", "--augment", f"{name}.net")
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}.png\n", "")
        with Image.open(tmp_path / f"{name}.png") as picture:
            # Two rows for each of six examples.
            assert picture.height > picture.width > 100
