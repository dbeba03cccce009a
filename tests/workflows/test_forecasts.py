"""Forecasts from windows of a table: as good as scikit-learn, the same bits again, an answer for each row."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.command_line import cli

import netspec as ns
from netspec.data.for_network import load_data
from netspec.data.tables import windows as table_windows
from netspec.runs import model_file
from netspec.serving.options import Options
from netspec.serving.requests import read_request
from netspec.serving.served import Served
from netspec.studio.trial import Trial

SPEC = """
data "waves.csv" { target wave; window 6; validation 10%; test 20% }
flatten; fc 1
train { optimizer adam lr=0.02; schedule cosine; epochs 60; batch 16 }
"""


def waves(count: int = 240) -> list[dict[str, Any]]:
    """Return a wave with noise, which its last rows tell in part, and a second column."""
    rng = np.random.default_rng(4)
    wave = 20 + 5 * np.sin(np.arange(count) / 4) + rng.normal(0, 0.7, count)
    other = np.roll(wave, 1) + rng.normal(0, 2, count)
    return [{"hour": n, "wave": round(float(wave[n]), 2), "other": round(float(other[n]), 2)} for n in range(count)]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, its spec, and a run."""
    folder = tmp_path_factory.mktemp("forecasts")
    write(folder / "waves.csv", waves())
    (folder / "waves.net").write_text(SPEC.replace("{ target", "{ drop hour; target"), encoding="utf-8")
    list(ns.train(folder / "waves.net", out=folder / "run"))
    return folder


def test_a_linear_network_forecasts_as_a_linear_regression(here: Path) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    rows = waves()
    values = np.array([[row["wave"], row["other"]] for row in rows])
    windows = np.stack([values[n - 6 : n].T.reshape(-1) for n in range(6, 240)])
    targets = values[6:, 0]
    train, test = slice(0, 173 - 6), slice(192 - 6, 240 - 6)
    reference = linear.LinearRegression().fit(windows[train], targets[train])
    expected = np.sqrt(np.mean((reference.predict(windows[test]) - targets[test]) ** 2))
    found = ns.open(here / "run").evaluate()
    assert found.examples == 48
    assert found.metrics["rmse"] == pytest.approx(expected, rel=0.05)
    naive = np.sqrt(np.mean((values[191:239, 0] - values[192:, 0]) ** 2))
    assert found.naive["rmse"] == pytest.approx(naive, rel=1e-4)
    assert found.metrics["rmse"] < naive


