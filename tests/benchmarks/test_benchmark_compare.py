"""The comparison with other libraries: ratios, goals, merging, the page, and netspec's own worker."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import compare
from comparison.cases import CASES, PEERS, Case, quick
from comparison.goals import GOALS, TIMES, Goal, judge, judge_time
from comparison.job import Job, Layer
from comparison.measure import Plan, measure
from comparison.prepare import load, make_job, product_flops
from comparison.results import Agreement, Machine, Measured, Reached, Results, Rounds, Run, merge, read, write
from comparison.table import page
from comparison.to_99 import last_test_accuracy
from comparison.workers import Worker, WorkerError, absence

_RECIPE = "data mnist else digits\ntrain { optimizer sgd lr=0.1; batch 8 }\n"
TINY = "input 1x28x28\nfc 4 relu; batchnorm; dropout 0.5\nfc 10 softmax\n" + _RECIPE
CONVOLUTION = "input 1x28x28\nconv 2 5x5 relu; pool 4; batchnorm; dropout 0.5\nfc 10 softmax\n" + _RECIPE

SAME = Agreement(loss=2.0, test_loss=1.0)
MACHINE = Machine(processor="Z80", cores=1, device="cpu", system="CP/M", python="3.11")


def rounds(*ratios: float) -> Rounds:
    """Return rounds in which netspec takes 2 ms and a peer so many times as long."""
    return Rounds(peer=tuple(0.002 * ratio for ratio in ratios), netspec=(0.002,) * len(ratios))


def measured(**changed: Any) -> Measured:
    fields: dict[str, Any] = {"batch": 64, "steps": 20, "tolerance": 0.01, "losses": {"netspec": SAME, "keras": SAME}}
    return Measured(**{**fields, **changed})


def results(**networks: Measured) -> Results:
    return Results(machine=MACHINE, versions={"jax": "1"}, date="2025-01-02T03:04:05+00:00", networks=networks)


def tiny(folder: Path, text: str = TINY) -> Case:
    spec = folder / "tiny.net"
    spec.write_text(text, encoding="utf-8")
    return Case(spec, batches=2, steps=4, inference={1: 1}, rounds=2)


# --- figures --------------------------------------------------------------------------------------------------------


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert rounds(1.0, 9.0, 3.0).ratio == pytest.approx(3.0)
    # Each round's own ratio counts: one slow round of both changes nothing.
    assert Rounds(peer=(2.0, 20.0, 2.0), netspec=(1.0, 10.0, 1.0)).ratios == (2.0, 2.0, 2.0)


def test_losses_differ_by_the_larger_share() -> None:
    assert Agreement(loss=2.02, test_loss=1.03).difference(SAME) == pytest.approx(0.03)
    assert Agreement(loss=float("nan"), test_loss=1.0).difference(SAME) == float("inf")


def test_a_peer_with_other_losses_is_told_apart() -> None:
    losses = {
        "netspec": SAME,
        "keras": Agreement(loss=2.0, test_loss=1.005),
        "flax": Agreement(loss=2.1, test_loss=1.0),
    }
    found = measured(losses=losses)
    assert not found.disagrees("keras")
    assert found.disagrees("flax")
    assert not found.disagrees("torch")


# --- goals ----------------------------------------------------------------------------------------------------------


def test_goals_name_networks_and_peers_that_exist() -> None:
    for goal in GOALS:
        assert set(goal.networks) <= set(CASES)
        assert set(goal.peers) <= {*PEERS, "floor"}


def test_the_closest_peer_decides() -> None:
    goal = Goal("2x", ("lenet", "resnet20"), ("keras", "flax"), 2.0)
    assert judge(goal, results()).state == "not measured"
    both = {"keras": rounds(3.0), "flax": rounds(2.5), "torch": rounds(0.1)}
    assert judge(goal, results(lenet=measured(training=both))).state == "reached"
    missed = judge(
        goal, results(lenet=measured(training={**both, "flax": rounds(1.9)}), resnet20=measured(training=both))
    )
    assert (missed.state, missed.held, missed.compared) == ("not reached", 1, 2)
    assert missed.misses == ("lenet (Flax NNX) 1.90x",)


def test_inference_counts_at_every_batch_size() -> None:
    goal = Goal("never slower", ("lenet",), ("keras",), 1.0, inference=True)
    network = measured(inference={1: {"keras": rounds(5.0)}, 64: {"keras": rounds(0.5)}})
    assert judge(goal, results(lenet=network)).misses == ("lenet at 64 (Keras) 0.50x",)
    assert judge(replace(goal, batches=(1,)), results(lenet=network)).state == "reached"


def test_the_floor_bounds_from_above() -> None:
    goal = next(goal for goal in GOALS if goal.peers == ("floor",))
    within, beyond = (measured(floor=rounds(1 / times)) for times in (2.4, 2.6))
    assert judge(goal, results(lenet=within)).state == "reached"
    assert judge(goal, results(lenet=beyond)).misses == ("lenet (floor) 2.60x as long",)


def test_a_seed_that_never_gets_there_counts_as_endless() -> None:
    def reached(*seconds: float | None) -> Reached:
        runs = (Run(seed=i, cache="warm", reached=s, ended=99, test_accuracy=0.99) for i, s in enumerate(seconds))
        return Reached(accuracy=0.99, runs=tuple(runs))

    warm, cold = TIMES
    assert judge_time(warm, reached(None, 19.0, 20.0)).state == "reached"
    assert judge_time(warm, reached(None, 19.0, None)).misses == ("never",)
    assert judge_time(cold, reached(1.0)).state == "not measured"


def test_the_test_accuracy_of_events() -> None:
    assert last_test_accuracy({"event": "step", "accuracy": 1.0}, 0.5) == 0.5
    assert last_test_accuracy({"event": "epoch", "test_accuracy": 0.9}, 0.5) == 0.9
    assert last_test_accuracy({"event": "evaluated", "split": "test", "accuracy": 0.8}, 0.5) == 0.8
    assert last_test_accuracy({"event": "evaluated", "split": "validation", "accuracy": 0.8}, 0.5) == 0.5


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_new_measurement_replaces_its_own_row_only(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "compare.json"
    old = results(lenet=measured(training={"keras": rounds(1.0), "torch": rounds(2.0)}, absent={"flax": "not here"}))
    new = results(
        lenet=measured(training={"keras": rounds(4.0), "flax": rounds(3.0)}, inference={1: {"keras": rounds(5)}})
    )
    write(file, merge(old, new))
    lenet = read(file).networks["lenet"]
    assert {peer: found.ratio for peer, found in lenet.training.items()} == pytest.approx(
        {"keras": 4.0, "torch": 2.0, "flax": 3.0}
    )
    assert lenet.inference[1]["keras"].ratio == pytest.approx(5.0)
    assert lenet.absent == {}


def test_what_is_measured_again_has_no_old_profile() -> None:
    slow = measured(
        training={"keras": rounds(1.0)},
        inference={1: {"keras": rounds(0.5)}, 64: {"keras": rounds(0.5)}},
        profile=(("step.py update", 1.0),),
        inference_profiles={1: (("one", 1.0),), 64: (("sixty-four", 1.0),)},
    )
    training = merge(results(lenet=slow), results(lenet=measured(training={"keras": rounds(4.0)}))).networks["lenet"]
    assert (training.profile, set(training.inference_profiles)) == ((), {1, 64})
    faster = measured(inference={1: {"keras": rounds(5.0)}})
    inference = merge(results(lenet=slow), results(lenet=faster)).networks["lenet"]
    assert (inference.profile, set(inference.inference_profiles)) == (slow.profile, {64})


def test_figures_of_other_batches_are_not_mixed() -> None:
    merged = merge(results(lenet=measured(training={"torch": rounds(1.0)})), results(lenet=measured(batch=8)))
    assert merged.networks["lenet"].training == {}


@pytest.mark.parametrize("other", [{"machine": MACHINE.model_copy(update={"cores": 8})}, {"versions": {"jax": "2"}}])
def test_machines_and_versions_are_not_mixed(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="name another file with --json"):
        merge(results(), results().model_copy(update=other))


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json") == Results()
    assert "Nothing is recorded yet." in page(Results())


# --- the page -------------------------------------------------------------------------------------------------------

PAGE = results(
    lenet=measured(
        training={"keras": rounds(2.9, 3.1, 3.0), "torch": rounds(1.5)},
        inference={1: {"keras": rounds(10.0), "bare": rounds(0.95)}},
        compile_seconds={"netspec": 1.25, "keras": 2.0},
        peak_bytes={"netspec": 300_000_000},
        losses={"netspec": SAME, "keras": SAME, "torch": Agreement(loss=2.2, test_loss=1.0)},
        absent={"flax": "flax is not installed"},
        floor=rounds(0.5),
        profile=(("kernels/conv.py _columns", 0.42), ("step.py update", 0.1)),
        inference_profiles={1024: (("kernels/conv.py _columns", 0.9),), 1: (("outside the operations", 0.7),)},
    ),
    resnet20=measured(training={"keras": rounds(1.4)}),
)


def lines(text: str, title: str) -> list[str]:
    """Return the lines of the first table after a title."""
    after = text.partition(f"## {title}\n")[2].splitlines()
    start = next(i for i, line in enumerate(after) if line.startswith("|"))
    return [line for line in after[start : after.index("", start) if "" in after[start:] else None] if line]


def test_the_page_shows_ratios_with_their_spread() -> None:
    text = page(PAGE)
    assert "Measured on 2025-01-02 on Z80, 1 core, CP/M, Python 3.11; jax 1." in text
    assert lines(text, "Training step") == [
        "| network | netspec, ms a step | Keras | PyTorch |",
        "| --- | ---: | ---: | ---: |",
        "| lenet | 2 | 3.00 (2.90–3.10) | 1.50 (1.50–1.50) † |",
        "| resnet20 | 2 | 1.40 (1.40–1.40) | – |",
    ]
    assert "| lenet | 1 | 2.00 (2.00–2.00) |" in text
    assert "- Flax NNX: flax is not installed (lenet)" in text
    assert "| lenet | kernels/conv.py _columns 42 %, step.py update 10 % |" in text
    assert "| lenet | 1 | outside the operations 70 % |\n| lenet | 1,024 | kernels/conv.py _columns 90 % |" in text
    assert lines(text, "The same losses")[2] == "| lenet | 2.00000 | 1e-02 | 0e+00 | 1e-01 † |"


def test_the_page_says_of_each_goal_whether_it_is_reached() -> None:
    rows = lines(page(PAGE), "Goals")
    assert len(rows) == 2 + len(GOALS) + len(TIMES)
    assert "| convolutional tutorials: 3x faster than Keras and Flax | **reached** |  |" in rows
    assert "| resnet20, transformer: 1.5x faster than Keras and Flax | not reached | resnet20 (Keras) 1.40x |" in rows


def test_what_misses_a_goal_is_profiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def profiled(name: str, case: Case, batch: int, *more: str) -> tuple[tuple[str, float], ...]:
        return ((" ".join([name, str(batch), *more]), 1.0),)

    slow = {1: {"keras": rounds(9.0)}, 64: {"keras": rounds(0.9)}}
    # The deep network reaches its goal in training, LeNet does not.
    recorded = results(
        lenet=measured(training={"keras": rounds(2.9)}, inference={1: {"keras": rounds(9.0)}}),
        resnet20=measured(training={"keras": rounds(1.6)}, inference=slow),
    )
    write(tmp_path / "r.json", recorded.model_copy(update={"machine": None, "versions": {}}))
    monkeypatch.setattr(compare, "_profile", profiled)
    assert compare.main(["--profiles", "--json", str(tmp_path / "r.json"), "--page", str(tmp_path / "p.md")]) == 0
    found = read(tmp_path / "r.json").networks
    assert (found["lenet"].profile, found["lenet"].inference_profiles) == ((("lenet 64", 1.0),), {})
    assert (found["resnet20"].profile, found["resnet20"].inference_profiles) == (
        (),
        {64: (("resnet20 64 --inference", 1.0),)},
    )
    assert "| resnet20 | 64 | resnet20 64 --inference 100 % |" in (tmp_path / "p.md").read_text("utf-8")


def test_all_rows_of_a_table_have_its_columns() -> None:
    columns: int | None = None
    for line in page(PAGE).splitlines():
        found = line.count("|") if line.startswith("|") else None
        assert None in (columns, found) or found == columns, line
        columns = found


# --- jobs and workers -----------------------------------------------------------------------------------------------


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    job = make_job(tiny(tmp_path, CONVOLUTION))
    job.write(tmp_path)
    again = Job.read(tmp_path)
    assert (again.name, again.batch, again.softmax, again.has_dropout, again.scanned) == ("tiny", 8, True, True, False)
    np.testing.assert_array_equal(again.images, job.images)
    assert [(layer.kind, layer.input) for layer in again.layers] == [
        ("conv", (1, 28, 28)),
        ("batchnorm", (2, 6, 6)),
        ("fc", (2, 6, 6)),
    ]
    np.testing.assert_array_equal(again.layers[2].arrays["kernel"], job.layers[2].arrays["kernel"])


def test_a_dense_kernel_follows_the_order_of_the_inputs() -> None:
    rng = np.random.default_rng(0)
    kernel, image = rng.normal(size=(5, 24)), rng.normal(size=(2, 3, 4))
    dense = Layer("fc", image.shape, {"kernel": kernel}).dense()
    np.testing.assert_allclose(image.transpose(1, 2, 0).ravel() @ dense, kernel @ image.ravel())


def test_the_matrix_products_of_a_lenet_step() -> None:
    forward = (2 * 24 * 24 * 20 * 25, 2 * 8 * 8 * 50 * 500, 2 * 800 * 10)
    # The first layer needs no gradient of its input.
    assert product_flops(CASES["lenet"]) == 64 * (3 * sum(forward) - forward[0])


@pytest.mark.parametrize("name", CASES)
def test_every_case_can_be_made_quick(name: str) -> None:
    case = quick(CASES[name])
    assert case.steps % case.batches == 0
    assert CASES[name].steps % case.batches == 0, "programs that scan take whole passes"
    assert load(case).recipe.schedule.canonical() == "constant"


@pytest.mark.slow
def test_netspec_answers_its_worker_protocol(tmp_path: Path) -> None:
    *said, (found, versions) = measure(Plan(tiny(tmp_path), ["bare"]))
    assert said[:2] == ["starting netspec", "starting bare"]
    assert set(versions) == {"netspec", "jax", "optax"}
    assert found.training == {}
    assert len(found.inference[1]["bare"].ratios) == 2
    assert found.floor is not None
    assert min(*found.floor.peer, *found.floor.netspec) > 0
    assert set(found.losses) == set(found.compile_seconds) == set(found.peak_bytes) == {"netspec"}
    assert 0 < found.losses["netspec"].loss < 10


def test_training_from_the_start_again_gives_the_same_losses(tmp_path: Path) -> None:
    make_job(tiny(tmp_path)).write(tmp_path)
    with Worker("netspec", tmp_path) as worker:
        worker.ask("start", steps=2)
        first = worker.ask("check")
        worker.ask("train", steps=4)
        assert worker.ask("check") == first


def test_a_worker_that_fails_says_why(tmp_path: Path) -> None:
    make_job(tiny(tmp_path)).write(tmp_path)
    with Worker("netspec", tmp_path) as worker, pytest.raises(WorkerError, match="netspec: KeyError: 'dance'"):
        worker.ask("dance")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparison.workers.find_spec", lambda name: None if name == "keras" else object())
    assert absence("keras_best") == "keras is not installed: pip install 'netspec[benchmark]'"
    monkeypatch.setattr("comparison.workers.shutil.which", lambda name: None)
    assert absence("torch") == ""
    assert absence("torch_compile") == "torch.compile needs a C++ compiler"
