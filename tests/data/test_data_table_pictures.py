"""Tables with a column of picture files: what is read, what is missing, what is there twice, what is predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec.cli.split_table import show_split
from netspec.cli.tables import spec_of_table
from netspec.compiler import analyze
from netspec.data.for_network import load_data
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError, Source
from netspec.sources.files import picture_places
from netspec.sources.tables.facts import facts_of
from netspec.sources.tables.table import read_table
from netspec.workflows import example_files

ONE = "input 3x4x4; globalpool; fc classes softmax"
N = 40


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a table of dogs, and their pictures."""
    folder = tmp_path / "own"
    (folder / "pics").mkdir(parents=True)
    rows = ["photo,weight,breed,age"]
    for i in range(N):
        name = f"pics/p{i}.png"
        Image.new("RGB", (5 + i % 3, 6), (i, 2 * i, 3 * i)).save(folder / name)
        rows.append(f"{name},{i * 1.5},{['pug', 'lab'][i % 2]},{i % 7 + i / 10}")
    write(folder, rows)
    Image.new("RGB", (4, 4)).save(tmp_path / "outside.png")
    return folder


def write(folder: Path, rows: list[str], name: str = "dogs.csv") -> None:
    (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


def lines(folder: Path) -> list[str]:
    return (folder / "dogs.csv").read_text().splitlines()


def network(folder: Path, settings: str = "target breed; test 20%", layers: str = ONE) -> ns.Network:
    found = analyze(Source("t.net", f'data "dogs.csv" {{ {settings} }}\n{layers}', folder), files=True)
    assert found.network is not None, found.diagnostics
    return found.network


def load(folder: Path, settings: str = "target breed; test 20%", layers: str = ONE) -> Dataset:
    return load_data(network(folder, settings, layers), base=folder)


def test_a_picture_and_its_class(here: Path) -> None:
    found = load(here)
    assert (found.labels, found.shape, found.train.images.dtype) == (("lab", "pug"), (3, 4, 4), np.uint8)
    assert len(found.train) + len(found.test) == N
    for image, label in zip(found.train.images, found.train.labels, strict=True):
        assert label == 1 - image[0, 0, 0] % 2
        assert image[1, 0, 0] == 2 * image[0, 0, 0]
    assert found.preparation is not None
    assert found.preparation.resize == "crop"
    assert found.preparation.table is not None
    assert found.preparation.table.is_picture


@pytest.mark.parametrize("first", ["input photo 3x4x4", "input 3x4x4", 'input "photo" 3x4x4'])
def test_a_picture_beside_other_columns_and_several_targets(here: Path, first: str) -> None:
    layers = (
        f"{first} as picture\ninput weight as facts\nfrom picture; globalpool as p\nfrom facts; concat p as t\n"
        "fc 2 softmax as breed\nfrom t; fc 1 as age\noutput breed\noutput age"
    )
    net = network(here, "target breed age; test 10", layers)
    found = load_data(net, base=here)
    assert {name: array.shape[1:] for name, array in found.train.images.items()} == {
        "picture": (3, 4, 4),
        "facts": (1,),
    }
    assert (len(found.test), set(found.train.labels)) == (10, {"breed", "age"})
    rows = [line.rsplit(",", 2)[0] for line in lines(here)]
    write(here, rows[:4], "rows.csv")
    made = example_files.read(net, here / "rows.csv", preparation=found.preparation)
    assert made.array["picture"][:, 0, 0, 0].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match=r"p1\.png is a picture, but the model reads rows of a table"):
        example_files.read(net, here / "pics" / "p1.png", preparation=found.preparation)


