"""Tables on the command line, from a look at one to what is predicted of its rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from command_line import cli, lines

from netspec.compiler import analyze, load_source


def table(count: int = 60) -> str:
    """Return rows of a house: its size, its street, whether it was sold, the same again, and its price."""
    draw = random.Random(5)
    made = ["size,street,sold,gone,price"]
    for _ in range(count):
        size, street = draw.randint(40, 200), draw.choice(["Elm", "Oak", "Ash"])
        sold = size > 110
        made.append(f"{size},{street},{int(sold)},{'yes' if sold else 'no'},{900 * size + draw.randint(0, 999)}")
    return "\n".join(made) + "\n"


ROWS = "street,size,note\nElm,190,large\nOak,45,\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and two runs: of classes, and of a number."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "houses.csv").write_text(table(), encoding="utf-8")
    (folder / "rows.csv").write_text(ROWS, encoding="utf-8")
    train = "train { optimizer adam lr=0.05; epochs 20; batch 16 }"
    specs = {
        "sold": 'data "houses.csv" { target sold; drop gone price; validation 15% }\nfc 8 relu; fc classes softmax\n',
        "price": 'data "houses.csv" { target price; drop gone sold; test 20% }\nfc 8 relu; fc 1\n',
    }
    for name, text in specs.items():
        (folder / f"{name}.net").write_text(text + train, encoding="utf-8")
        done = cli(folder, "train", f"{name}.net", "-o", name, "--quiet")
        assert done.returncode == 0, done.stderr
    return folder


def answers(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_training_says_what_is_odd_once(here: Path) -> None:
    (here / "odd.net").write_text('data "houses.csv" { target sold }\nfc classes softmax\ntrain { epochs 1 }\n')
    done = cli(here, "train", "odd.net", "-o", "odd")
    assert done.returncode == 0
    said = done.stdout + done.stderr
    assert said.count("gone says sold again: drop it? `drop gone`") == 1
    assert "next: netspec predict odd rows.csv -o predicted.csv" in done.stdout
    checked = cli(here, "check", "odd.net")
    assert "note: gone says sold again: drop it? `drop gone`" in checked.stdout + checked.stderr


def test_rows_are_answered_beside_their_own_columns(here: Path) -> None:
    done = cli(here, "predict", "sold", "rows.csv", "-o", "out.csv")
    assert (done.returncode, done.stdout) == (0, "out.csv: 2 examples\n")
    large, small = answers((here / "out.csv").read_text(encoding="utf-8"))
    assert list(large) == ["street", "size", "note", "predicted", "probability"]
    assert (large["street"], large["note"], large["predicted"], small["predicted"]) == ("Elm", "large", "1", "0")
    assert 0.5 < float(large["probability"]) <= 1
    printed = cli(here, "predict", "sold", "rows.csv").stdout.splitlines()
    assert printed[0].startswith("rows.csv[0]: 1 (")


def test_a_number_is_answered_in_its_unit(here: Path) -> None:
    done = cli(here, "predict", "price", "-", "-o", "out.json", stdin=ROWS.encode())
    assert done.returncode == 0, done.stderr
    large, small = json.loads((here / "out.json").read_text(encoding="utf-8"))
    assert list(large) == ["street", "size", "note", "predicted"]
    assert large["predicted"] == pytest.approx(190 * 900, rel=0.2)
    assert small["predicted"] == pytest.approx(45 * 900, rel=0.4)
    evaluated = lines(cli(here, "eval", "price", "--json").stdout)[0]
    assert 10 < evaluated["test_mae"] < 20_000
    assert cli(here, "plot", "price", "scatter", "-o", "s.png").returncode == 0


def test_a_threshold_decides_between_two_classes(here: Path) -> None:
    for threshold, labels in (("0", ["1", "1"]), ("0.5", ["1", "0"])):
        done = cli(here, "predict", "sold", "rows.csv", "--threshold", threshold, "-o", "t.csv")
        assert done.returncode == 0
        assert [row["predicted"] for row in answers((here / "t.csv").read_text(encoding="utf-8"))] == labels
    printed = cli(here, "predict", "sold", "rows.csv", "--threshold", "0", "--json").stdout
    assert [line["label"] for line in lines(printed)] == ["1", "1"]
    refused = cli(here, "predict", "price", "rows.csv", "--threshold", "0.5")
    assert refused.returncode == 1
    assert "a threshold is for two classes" in refused.stderr


@pytest.mark.parametrize(
    ("rows", "code", "says"),
    [
        ("street\nElm\n", 1, "rows.csv lacks the column size, which the model reads"),
        ("size,street\nlarge,Elm\n", 1, "size in line 2 is 'large', and the model reads a number"),
        ("size,street\n50,Fir\n", 0, "note: street is 'Fir' in 1 row, which the model has never seen: read as unknown"),
        ("size,street\n,Elm\n", 0, "note: size is missing in 1 row: the mean is taken"),
        ("size;street\n50,5;Elm\n", 0, "note: size has decimal commas: 50,5 is read as 50.5"),
        ("size,street\n", 1, "has one line alone, the names of its columns, and no rows"),
    ],
)
def test_rows_that_do_not_fit_are_said(here: Path, tmp_path: Path, rows: str, code: int, says: str) -> None:
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    done = cli(tmp_path, "predict", here / "sold", "rows.csv")
    assert done.returncode == code
    assert says in done.stderr


def test_a_run_is_evaluated_replayed_and_resumed_by_what_it_fitted(here: Path) -> None:
    assert "validation examples" in cli(here, "eval", "sold", "--split", "validation").stdout
    assert "bit for bit" in cli(here, "replay", "sold").stdout
    (here / "houses.csv").write_text(table().replace("Elm", "Fir", 3), encoding="utf-8")
    try:
        changed = cli(here, "resume", "sold", "--epochs", "21")
        assert changed.returncode == 1
        assert "is not what sold learned from" in changed.stderr
        assert "its training part has as many examples" in changed.stderr
    finally:
        (here / "houses.csv").write_text(table(), encoding="utf-8")
    assert cli(here, "resume", "sold", "--epochs", "21").returncode == 0


def test_the_parts_of_a_run_are_those_that_are_shown(here: Path) -> None:
    record = json.loads((here / "sold" / "lock.json").read_text(encoding="utf-8"))["split"]
    shown = lines(cli(here, "data", "show", "sold.net", "--split", "--json", "-o", "parts.csv").stdout)
    names = {"train": "training", "validation": "validation", "test": "test"}
    parts = {names[line["part"]]: (line["examples"], line["classes"]) for line in shown}
    assert parts == {name: (part["examples"], part["classes"]) for name, part in record["parts"].items()}
    assert record["rule"] == 2
    assert all(len(part["sha256"]) == 64 for part in record["parts"].values())
    rows = answers((here / "parts.csv").read_text(encoding="utf-8"))
    assert sorted(int(row["line"]) for row in rows) == list(range(2, 62))
    assert [row["part"] for row in rows].count("test") == record["parts"]["test"]["examples"]
    plain = cli(here, "data", "show", "houses.csv", "--split", "--target", "street").stdout
    assert "Ash" in plain
    assert "validation" in plain
    for words, said in (
        (("digits",), "digits has a test part of its own"),
        (("none.csv",), "none.csv does not exist"),
        (("houses.csv", "--target", "sodl"), "did you mean `sold`?"),
        (("sold.net", "--target", "sold"), "leave --target out"),
        (("sold.net", "-o", "parts.png"), "-o parts.csv"),
    ):
        refused = cli(here, "data", "show", words[0], "--split", *words[1:])
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr


def test_show_lists_columns_and_what_is_suspicious(here: Path) -> None:
    done = cli(here, "data", "show", "houses.csv", COLUMNS="200")
    assert done.returncode == 0
    assert done.stdout.startswith("houses.csv: 60 rows, 5 columns\n")
    found = {line["column"]: line for line in lines(cli(here, "data", "show", "houses.csv", "--json").stdout)}
    assert (found["size"]["kind"], found["street"]["kind"], found["gone"]["kind"]) == ("number", "category", "boolean")
    assert found["gone"]["remark"] == "says sold again"
    assert found["street"]["different"] == 3
    assert (here / "houses.png").read_bytes().startswith(b"\x89PNG")
    for target in ("sold", "price"):
        done = cli(here, "data", "show", "houses.csv", "--target", target, "-o", "columns.png")
        assert "columns.png\n" in done.stdout
        assert f"next: netspec new --data houses.csv --target {target}" in done.stdout
    for words, said in (
        (("houses.csv", "--target", "pirce"), "did you mean `price`?"),
        (("houses.csv", "-o", "columns.csv"), "pictures are PNG, SVG or PDF files"),
        (("digits", "--target", "x"), "leave --target out"),
    ):
        refused = cli(here, "data", "show", *words)
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr


@pytest.mark.parametrize(
    ("target", "has"),
    [
        ("sold", ["target sold", "# 2 classes: ", "drop gone", "fc classes softmax"]),
        ("price", ["target price", "# a number, ", "fc 1"]),
        ("street", ["target street", "# 3 classes: ", "fc classes softmax"]),
        (None, ["# What is learned is a guess"]),
    ],
)
def test_new_writes_a_spec_that_checks(here: Path, target: str | None, has: list[str]) -> None:
    out = here / f"new_{target}.net"
    words = ["--target", target] if target else []
    done = cli(here, "new", "--data", "houses.csv", *words, "-o", out.name)
    assert done.returncode == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    assert all(part in text for part in has)
    found = analyze(load_source(out), files=True)
    assert found.network is not None, found.diagnostics
    assert cli(here, "fmt", "--check", out.name).returncode == 0


def test_new_learns_a_column_that_is_called_as_a_word_of_the_language(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(60))
    (tmp_path / "d.csv").write_text(f"a,b,input\n{rows}", encoding="utf-8")
    assert cli(tmp_path, "new", "--data", "d.csv", "--target", "input").returncode == 0
    network = analyze(load_source(tmp_path / "d.net"), files=True).network
    assert network is not None
    assert (network.data and network.data.target, network.input) == (("input",), (2,))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--data", "houses.csv", "--target", "sould"], "did you mean `sold`?"),
        (["--data", "none.csv"], "none.csv does not exist"),
        (["--data", "houses.csv", "--target", "sold", "-o", "sold.net"], "sold.net exists already"),
        (["--target", "sold"], "--target names a column of a table"),
        (["--data", "spec.net"], "spec.net does not exist"),
    ],
)
def test_new_refuses_what_is_wrong(here: Path, words: list[str], says: str) -> None:
    done = cli(here, "new", *words)
    assert done.returncode == 1
    assert says in done.stderr


def test_compressed_rows_and_json_are_answered_as_plain_ones(here: Path) -> None:
    plain = cli(here, "predict", "sold", "rows.csv").stdout
    (here / "rows.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    with zipfile.ZipFile(here / "rows.zip", "w") as archive:
        archive.writestr("rows.csv", ROWS)
    (here / "rows.json").write_text(json.dumps(list(csv.DictReader(io.StringIO(ROWS)))), encoding="utf-8")
    for name in ("rows.csv.gz", "rows.zip", "rows.json"):
        done = cli(here, "predict", "sold", name)
        assert done.returncode == 0, done.stderr
        assert done.stdout.replace(name, "rows.csv") == plain
    refused = cli(here, "predict", "sold", "-", stdin=gzip.compress(ROWS.encode()))
    assert (refused.returncode, "fix: unpack it\n" in refused.stderr) == (1, True)


def test_new_writes_a_spec_that_reads_amounts(tmp_path: Path) -> None:
    rows = [f'"${1000 + 7 * i * i:,}",{i % 9}%,{"ab"[i % 2]}' for i in range(60)]
    (tmp_path / "sales.csv.gz").write_bytes(gzip.compress("\n".join(["price,off,kind", *rows]).encode()))
    made = cli(tmp_path, "new", "--data", "sales.csv.gz", "--target", "kind")
    assert made.stdout.startswith("wrote sales.net")
    assert "note: price is read as numbers: '$" in made.stderr
    assert "number price off" in (tmp_path / "sales.net").read_text(encoding="utf-8")
    checked = cli(tmp_path, "check", "sales.net")
    assert checked.returncode == 0
    assert "off is read as numbers: '0%' is 0" in checked.stdout + checked.stderr
