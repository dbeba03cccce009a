"""Pictures, texts and arrays that belong together are all in one part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec.cli.split_table import _division
from netspec.data.for_network import load_data
from netspec.data.types import Dataset, Split

RNG = np.random.default_rng(0)
PATIENTS = np.repeat(np.arange(20), 3)
X = (PATIENTS[:, None] + np.zeros((60, 4))).astype(np.float32)
Y = (np.arange(60) // 3) % 2


def photos(folder: Path, *, deep: bool = False, parts: bool = False) -> Path:
    """Write three pictures of each of 20 patients, whose first pixel is the patient."""
    for patient in range(20):
        kind = ("cat", "dog")[patient % 2]
        part = ("test/" if patient > 15 else "train/") if parts else ""
        for number in range(3):
            name = f"p{patient:02d}/{number}" if deep else f"p{patient:02d}_{number}"
            path = folder / "photos" / f"{part}{kind}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = RNG.integers(0, 255, (4, 4), np.uint8)
            pixels[0, 0] = patient
            Image.fromarray(pixels).save(path)
    return folder / "photos"


def network(folder: Path, text: str) -> ns.Network:
    (folder / "net.net").write_text(text)
    return ns.load(folder / "net.net")


def loaded(folder: Path, settings: str, name: str = "photos") -> Dataset:
    net = network(folder, f'data "{name}" {{ {settings} }}\ninput 1x4x4\nfc classes softmax\n')
    return load_data(net, base=folder)


def members(dataset: Dataset, of: Any = lambda split: split.images[:, 0, 0, 0]) -> list[set[int]]:
    parts = [dataset.train, dataset.test, *([dataset.validation] if dataset.validation else [])]
    return [set(np.asarray(of(part)).tolist()) for part in parts]


def require_whole_groups(found: list[set[int]], groups: int = 20) -> None:
    assert sum(map(len, found)) == groups == len(set().union(*found))


@pytest.mark.parametrize("streaming", ["on", "off"])
@pytest.mark.parametrize("validation", ["20%", "9", "0"])
def test_pictures_of_one_patient_are_in_one_part(tmp_path: Path, validation: str, streaming: str) -> None:
    photos(tmp_path)
    made = loaded(tmp_path, f'group "{{}}_*"; validation {validation}; test 25%; streaming {streaming}')

    def first(split: Split) -> Any:
        rows = split.images
        return (rows if isinstance(rows, np.ndarray) else rows.read(np.arange(len(split))))[:, 0, 0, 0]

    require_whole_groups(members(made, first))
    assert len(made.test) in range(12, 19)
    assert (len(made.validation) if made.validation else 0) in {"20%": range(6, 13), "9": (9,), "0": (0,)}[validation]
    assert all(set(part.labels.tolist()) == {0, 1} for part in (made.train, made.test))


def test_a_folder_within_that_of_the_class(tmp_path: Path) -> None:
    photos(tmp_path, deep=True)
    require_whole_groups(members(loaded(tmp_path, 'group "{}/*"; validation 6')))


def test_the_parts_that_pictures_have(tmp_path: Path) -> None:
    photos(tmp_path, parts=True)
    require_whole_groups(members(loaded(tmp_path, 'group "{}_*"; validation 6')))
    same = tmp_path / "photos/test/cat/p00_7.png"
    same.write_bytes((tmp_path / "photos/train/cat/p00_0.png").read_bytes())
    with pytest.raises(ns.NetspecError, match="the group 'p00' in two parts of its own"):
        loaded(tmp_path, 'group "{}_*"')


def test_a_column_of_a_table_of_pictures(tmp_path: Path) -> None:
    folder = photos(tmp_path)
    files = sorted(folder.rglob("*.png"))
    rows = [f"{file.relative_to(tmp_path)},{file.stem[:3]},{file.parent.name}" for file in files]
    (tmp_path / "labels.csv").write_text("\n".join(["file,patient,kind", *rows]) + "\n")
    require_whole_groups(members(loaded(tmp_path, "target kind; group patient; validation 20%", "labels.csv")))


def test_one_group_cannot_be_divided(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        (tmp_path / "one" / kind / "anna").mkdir(parents=True)
        for number in range(4):
            pixels = RNG.integers(0, 255, (4, 4), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "one" / kind / "anna" / f"{number}.png")
    with pytest.raises(ns.NetspecError, match="leaves none for the test: they are 1 group"):
        loaded(tmp_path, 'group "{}/*"; test 30%', "one")


def test_the_list_of_the_parts_names_the_groups(tmp_path: Path) -> None:
    photos(tmp_path)
    network(tmp_path, 'data "photos" { group "{}_*"; validation 20% }\ninput 1x4x4\nfc classes softmax\n')
    division = _division(str(tmp_path / "net.net"), None)
    assert division.heading == ("file", "class", "group")
    groups = [{row[2] for row in rows} for rows in division.parts.values()]
    assert sum(map(len, groups)) == 20 == len(set().union(*groups))


def test_texts_of_one_author_are_in_one_part(tmp_path: Path) -> None:
    for author in range(20):
        for number in range(3):
            path = tmp_path / "texts" / ("new", "old")[author % 2] / f"{author}_{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"author{author} writes {number}")
    settings = 'data "texts" { text words length=4; group "{}_*"; validation 20% }\nembedding 2; globalpool; '
    net = network(tmp_path, settings + "fc classes softmax\n")
    division = _division(str(tmp_path / "net.net"), None)
    groups = [{row[2] for row in rows} for rows in division.parts.values()]
    assert sum(map(len, groups)) == 20 == len(set().union(*groups))
    made = load_data(net, base=tmp_path)
    assert [len(part) for part in (made.train, made.validation, made.test) if part] == [
        len(rows) for rows in division.parts.values()
    ]


# --- arrays -------------------------------------------------------------------------------------------------------

ARRAYS = "input 4\nfc 2 softmax\n"


def of_arrays(folder: Path, settings: str, **arrays: Any) -> Dataset:
    np.savez(folder / "a.npz", **arrays)
    return load_data(network(folder, f'data "a.npz" {{ {settings} }}\n{ARRAYS}'), base=folder)


@pytest.mark.parametrize("names", [PATIENTS, PATIENTS.astype(np.float64), np.array([f"p{i}" for i in PATIENTS])])
@pytest.mark.parametrize("validation", ["0", "20%", "9"])
def test_examples_of_one_patient_are_in_one_part(tmp_path: Path, names: Any, validation: str) -> None:
    made = of_arrays(tmp_path, f"group patient; validation {validation}", x=X, y=Y, patient=names)
    require_whole_groups(members(made, lambda split: split.images[:, 0]))
    assert len(made.test) in range(9, 16)
    assert (made.validation is not None) == (validation != "0")
    division = _division(str(tmp_path / "net.net"), None)
    assert division.heading == ("example", "class", "group")
    listed = {row[0]: (part, row[2]) for part, rows in division.parts.items() for row in rows}
    assert len(listed) == 60
    held = {"train": made.train, "test": made.test, "validation": made.validation}
    for i, patient in enumerate(names):
        part, group = listed[f"patient[{i}]"]
        split = held[part]
        assert split is not None
        assert group == str(patient).removesuffix(".0")
        assert X[i, 0] in split.images[:, 0]
    again = of_arrays(tmp_path, f"group patient; validation {validation}", x=X, y=Y, patient=names)
    assert again.sha256 == made.sha256


def test_arrays_by_name_and_a_test_part(tmp_path: Path) -> None:
    parts = {"x_train": X[:45], "y_train": Y[:45], "x_test": X[45:], "y_test": Y[45:]}
    groups = {"patient_train": PATIENTS[:45], "patient_test": PATIENTS[45:]}
    made = of_arrays(tmp_path, "group patient; validation 20%", **parts, **groups)
    require_whole_groups(members(made, lambda split: split.images[:, 0]))
    net = ns.load(tmp_path / "net.net")
    assert load_data(net, {**parts, **groups}).sha256 == made.sha256
    with pytest.raises(ns.NetspecError, match=r"the group '14' in two parts of its own: patient_train\[42\]"):
        of_arrays(tmp_path, "group patient", **parts, **{**groups, "patient_test": PATIENTS[44:59]})


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "no array patient, which `group` names"),
        ({"patient": PATIENTS[:50]}, "60 examples, and patient has 50 values"),
        ({"patient": PATIENTS + 0.5}, "numbers with a fraction"),
        ({"patient": np.stack([PATIENTS, PATIENTS], axis=1)}, "shape"),
        ({"patient": PATIENTS * 0}, "they are 1 group"),
        ({"patient": Y}, "drawn for the test|leaves none"),
    ],
)
def test_groups_of_arrays_that_cannot_be_kept(tmp_path: Path, arrays: Any, says: str) -> None:
    with pytest.raises(ns.NetspecError, match=says):
        of_arrays(tmp_path, "group patient", x=X, y=Y, **arrays)


def test_data_that_says_nothing_of_groups(tmp_path: Path) -> None:
    net = network(tmp_path, f'data "a.npz" {{ group patient; validation 20% }}\n{ARRAYS}')
    with pytest.raises(ns.NetspecError, match="arrays in a row have no names"):
        load_data(net, (X, Y, X, Y))
    with pytest.raises(ns.NetspecError, match="no array patient"):
        load_data(net, {"x": X, "y": Y})


def test_a_model_is_looked_at_with_data_without_groups(tmp_path: Path) -> None:
    net = network(tmp_path, f'data "a.npz" {{ group patient; validation 20% }}\n{ARRAYS}train {{ epochs 1 }}\n')
    list(ns.train(net, {"x": X, "y": Y, "patient": PATIENTS}, out=tmp_path / "run"))
    run = ns.open(tmp_path / "run")
    assert run.evaluate({"x": X[:30] + 1, "y": Y[:30]}).examples == 30
    own = load_data(net, {"x": X, "y": Y, "patient": PATIENTS})
    assert own.validation is not None
    for split, part in (("validation", own.validation), ("test", own.test), ("train", own.train)):
        found = run.evaluate({"x": X, "y": Y, "patient": PATIENTS}, split=split)
        assert (found.true == part.labels).all()


def test_arrays_in_memory_for_a_spec_that_names_arrays(tmp_path: Path) -> None:
    net = network(tmp_path, f'data "a.npz" {{ target kind; columns rows }}\n{ARRAYS}train {{ epochs 1 }}\n')
    list(ns.train(net, (X, Y, X, Y), out=tmp_path / "run"))
    assert ns.open(tmp_path / "run").evaluate((X, Y, X[:9], Y[:9])).examples == 9