def test_rows_and_pictures_are_predicted(here: Path) -> None:
    net = network(here)
    known = load_data(net, base=here).preparation
    write(here, ["photo", "pics/p3.png", "pics/p5.png"], "rows.csv")
    rows = example_files.read(net, here / "rows.csv", preparation=known)
    alone = example_files.read(net, here / "pics" / "p5.png", preparation=known)
    content = example_files.read(net, (here / "pics" / "p5.png").read_bytes(), preparation=known)
    np.testing.assert_array_equal(rows.array[1:], alone.array)
    np.testing.assert_array_equal(content.array, alone.array)
    assert rows.columns == {"photo": ["pics/p3.png", "pics/p5.png"]}
    write(here, ["photo", "pics/p3.png", "pics/none.png"], "rows.csv")
    with pytest.raises(DataError, match=r"1 picture of photo is not there: 'pics/none\.png' \(line 3\)"):
        example_files.read(net, here / "rows.csv", preparation=known)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("pics/none.png,1,pug,1", "1 picture of photo is not there: 'pics/none.png' (line 42)"),
        ("../outside.png,1,pug,1", "'../outside.png' (line 42)"),
        ("pics/link.png,1,pug,1", "'pics/link.png' (line 42)"),
        (",1,pug,1", "1 picture of photo is not there: '' (line 42)"),
    ],
)
def test_pictures_that_are_not_there(here: Path, row: str, said: str) -> None:
    (here / "pics" / "link.png").symlink_to(here.parent / "outside.png")
    write(here, [*lines(here), row])
    found = analyze(Source("t.net", f'data "dogs.csv" {{ target breed }}\n{ONE}', here), files=True).diagnostics
    assert said in found[0].message
    skipped = load(here, "target breed; test 20%; on_bad skip")
    assert len(skipped.train) + len(skipped.test) == N
    assert any("1 row of dogs.csv is left out" in notice for notice in skipped.notices)


def test_two_columns_of_pictures(here: Path) -> None:
    rows = [f"{line},pics/p{i}.png" for i, line in enumerate(lines(here)[1:])]
    rows[3], rows[9] = (
        rows[3].replace("pics/p3.png,", "pics/none.png,"),
        rows[9].replace(",pics/p9.png", ",pics/no.png"),
    )
    write(here, ["photo,weight,breed,age,back", *rows])
    layers = (
        "input photo 3x4x4 as front\ninput back 3x4x4 as behind\nfrom front; globalpool as p\n"
        "from behind; globalpool; concat p\nfc classes softmax"
    )
    found = load(here, "target breed; test 20%; on_bad skip", layers)
    assert len(found.train) + len(found.test) == N - 2
    assert [notice.partition(": ")[2] for notice in found.notices] == [
        "no picture of photo is there, as 'pics/none.png' (line 5)",
        "no picture of back is there, as 'pics/no.png' (line 11)",
    ]
    spec = f'data "dogs.csv" {{ target breed; on_bad skip }}\n{ONE}'
    said = analyze(Source("t.net", spec, here), files=True).diagnostics[0]
    assert "several columns of picture files: photo and back" in said.message
    advice = str(said.fix).partition("`")[2].rstrip("`").replace("64x64", "4x4")
    named = network(here, "target breed; on_bad skip", ONE.replace("input 3x4x4", advice))
    assert named.inputs[0].columns == ("photo",)


