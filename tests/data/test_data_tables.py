"""Tables as arrays, against scikit-learn; and what is said where rows do not fit what was learned."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import netspec as ns
from netspec.data.for_network import load_data
from netspec.data.tables.examples import examples_of
from netspec.data.types import Dataset
from netspec.data.units import units_of
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.tables.preparation import TablePreparation
from netspec.sources.tables.table import Table, read_table, table_of_columns

TABLES = Path(os.environ.get("NETSPEC_DATA", "none")) / "tables"

CLASSES = "fc 4 relu; fc classes softmax"


def people(count: int = 80) -> dict[str, list[Any]]:
    """Return columns of each kind: what is missing among them, and two targets."""
    rng = np.random.default_rng(3)
    size = rng.normal(170, 12, count).round(1)
    return {
        "size": [None if i % 9 == 4 else float(v) for i, v in enumerate(size)],
        "shoe": [int(v) for v in rng.integers(36, 48, count)],
        "color": [("red", "blue", "green")[i] for i in rng.integers(0, 3, count)],
        "deck": [("A", "B", None)[i] for i in rng.integers(0, 3, count)],
        "member": [bool(i) for i in rng.integers(0, 2, count)],
        "kind": [("cat", "dog")[int(v > 170)] for v in size],
        "price": [float(v) for v in np.exp(rng.normal(3, 1, count)).round(3)],
    }


def csv(columns: dict[str, list[Any]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join("" if v is None else str(v) for v in row) for row in rows), ""])


def network(folder: Path, settings: str, layers: str = CLASSES, content: str | None = None) -> ns.Network:
    (folder / "d.csv").write_text(csv(people()) if content is None else content, encoding="utf-8")
    (folder / "s.net").write_text(f'data "d.csv" {{ {settings} }}\n{layers}\n', encoding="utf-8")
    return ns.load(folder / "s.net")


def load(folder: Path, settings: str, layers: str = CLASSES, content: str | None = None) -> Dataset:
    return load_data(network(folder, settings, layers, content), base=folder)


def prepared(dataset: Dataset) -> TablePreparation:
    assert dataset.preparation is not None
    assert dataset.preparation.table is not None
    return dataset.preparation.table


def numbers(table: Table, column: str) -> NDArray[np.float64]:
    return np.array([float(cell) if cell else np.nan for cell in table.cells[column]])[:, None]


def test_a_row_is_what_scikit_learn_makes_of_it(tmp_path: Path) -> None:
    impute = pytest.importorskip("sklearn.impute")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    found = load(tmp_path, "target kind; drop price; test 25%; validation 20%")
    table = read_table(tmp_path / "d.csv", "d.csv")
    every, _ = examples_of(table, prepared(found))
    place = {row.tobytes(): i for i, row in enumerate(every)}
    assert len(place) == len(table)
    parts = {name: [place[row.tobytes()] for row in part.images] for name, part in found.splits.items()}
    train = table.take(parts["training"])
    expected = []
    for column in ("size", "shoe"):
        scaler = preprocessing.StandardScaler().fit(numbers(train, column))
        imputer = impute.SimpleImputer(add_indicator=column == "size").fit(scaler.transform(numbers(train, column)))
        expected.append(imputer.transform(scaler.transform(numbers(table, column))))
    for column in ("color", "deck"):
        encoder = preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore")
        own = np.array(train.cells[column])[:, None]
        # An empty text sorts first, and what is missing comes last here.
        made = encoder.fit(own).transform(np.array(table.cells[column])[:, None])
        expected.append(np.roll(made, -1, axis=1) if "" in own else made)
    expected.append(np.array([cell == "True" for cell in table.cells["member"]])[:, None])
    np.testing.assert_allclose(every, np.concatenate(expected, axis=1), atol=1e-6)
    assert found.labels == ("cat", "dog")
    for name, part in found.splits.items():
        assert [found.labels[i] for i in part.labels] == [table.cells["kind"][i] for i in parts[name]]


@pytest.mark.parametrize("log", [False, True])
def test_a_number_is_learned_standardized_and_answered_in_its_unit(tmp_path: Path, log: bool) -> None:
    net = network(tmp_path, f"target price{' log' * log}; drop kind", "fc 4 relu; fc 1")
    found = load_data(net, base=tmp_path)
    learned = found.train.labels
    np.testing.assert_allclose([learned.mean(), learned.std()], [0, 1], atol=1e-6)
    unit = units_of(net.graph(), found.preparation)["fc_2"]
    own = np.concatenate([unit(part.labels)[:, 0] for part in found.splits.values()])
    np.testing.assert_allclose(sorted(own), sorted(people()["price"]), rtol=1e-5)
    every = np.log(unit(learned)) if log else unit(learned)
    np.testing.assert_allclose((every - every.mean()) / every.std(), learned, atol=1e-5)


def test_a_number_stays_as_it_is_where_the_last_layer_bounds_it(tmp_path: Path) -> None:
    net = network(tmp_path, "target price; drop kind", "fc 4 relu; fc 1 relu")
    found = load_data(net, base=tmp_path)
    assert units_of(net.graph(), found.preparation) == {}
    assert set(found.train.labels[:, 0]) <= {np.float32(v) for v in people()["price"]}


def test_several_targets(tmp_path: Path) -> None:
    two = load(tmp_path, "target price shoe; drop kind", "fc 4 relu; fc 2")
    np.testing.assert_allclose(two.train.labels.std(axis=0), [1, 1], atol=1e-5)
    heads = "fc 4 relu as t; fc 2 softmax as kind\nfrom t; fc 1 as cost\noutput kind; output cost target=price"
    found = load(tmp_path, "target kind price", heads)
    assert {name: array.shape[1:] for name, array in found.train.labels.items()} == {"kind": (), "price": (1,)}
    assert found.target_labels == {"kind": ("cat", "dog")}
    columns = people() | {"p": [i % 2 for i in range(80)], "q": [i // 2 % 2 for i in range(80)]}
    labels = load(tmp_path, "target p q; drop kind", "fc 4 relu; fc 2 sigmoid", csv(columns)).train.labels
    assert set(labels.reshape(-1).tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("settings", "layers", "message"),
    [
        ("target price log; drop kind", "fc 1", "is -1.0, which has no logarithm"),
        ("target kind price", "fc 2 softmax", "kind is 'cat' and 'dog', which are classes, and the network learns"),
        ("target price shoe; drop kind", "fc 3", "price and shoe are learned, but the network ends in 3"),
        ("target color", "fc 1", "the network has 1 output, but"),
        (
            "target shoe; drop kind",
            "fc 1 sigmoid",
            "shoe is 36 to 47, but binary_cross_entropy takes targets from 0 to 1",
        ),
        ("target shoe log; drop kind", "fc 1 sigmoid", "the logarithm of shoe is 3.58352 to 3.85015, but"),
        (
            "target shoe size; drop kind",
            "fc 2 softmax",
            "shoe is 36 to 47, but cross_entropy takes targets from 0 to 1",
        ),
        (
            "target shoe kind",
            "fc 4 relu as t; fc 1 sigmoid as a\nfrom t; fc 2 softmax as b\noutput a target=shoe; output b target=kind",
            "shoe is 36 to 47, but binary_cross_entropy",
        ),
        (
            "target kind",
            "fc 4 relu as t; fc 2 softmax as kind\nfrom t; fc 1 as price\noutput kind; output price",
            "the output price is compared with a column of that name",
        ),
    ],
)
def test_what_the_network_cannot_learn_is_one_error(tmp_path: Path, settings: str, layers: str, message: str) -> None:
    content = csv(people() | {"price": [-1.0, *people()["price"][1:]]})
    with pytest.raises(DataError) as caught:
        load(tmp_path, settings, layers, content)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ("target kind", "x.tar", "x.tar is an archive, but the spec is for a table"),
        ("target kind", "x.zip", "x.zip is damaged: File is not a zip file"),
        ("target kind", "x.png", "x.png is a picture, but the spec is for a table"),
        ("target kind", "folder", "folder is a folder of pictures, but the spec is for a table"),
        ("target kind", "texts", "texts is a folder of texts, but the spec is for a table"),
        ("", "x.zip", "x.zip is damaged: File is not a zip file"),
        ("", "x.csv", "x.csv is a table, but the spec is for a text"),
    ],
)
def test_data_of_another_kind_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, given: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if given == "folder":
        Path(given).mkdir()
    elif given == "texts":
        (Path(given) / "good").mkdir(parents=True)
        (Path(given) / "good" / "a.txt").write_text("a text", encoding="utf-8")
    else:
        Path(given).write_bytes(b"\x89PNG")
    Path("b.txt").write_text("a text " * 40, encoding="utf-8")
    net = (
        network(tmp_path, settings)
        if settings
        else ns.parse('data "b.txt" { text chars length=4 }\ninput 4 tokens=5\nembedding 2; fc 5 softmax pointwise')
    )
    with pytest.raises(DataError) as caught:
        load_data(net, given)
    assert caught.value.message == message


def test_rows_in_memory_are_as_those_of_a_file(tmp_path: Path) -> None:
    columns = people()
    of_file = load(tmp_path, "target kind")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    net = network(tmp_path, "target kind")
    arrays = {name: np.array(values, object) for name, values in columns.items()}
    for given in (columns, rows, _Frame(columns), arrays):
        assert load_data(net, given).sha256 == of_file.sha256  # type: ignore[arg-type]


class _Frame:
    """A frame as those of pandas and Polars are, as far as it is used."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self.cells, self.columns = columns, list(columns)

    def __getitem__(self, name: str) -> list[Any]:
        return self.cells[name]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": [1], "b": [1, 2]}, "the columns of data are of different lengths: a 1, b 2"),
        ({"a": 3}, "data: a is no column of values"),
        ({"a": [[1, 2], [3, 4]]}, "data: a[0] is no single value"),
        ([{}], "data has no columns"),
        ({"a": []}, "data has no rows"),
    ],
)
def test_what_is_no_table_in_memory_is_one_error(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        load_data(network(tmp_path, "target kind"), data)
    assert caught.value.message == message


def test_numbers_that_are_said_to_be_categories_are_read_with_and_without_a_fraction(tmp_path: Path) -> None:
    known = prepared(load(tmp_path, "target kind; drop price; category shoe; columns shoe"))
    (given,) = known.inputs.values()
    assert given.features[0].levels == tuple(map(str, sorted(set(people()["shoe"]))))
    rows, notices = examples_of(table_of_columns({"shoe": ["40", "40.0", "99"]}, "rows"), known)
    assert (rows[0].tolist(), rows[2].sum()) == (rows[1].tolist(), 0)
    assert notices == ["shoe is '99' in 1 row, which the model has never seen: read as unknown"]


def test_amounts_are_the_plain_numbers_that_they_say(tmp_path: Path) -> None:
    columns = people()
    said = "target price; drop kind; number size shoe; test 20%"
    plain = load(tmp_path, said, "fc 4 relu; fc 1", csv(columns))
    written = {
        **columns,
        "size": [None if v is None else f"{v} cm" for v in columns["size"]],
        "price": [f"€{1000 * v:.1f}".replace(".", ",") for v in columns["price"]],
    }
    text = csv(written | {"price": [f'"{v}"' for v in written["price"]]})
    read = load(tmp_path, f"{said.replace('shoe', 'price')}", "fc 4 relu; fc 1", text)
    assert plain.train.images.shape[1:] == read.train.images.shape[1:]
    known = prepared(read)
    assert known.targets[0].amount is not None
    # All rows, read by what was learned of the written ones.
    rows, notes = examples_of(read_table(text.encode(), "w.csv"), known)
    numbers, _ = examples_of(read_table(csv(columns).encode(), "p.csv"), known)
    np.testing.assert_array_equal(rows, numbers)
    assert not notes
    with pytest.raises(DataError, match=r"size in line 2 is '5 m', which is not written as '12 cm'") as refused:
        examples_of(read_table(b"size,shoe,color,deck,member\n5 m,40,red,A,True\n", "r.csv"), known)
    assert refused.value.fix == "write it as in training, such as 12.5 cm, or leave the cell empty"


def test_a_table_without_the_column_that_grouped_it_is_all_for_the_test(tmp_path: Path) -> None:
    net = network(tmp_path, "target kind; drop price; group shoe; test 20%")
    learned = load_data(net, base=tmp_path)
    (tmp_path / "other.csv").write_text(csv({k: v for k, v in people().items() if k != "shoe"}), encoding="utf-8")
    other = load_data(net, tmp_path / "other.csv", preparation=learned.preparation)
    assert (len(other.train), len(other.test)) == (0, 80)


def test_rows_that_do_not_fit_what_was_learned_are_said(tmp_path: Path) -> None:
    known = prepared(load(tmp_path, "target kind; drop price"))
    good = {name: [values[0]] for name, values in people().items()}

    def read(**changed: Any) -> tuple[NDArray[np.float32], list[str]]:
        cells = {name: v for name, v in (good | changed).items() if v is not None}
        return examples_of(table_of_columns(cells, "rows"), known)

    usual, notices = read()
    assert notices == []
    strange, notices = read(color=["pink"])
    assert notices == ["color is 'pink' in 1 row, which the model has never seen: read as unknown"]
    assert usual.sum() - strange.sum() == pytest.approx(1)  # none of the levels
    lost, notices = read(shoe=[None])
    assert notices == ["shoe is missing in 1 row: the mean is taken, for the model has seen none without it"]
    assert lost[0, 2] == 0
    assert read(size=[None])[0][0, :2].tolist() == [0, 1]
    assert read(kind=None)[1] == []  # what is to be predicted need not be there
    for changed, message in (
        ({"shoe": None, "deck": None}, "rows lacks the columns shoe and deck, which the model reads"),
        ({"shoe": ["big"]}, "rows: shoe in line 1 is 'big', and the model reads a number"),
        ({"member": ["maybe"]}, "rows: member in line 1 is 'maybe', and the model reads true or false"),
        ({"shoe": ["1e999"]}, "rows: shoe in line 1 is 1e999, which is not finite"),
    ):
        with pytest.raises(DataError) as caught:
            read(**changed)
        assert caught.value.message == message


def test_a_text_is_filled_up_with_padding(tmp_path: Path) -> None:
    columns = people() | {"note": [f"note {i} is {'long' * (i % 3)}".strip() for i in range(80)]}
    layers = "input note as remark\nembedding 2; lstm 3; take last; fc classes softmax"
    found = load(tmp_path, "target kind; text words", layers, csv(columns))
    tokens = found.train.images
    assert tokens.dtype == np.int32
    assert ((tokens > 0).sum(axis=1) <= tokens.shape[1]).all()
    assert set((tokens > 0).sum(axis=1).tolist()) <= {2, 3, 4}
    text = prepared(found).inputs["remark"]
    unknown, _ = examples_of(table_of_columns({"note": ["never seen", ""]}, "t"), prepared(found))
    assert text.vocabulary is not None
    assert unknown[0, :2].tolist() == [len(text.vocabulary)] * 2
    assert not unknown[1].any()


@pytest.mark.skipif(not TABLES.is_dir(), reason="NETSPEC_DATA has no tables")
@pytest.mark.parametrize(
    ("name", "settings", "width", "classes", "rows"),
    [
        ("iris", "target species", 4, 3, 150),
        ("titanic", "target survived; drop alive", 32, 2, 891),
        ("penguins", "target species", 14, 3, 344),
        ("mpg", "target origin; drop name", 8, 3, 398),
    ],
)
def test_tables_that_everybody_knows(
    tmp_path: Path, name: str, settings: str, width: int, classes: int, rows: int
) -> None:
    found = load(tmp_path, f"{settings}; test 20%", CLASSES, (TABLES / f"{name}.csv").read_text(encoding="utf-8"))
    assert (found.shape, len(found.labels), sum(map(len, found.splits.values()))) == ((width,), classes, rows)