def test_each_row_of_a_table_has_the_forecast_made_at_it(here: Path) -> None:
    run = ns.open(here / "run")
    rows = waves()
    found = run.predict(rows)
    assert found[:5] == [None] * 5
    assert len(found) == 240
    answer = cli(here, "predict", "run", "waves.csv", "-o", "out.csv")
    assert "note: 5 rows of waves.csv have no answer: a window is 6 rows" in answer.stderr
    with (here / "out.csv").open(encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
    assert [row["wave"] for row in written] == [str(row["wave"]) for row in rows]
    assert [row["predicted"] for row in written[:5]] == [""] * 5
    # The test of the run looks at the same: of the row before each of its targets.
    dataset = run.dataset()
    direct = run.in_units(run.outputs(dataset.test.images))[:, 0]
    assert [float(row["predicted"]) for row in written[191:239]] == pytest.approx(direct.tolist(), rel=1e-6)
    assert [each.outputs[0] for each in found[191:239]] == pytest.approx(direct.tolist(), rel=1e-6)
    cli(here, "predict", "run", "waves.csv", "-o", "out.json")
    assert json.loads((here / "out.json").read_text(encoding="utf-8"))[0]["predicted"] is None
    assert cli(here, "predict", "run", "waves.csv").stdout.splitlines()[0].startswith("waves.csv[5]: ")


def test_columns_in_memory_are_windows_too(here: Path) -> None:
    columns = {name: [row[name] for row in waves()] for name in ("wave", "other")}
    spec = 'input {}\ndata "waves" {{ target wave; window 6; test 20% }}\nflatten; fc 1\n'
    dataset = load_data(ns.parse(spec.format("2x6")), columns)
    assert dataset.train.images.shape == (186, 2, 6)
    with pytest.raises(ns.NetspecError, match="a window of data is 2x6, but the input is 12"):
        load_data(ns.parse(spec.format("12")), columns)


def test_too_few_rows_are_one_error(here: Path) -> None:
    write(here / "few.csv", waves()[:5])
    for words in (("predict", "run", "few.csv"), ("eval", "run", "--data", "few.csv")):
        answer = cli(here, *words)
        assert answer.returncode == 1
        assert "few.csv has 5 rows, and" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_other_rows_are_evaluated_beside_the_last_value(here: Path) -> None:
    write(here / "later.csv", waves(300)[240:])
    answer = cli(here, "eval", "run", "--data", "later.csv")
    assert "on later.csv: 54 examples" in answer.stdout
    assert "the last known value as the forecast: mae " in answer.stdout


@pytest.mark.parametrize(
    ("settings", "layers", "message"),
    [
        ("window 6", "fc 1 pointwise", "a window of waves.csv has one target, but the network ends in 1x6"),
        ("window 6 ahead=1..3", "flatten; fc 1", "`ahead=1..3` learns wave of 3 rows, but the network ends in 1"),
        ("window 6", "input 12; fc 1", "a window of waves.csv is 2x6, but the input is 12"),
    ],
)
def test_a_network_that_cannot_learn_windows_is_said_by_a_check(
    here: Path, settings: str, layers: str, message: str
) -> None:
    (here / "wrong.net").write_text(f'data "waves.csv" {{ target wave; drop hour; {settings}; test 20% }}\n{layers}\n')
    answer = cli(here, "check", "wrong.net")
    assert answer.returncode == 1
    assert message in answer.stdout + answer.stderr


def test_the_parts_are_shown_by_rows_and_windows(here: Path) -> None:
    assert [line.split() for line in cli(here, "data", "show", "waves.net", "--split").stdout.splitlines()[-3:]] == [
        ["train", "173", "72.08", "%", "167"],
        ["validation", "19", "7.92", "%", "19"],
        ["test", "48", "20.00", "%", "48"],
    ]


def _ending(run: Path) -> Any:
    return model_file.read(run / "last.safetensors").arrays


@pytest.mark.parametrize("streamed", [False, True])
def test_a_training_that_is_resumed_has_the_same_bits(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    monkeypatch.setattr(table_windows, "IN_MEMORY", 0 if streamed else 1 << 30)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 9

    list(ns.train(here / "waves.net", out=tmp_path / "run", stop=stop))
    assert not (tmp_path / "run" / "result.json").exists()
    list(ns.resume(tmp_path / "run"))
    whole, again = _ending(here / "run"), _ending(tmp_path / "run")
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_several_columns_and_classes_are_forecast(tmp_path: Path) -> None:
    rows = [{**row, "rises": "yes" if n % 2 else "no"} for n, row in enumerate(waves(80))]
    write(tmp_path / "d.csv", rows)
    said: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "target wave other; window 4; drop hour": (
            "fc 2",
            lambda row: {"predicted_wave", "predicted_other"} <= set(row),
        ),
        "target wave; window 4 ahead=1..3": (
            "fc 3",
            lambda row: {"predicted_1", "predicted_2", "predicted_3"} <= set(row),
        ),
        "target rises; window 4": ("fc classes softmax", lambda row: row["predicted"] in {"yes", "no"}),
    }
    for number, (settings, (last, holds)) in enumerate(said.items()):
        spec = f'data "d.csv" {{ {settings}; test 20% }}\nflatten; {last}\ntrain {{ epochs 1 }}\n'
        (tmp_path / "s.net").write_text(spec, encoding="utf-8")
        list(ns.train(tmp_path / "s.net", out=tmp_path / f"run{number}"))
        cli(tmp_path, "predict", f"run{number}", "d.csv", "-o", "out.csv")
        with (tmp_path / "out.csv").open(encoding="utf-8") as stream:
            assert holds(list(csv.DictReader(stream))[-1])
        assert cli(tmp_path, "plot", f"run{number}", "saliency", "d.csv").returncode == 0


def test_a_new_spec_says_that_rows_in_time_can_be_forecast_and_how(tmp_path: Path) -> None:
    days = [{"day": f"2024-{n // 28 + 1:02}-{n % 28 + 1:02}", **row} for n, row in enumerate(waves(90))]
    write(tmp_path / "d.csv", days)
    shown = cli(tmp_path, "data", "show", "d.csv", "--target", "wave").stdout
    assert "in the order of day: netspec new --data d.csv --target wave --window 14 forecasts" in shown
    said = cli(tmp_path, "new", "--data", "d.csv", "--target", "wave", "-o", "-").stdout
    (asked,) = [line.split(None, 1)[1] for line in said.splitlines() if "--window" in line]
    assert asked == "netspec new --data d.csv --target wave --window 14"
    assert cli(tmp_path, *asked.split()[1:]).returncode == 0
    spec = (tmp_path / "d.net").read_text(encoding="utf-8")
    assert [word in spec for word in ("window 14 ", "order day ", "drop hour ", "lstm 32; take last", "fc 1 ")] == [
        True
    ] * 5
    assert "ok" in cli(tmp_path, "check", "d.net").stdout
    write(tmp_path / "d.csv", [{"store": s, **row} for row in days for s in ("north", "south")])
    said = cli(tmp_path, "new", "--data", "d.csv", "--target", "wave", "--window", "7", "-o", "-").stdout
    assert "  group store " in said
    answer = cli(tmp_path, "new", "--data", "d.csv", "--target", "wave,other", "--window", "7", "-o", "-")
    assert "error: --window forecasts one column" in answer.stderr
    assert "error: --window is of the rows of a table" in cli(tmp_path, "new", "lenet", "--window", "7").stderr


def test_a_server_and_the_studio_take_the_rows_of_a_window(here: Path) -> None:
    served = Served(ns.open(here / "run"))
    assert len(served.example) == 6
    body = json.dumps(waves()[:8]).encode()
    found = read_request(served, body, "application/json", "", Options())
    assert len(served.predict(found.array)) == 3
    with pytest.raises(ns.NetspecError, match="the request has 1 row, and the model reads 6 rows"):
        read_request(served, json.dumps(waves()[0]).encode(), "application/json", "", Options())
    trial = Trial()
    assert trial.reads(here / "run") == {"kind": "rows", "rows": 6}
    answer = trial.answer(here / "run", body, "application/json")["answer"]["outputs"]
    assert answer == pytest.approx(served.predict(found.array)[-1].outputs)


def test_what_is_prepared_without_windows_is_written_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "d.csv", waves(40))
    (tmp_path / "s.net").write_text('data "d.csv" { target wave; test 20% }\nfc 1\n', encoding="utf-8")
    prepared = load_data(ns.load(tmp_path / "s.net"), base=tmp_path).preparation
    assert prepared is not None
    assert "window" not in prepared.model_dump_json()
    assert "window" not in ns.load(tmp_path / "s.net").model_dump_json()