def test_a_damaged_picture(here: Path) -> None:
    (here / "pics" / "p7.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"pics/p7\.png .*\n  fix: mend or remove it; `data … { on_bad skip }`"):
        load(here)
    skipped = load(here, "target breed; test 20%; on_bad skip")
    assert len(skipped.train) + len(skipped.test) == N - 1
    said = [notice for notice in load(here, "target breed; on_bad skip").notices if "drawn by a hash" in notice]
    assert len(said) == 1
    # What is listed as the parts is what a training has.
    (here / "s.net").write_text(f'data "dogs.csv" {{ target breed; on_bad skip }}\n{ONE}')
    show_split(str(here / "s.net"), None, here / "parts.csv", as_json=False)
    rows = (here / "parts.csv").read_text().splitlines()[1:]
    assert len(rows) == N - 1
    assert not any("p7.png" in row for row in rows)
    assert sum(row.endswith(",test") for row in rows) == len(load(here, "target breed; on_bad skip").test)


def test_equal_pictures_in_two_parts_are_said(here: Path) -> None:
    for i in range(N):
        (here / "pics" / f"p{i}.png").write_bytes((here / "pics" / f"p{i % 4}.png").read_bytes())
    said = [notice for notice in load(here).notices if "in the training part too" in notice]
    assert len(said) == 1
    assert "pictures of photo for the test are in the training part too, as 'pics/p" in said[0]


def test_the_column_is_shown_and_a_spec_is_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, [*lines(here), "pics/none.png,1,pug,1"])
    table = read_table(here / "dogs.csv", "dogs.csv")
    facts = facts_of(table)
    assert facts.columns["photo"].kind == "file"
    assert facts.remarks["photo"] == "1 row without a picture, such as 'pics/none.png'"
    monkeypatch.chdir(here)
    _, text, learned = spec_of_table(Path("dogs.csv"), "breed", None, stdout=False)
    assert learned == "breed"
    for part in ("input 3x64x64", "on_bad skip", "fc classes softmax", "target breed"):
        assert part in text
    assert analyze(Source("t.net", text, here), files=True).network is not None
    assert "fc 1" in spec_of_table(Path("dogs.csv"), "age", None, stdout=False)[1]


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("input weight 3x4x4 as p; globalpool; fc 2 softmax", "weight names none: '0.0'"),
        ("input phot 3x4x4 as p; globalpool; fc 2 softmax", "no column 'phot'"),
        ("input photo weight 3x4x4 as p; globalpool; fc 2 softmax", "is one picture, and names"),
    ],
)
def test_columns_that_are_no_pictures(here: Path, layers: str, said: str) -> None:
    found: Any = analyze(Source("t.net", f'data "dogs.csv" {{ target breed }}\n{layers}', here), files=True).diagnostics
    assert len(found) == 1, found
    assert said in found[0].message


def test_a_frame_names_pictures_from_the_folder_of_the_spec(here: Path) -> None:
    table = read_table(here / "dogs.csv", "dogs.csv")
    net = ns.parse('data "people" { target breed; test 20% }\ninput 3x4x4; globalpool; fc 2 softmax')
    assert load_data(net, dict(table.cells), base=here).sha256 == load(here).sha256


# --- names without their folder -------------------------------------------------------------------------------------


def bare(folder: Path, form: str, column: str = "photo", into: str = "pics") -> None:
    """Write the table with names that lack their folder, and put the pictures there."""
    if into != "pics":
        (folder / into).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pics").rename(folder / into)
    for i in range(N):
        (folder / into / f"p{i}.png").rename(folder / into / f"{form.format(i)}.png".replace(".png.png", ".png"))
    rows = [f"{column},breed", *(f"{form.format(i)},{['pug', 'lab'][i % 2]}" for i in range(N))]
    write(folder, rows)


def refusal(folder: Path) -> str:
    """Return what a check says of the table, and what would be right."""
    found = analyze(Source("t.net", f'data "dogs.csv" {{ target breed }}\n{ONE}', folder), files=True)
    (wrong,) = found.diagnostics
    return f"{wrong.message}\n{wrong.fix}"


@pytest.mark.parametrize(
    ("form", "column", "into"),
    [
        ("p{}.png", "photo", "pics"),
        ("a{}f", "id", "pics"),
        ("{}", "id", "train/small"),
        ("{}", "image", "pics"),
        ("b {}.png", "file", "pics"),
    ],
)
def test_pictures_of_bare_names_lie_in_the_one_folder_that_has_them(
    here: Path, form: str, column: str, into: str
) -> None:
    bare(here, form, column, into)
    (here / "other").mkdir()
    Image.new("RGB", (4, 4)).save(here / "other" / "logo.png")
    _, text, learned = spec_of_table(here / "dogs.csv", None, here / "dogs.net", False)
    assert learned == "breed"
    assert "input 3x64x64" in text
    found = load(here)
    assert len(found.train) + len(found.test) == N
    assert all(
        label == 1 - image[0, 0, 0] % 2 for image, label in zip(found.train.images, found.train.labels, strict=True)
    )


