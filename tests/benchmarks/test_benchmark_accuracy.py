"""The accuracy table: what it says, how runs are recorded and skipped, and that the twins are twins."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netspec as ns

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import accuracy
from accuracy_results import SPECS, Figures, Job, Machine, Record, Results, add, find_spec, read
from accuracy_table import BEGIN, END, FACTS, between_markers, page, table

TINY = "input 1x28x28\nfc 10 softmax\ndata digits\ntrain {\n  batch 256\n  epochs 1\n  evaluate every=2\n}\n"


def record(
    spec: str = "lasagne_cnn", seed: int = 0, accuracies: tuple[float, ...] = (0.9, 0.8), **changed: Any
) -> Record:
    """Return a made-up run."""
    epochs = len(accuracies)
    fields: dict[str, Any] = {
        "spec": spec,
        "dataset": "mnist",
        "epochs": epochs,
        "seed": seed,
        "spec_epochs": epochs,
        "text_sha256": "t",
        "network_sha256": "n",
        "history": tuple(Figures(test_accuracy=a, test_loss=1 - a, seconds=1) for a in accuracies),
        "seconds": 10 + seed,
        "versions": {"netspec": "1", "jax": "2"},
        "machine": Machine(platform="p", cores=2, device="cpu"),
        "date": "2025-01-01T00:00:00+00:00",
    }
    return Record(**{**fields, **changed})


def results_of(*runs: Record, twins: tuple[Record, ...] = ()) -> Results:
    """Return a file with some runs."""

    def keyed(records: tuple[Record, ...]) -> dict[str, Record]:
        return {f"{r.dataset}/{r.spec}/{r.epochs}/{r.seed}": r for r in records}

    return Results(runs=keyed(runs), twins=keyed(twins))


def rows(text: str) -> list[list[str]]:
    """Return the cells of the first table, without its head."""
    lines = [line for line in text.partition("\n\n")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_a_row_gives_means_and_half_the_range() -> None:
    runs = [record(seed=s, accuracies=(0.99, last)) for s, last in enumerate((0.970, 0.974, 0.984))]
    [row] = rows(table(results_of(*runs, twins=(record(accuracies=(0.5, 0.9712)),))))
    assert row[0] == "lasagne_cnn"
    assert row[2:] == ["2", "0, 1, 2", "97.60 ± 0.70 %", "99.00 %", "–", "97.12 %", "11"]


def test_another_number_of_epochs_is_a_row_of_its_own_after_the_specs_own() -> None:
    longer = record(accuracies=(0.9,) * 50, spec_epochs=5)
    own = record(accuracies=(0.9,) * 5, spec_epochs=5)
    single = record(accuracies=(0.9,), spec_epochs=5)
    cells = rows(table(results_of(longer, single, own)))
    assert [row[0] for row in cells] == ["lasagne_cnn", "lasagne_cnn (1 epoch)", "lasagne_cnn (50 epochs)"]
    assert [row[6] for row in cells] == ["98.85 %", "–", "99.6 %"]


def test_rows_follow_the_order_of_the_specs_and_a_twin_alone_is_shown() -> None:
    text = table(results_of(record("blocks_mlp"), record("lenet"), twins=(record("gluon_mlp"),)))
    assert [row[0] for row in rows(text)] == ["lenet", "gluon_mlp", "blocks_mlp"]
    assert rows(text)[1][3:6] == ["–", "–", "–"]


def test_blocks_reports_its_test_cost() -> None:
    text = table(results_of(record("blocks_mlp", accuracies=(0.75,)), twins=(record("blocks_mlp", accuracies=(0.5,)),)))
    assert "a test cost, l2 penalty included, of 0.2500 (PyTorch twin 0.5000) after one epoch" in text


def test_seeds_of_a_twin_are_named_where_they_differ() -> None:
    text = table(results_of(record(), record(seed=1), twins=(record(seed=7),)))
    assert "Seeds of the PyTorch twin where they differ: lasagne_cnn: 7." in text
    assert "Seeds of the PyTorch twin" not in table(results_of(record(), twins=(record(),)))


def test_the_page_holds_the_table_and_every_run() -> None:
    results = results_of(record(), twins=(record(seed=3),))
    text = page(results)
    assert between_markers(text, table(results)) == text
    assert "| lasagne_cnn | 2 | 3 | PyTorch | 80.00 % | 90.00 % | 0.2000 | 13 |" in text
    assert "No run is recorded yet." in page(Results())


def test_only_what_is_between_the_markers_is_replaced() -> None:
    assert between_markers(f"a\n{BEGIN}\nold\n{END}\nb\n", "new\n") == f"a\n{BEGIN}\nnew\n{END}\nb\n"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_missing_or_doubled_markers_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="each once"):
        between_markers(text, "new")


def test_every_spec_has_its_facts() -> None:
    folder = SPECS["lenet"].parent
    assert set(FACTS) == set(SPECS) == {"lenet", *(p.stem for p in folder.glob("tutorials/*.net"))}
    for name in SPECS:
        assert find_spec(name).network.recipe.epochs in FACTS[name].figures


def test_a_run_is_kept_beside_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "made" / "results.json"
    add(file, "runs", "a", record())
    add(file, "twins", "a", record(seed=1))
    add(file, "runs", "b", record(seed=2))
    add(file, "runs", "a", record(seed=3))
    results = read(file)
    assert {key: run.seed for key, run in results.runs.items()} == {"a": 3, "b": 2}
    assert results.twins["a"] == record(seed=1)


def test_a_run_is_done_until_its_spec_changes(tmp_path: Path) -> None:
    file = tmp_path / "tiny.net"

    def job(text: str) -> Job:
        file.write_text(text)
        return Job(spec=find_spec(str(file)), dataset="digits", epochs=1, seed=0)

    first = job(TINY)
    figures = Figures(test_accuracy=1, test_loss=0, seconds=1)
    results = Results(runs={first.key: first.record([figures], seconds=1, device="cpu", versions={})})
    assert first.is_done(results, "runs")
    assert not first.is_done(results, "twins")
    assert job("# a comment changes nothing\n" + TINY).is_done(results, "runs")
    assert not job(TINY.replace("256", "128")).is_done(results, "runs")


def test_evaluations_within_epochs_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "tiny.net"
    file.write_text(TINY.replace("every=2", "every=2 batch=500"))
    evaluate = accuracy.without_evaluations(find_spec(str(file))).recipe.evaluate
    assert (evaluate.every, evaluate.batch) == (None, 500)


def test_the_table_leaves_out_other_datasets_and_changed_specs(capsys: pytest.CaptureFixture[str]) -> None:
    spec = find_spec("lenet")
    good = record("lenet", text_sha256=spec.text_sha256)
    results = results_of(good, record("lenet", seed=1), record("lenet", seed=2, dataset="digits"), record("other"))
    assert list(accuracy.current(results, "mnist").runs.values()) == [good]
    assert "mnist/lenet/2/1" in capsys.readouterr().err


def test_finished_runs_are_recorded_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, results, readme = (tmp_path / name for name in ("tiny.net", "results.json", "README.md"))
    spec.write_text(TINY)
    readme.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    monkeypatch.setitem(SPECS, "tiny", spec)  # type: ignore[arg-type]
    monkeypatch.setitem(FACTS, "tiny", FACTS["lenet"])  # type: ignore[arg-type]
    made: list[str] = []
    monkeypatch.setattr(accuracy, "train", counting(accuracy.train, made))
    common = ["--data", "digits", "--json", str(results), "-o", str(tmp_path / "page.md"), "--readme", str(readme)]

    assert accuracy.main(["--specs", "tiny", "--seeds", "0", *common]) == 0
    assert accuracy.main(["--specs", "tiny", "--seeds", "0", *common]) == 0
    assert made == ["digits/tiny/1/0"]
    assert accuracy.main(["--specs", "tiny", "--seeds", "0", "--again", *common]) == 0
    assert made == ["digits/tiny/1/0"] * 2
    assert accuracy.main(["--table", *common]) == 0

    [run] = read(results).runs.values()
    assert len(run.history) == 1
    assert 0.1 < run.last.test_accuracy <= 1
    assert run.versions.keys() == {"netspec", "jax", "python"}
    assert readme.read_text().startswith(f"before\n{BEGIN}\n| spec |")
    assert "| tiny |" in (tmp_path / "page.md").read_text()


def test_mistakes_are_reported_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    assert accuracy.main(["--specs", "nothing", "--json", str(results), "-o", str(tmp_path / "page.md")]) == 1
    assert "error: nothing: there is no such file" in capsys.readouterr().err


def test_the_twins_follow_the_specs(torch: Any) -> None:
    from torch_twins import TWINS, weighted_layers  # noqa: PLC0415

    assert set(TWINS) == set(SPECS) - {"lenet"}
    for name, twin in TWINS.items():
        network = find_spec(name).network
        recipe, data = network.recipe, network.data
        assert data is not None
        shuffle = False if data.shuffle.mode == "off" else data.shuffle.buffer or True
        expected = (recipe.batch, recipe.epochs, recipe.l2, data.validation, shuffle)
        assert (twin.batch, twin.epochs, twin.l2, twin.validation, twin.shuffle) == expected
        assert (twin.factor, twin.offset) == pytest.approx(data.scaling() if data else (1 / 255, 0.0))

        made = twin.network()
        twin.initialize(made)
        assert sum(p.numel() for p in made.parameters()) == network.graph().parameter_count
        same_optimizer(twin.optimizer(made.parameters()), recipe.optimizer)
        initial = ns.compile(network).init(seed=0).params
        ours = [p for node in initial.values() for key, p in node.items() if key == "kernel"]
        for kernel, layer in zip(ours, weighted_layers(made), strict=True):
            assert float(layer.weight.detach().std()) == pytest.approx(float(kernel.std()), rel=0.3)
            assert float(layer.bias.detach().abs().max()) == (0 if name != "torch_cnn" else pytest.approx(0.2, abs=0.2))
        assert made(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def same_optimizer(theirs: Any, ours: Any) -> None:
    settings = theirs.param_groups[0]
    assert type(theirs).__name__.lower() == ours.kind
    for name in ("lr", "weight_decay", "momentum", "nesterov"):
        assert settings.get(name, 0) == getattr(ours, name, 0)
    if ours.kind == "adam":
        assert (*settings["betas"], settings["eps"]) == (ours.beta1, ours.beta2, ours.epsilon)


def counting(train: Callable[[Job], Record], made: list[str]) -> Callable[[Job], Record]:
    def counted(job: Job) -> Record:
        made.append(job.key)
        return train(job)

    return counted


def test_the_recorded_runs_are_those_of_the_specs_as_they_are() -> None:
    # A new field of the IR changes the hashes: then see that the old texts still mean the same, and renew them.
    recorded = read(Path(__file__).parents[2] / "benchmarks" / "results" / "accuracy.json")
    for record in (*recorded.runs.values(), *recorded.twins.values()):
        assert record.fits(find_spec(record.spec)), record.spec