def test_bare_names_are_drawn_for_the_parts_as_the_table_says_them(here: Path) -> None:
    """Where pictures lie has no part in the hash of a row."""
    bare(here, "p{}.png")
    before = load(here)
    (here / "deep").mkdir()
    (here / "pics").rename(here / "deep" / "pics")
    after = load(here)
    assert np.array_equal(before.train.images, after.train.images)
    assert np.array_equal(before.test.labels, after.test.labels)


def test_names_that_two_folders_have_are_refused_with_the_path_to_write(here: Path) -> None:
    bare(here, "p{}.png")
    (here / "more").mkdir()
    for file in (here / "pics").iterdir():
        Image.new("RGB", (4, 4)).save(here / "more" / file.name)
    assert "pictures of these names are in more/ and pics/: write which into photo, such as more/p0.png" in refusal(
        here
    )
    rows = [row.replace("p", "more/p", 1) if row[0] == "p" and i else row for i, row in enumerate(lines(here))]
    write(here, rows)
    assert len(load(here).train)


@pytest.mark.parametrize("form", ["p{}.png", "a{}f"])
def test_a_new_spec_says_which_folders_the_pictures_may_be_of(here: Path, form: str) -> None:
    bare(here, form, "id")
    (here / "more").mkdir()
    for file in (here / "pics").iterdir():
        (here / "more" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match="no column to learn from") as error:
        spec_of_table(here / "dogs.csv", None, here / "dogs.net", False)
    name = form.format(0).removesuffix(".png")
    assert (
        error.value.fix
        == f"pictures of these names are in more/ and pics/: write which into id, such as more/{name}.png"
    )
    for folder in ("more", "pics"):
        (here / folder).rename(here.parent / folder)
    with pytest.raises(DataError, match="no column to learn from") as error:
        spec_of_table(here / "dogs.csv", None, here / "dogs.net", False)
    assert ("such as images/p0.png" in str(error.value.fix)) == form.endswith(".png")


def test_folders_are_looked_through_once_however_many_columns_may_name_pictures(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(picture_places, "_pictures_below", lambda root: looked.append(root) or {})
    names = ["one", "two", "three"]
    rows = [",".join([f"{name}{i}x" for name in names] + [str(i % 7), "ab"[i % 2]]) for i in range(N)]
    write(here, [",".join([*names, "size", "breed"]), *rows])
    network(here, layers="fc classes softmax")
    assert looked == [here]


def test_names_are_never_looked_for_behind_links_or_outside(here: Path) -> None:
    bare(here, "p{}.png")
    (here / "pics").rename(here.parent / "elsewhere")
    (here / "pics").symlink_to(here.parent / "elsewhere")
    assert "40 pictures of photo are not there" in refusal(here)


def test_two_files_that_only_their_endings_tell_apart_are_not_meant_by_a_bare_name(here: Path) -> None:
    bare(here, "a{}f", "id")
    Image.new("RGB", (4, 4)).save(here / "pics" / "a7f.jpg")
    assert "1 picture of id is not there: 'a7f' (line 9)" in refusal(here)


def test_categories_and_numbers_stay_what_they_are_beside_pictures_of_their_names(here: Path) -> None:
    """What a spec has learned from before is not a picture now: one for each class lies in a folder."""
    for name in ("pug", "lab", *map(str, range(8))):
        Image.new("RGB", (4, 4)).save(here / "pics" / f"{name}.png")
    rows = ["breed,legs,age", *(f"{['pug', 'lab'][i % 2]},{i % 8},{i}" for i in range(N))]
    write(here, rows)
    assert [c.kind for c in facts_of(read_table(here / "dogs.csv", "dogs.csv")).columns.values()] == [
        "category",
        "number",
        "number",
    ]
