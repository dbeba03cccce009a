"""Numbers that are no longer finite: they are found, named and never saved; `rewind` goes on without the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.model import Model
from netspec.backends.jax.train.step import Call, Trainer
from netspec.data.types import Dataset, Split
from netspec.runs import files as runs
from netspec.runs import model_file
from netspec.runs.checkpoints import Checkpoints
from netspec.training import Finished, NonFiniteLossError, Notice, Rewound, Stopped
from netspec.training.loop import train as train_loop
from netspec.workflows import train as session
from netspec.workflows.bench import bench

pytestmark = pytest.mark.usefixtures("at_once")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 6)).astype(np.float32)
Y = (X[:, :3].argmax(axis=1)).astype(np.int32)


def network(layers: str = "fc 8 tanh; fc 3 softmax", train: str = "optimizer sgd lr=0.1") -> ns.Network:
    return ns.parse(f'input 6; {layers}; data "mine"; train {{ batch 8; epochs 2; {train} }}', name="toy")


def dataset(x: np.ndarray = X) -> Dataset:
    """Make a dataset without the checks of from_arrays, so that a test may hide a NaN in it."""
    return Dataset.of("mine", Split(x, Y), Split(X[:16], Y[:16]), ("0", "1", "2"))


def poisoned(at: int, value: float = np.nan) -> Dataset:
    x = X.copy()
    x[at, 2] = value
    return dataset(x)


def run(net: ns.Network, data: Dataset | None = None, **how: Any) -> list[ns.Event]:
    return list(train_loop(ns.compile(net), data or dataset(), log_every=3, **how))


def refused(net: ns.Network, data: Dataset | None = None, **how: Any) -> NonFiniteLossError:
    with pytest.raises(NonFiniteLossError) as caught:
        run(net, data, **how)
    return caught.value


def poison(monkeypatch: pytest.MonkeyPatch, step: int, path: tuple[str, str], value: float = np.nan) -> None:
    """Let a weight become something else after a step, once and in every repetition of the step."""
    advance = Trainer.advance

    def bad(self: Trainer, state: Any, history: Any, data: Any, order: Any, call: Any) -> Any:
        before = int(state.step)
        state, history = advance(self, state, history, data, order, call)
        if before <= step < before + call.steps:
            node, name = path
            own = dict(state.params[node])
            own[name] = own[name].at[0].set(value)
            state = state._replace(params={**state.params, node: own})
        return state, history

    monkeypatch.setattr(Trainer, "advance", bad)


# --- the step and the layer are named -----------------------------------------------------------------------------


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_a_bad_example_is_blamed_on_the_input(steps_per_call: int) -> None:
    error = refused(network(train=f"steps_per_call {steps_per_call}"), poisoned(5))
    assert "the numbers of `input` are not finite (NaN)" in error.message
    assert "lower the learning rate" in error.fix


def test_the_step_is_that_of_the_bad_example() -> None:
    net = ns.parse('input 6; fc 3 softmax; data "mine" { shuffle off }; train { batch 8; epochs 2 }', name="t")
    for example, step in ((7, 1), (8, 2), (63, 8)):
        assert f"at step {step} (epoch 1)" in refused(net, poisoned(example)).message


def test_the_first_layer_that_overflows_is_named() -> None:
    layers = "fc 4; fc 4 init=constant(1e30); fc 4 init=constant(1e30); fc 3 softmax"
    error = refused(network(layers), dataset(np.abs(X) + 1))
    assert "the activations of `fc_3` are not finite" in error.message
    assert "inf" in error.message
    assert "at step 1 (epoch 1)" in error.message


def test_initial_weights_that_are_not_finite_are_no_crash() -> None:
    error = refused(network("fc 50 init=normal(1e38); fc 3 softmax"))
    assert "at step 1 (epoch 1): the activations of `fc_1` are not finite" in error.message


def test_a_gradient_that_overflows_is_named() -> None:
    # The weights between make what comes back too large for a float, and what goes forward small again.
    layers = "fc 4 init=constant(1e-3); fc 4 init=constant(1e25); fc 6 init=constant(1e-8)"
    data, train = 'data "mine" { target input }', "train { batch 8; loss mse; optimizer sgd lr=0.1 }"
    net = ns.parse(f"input 6; {layers}; {data}; {train}", name="t")
    error = refused(net, dataset(np.abs(X) + 1))
    assert "the gradient of `fc_" in error.message
    assert "is not finite" in error.message


def test_an_update_that_overflows_is_named() -> None:
    error = refused(network("fc 3 softmax", "optimizer rmsprop lr=3e38"))
    assert "at step 1 (epoch 1): all gradients are finite, the update of `fc_1/kernel` is not" in error.message


def test_a_weight_that_is_broken_between_steps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, 6, ("fc_1", "kernel"))
    error = refused(network(train="checkpoint every=2"))
    assert "at step 7 (epoch 1): all gradients are finite, the update of `fc_1/kernel` is not" in error.message


def test_an_infinite_weight_behind_tanh_is_found_although_the_loss_is_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, 2, ("fc_1", "bias"), np.inf)
    assert "at step 3 (epoch 1)" in refused(network()).message


def test_steps_that_are_sound_when_repeated_are_no_fault_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    advance, broken = Trainer.advance, []

    def once(self: Trainer, state: Any, history: Any, *rest: Any) -> Any:
        state, history = advance(self, state, history, *rest)
        if int(state.step) == 6 and not broken:
            broken.append(True)
            history = history.at[5, 0].set(np.nan)
        return state, history

    monkeypatch.setattr(Trainer, "advance", once)
    error = refused(network())
    assert "is one when the steps since 0 are taken again" in error.message
    assert "memory" in error.fix


# --- nothing that is not finite is ever saved ---------------------------------------------------------------------


@pytest.mark.parametrize(("step", "value"), [(0, np.nan), (7, np.inf), (8, np.nan), (15, np.inf)])
def test_good_checkpoints_and_models_stay(
    step: int, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, step, ("fc_2", "kernel"), value)
    with pytest.raises(NonFiniteLossError):
        list(session.train(network(train="checkpoint every=1"), dataset(), out=tmp_path / "run", log_every=5))
    found, wrong = Checkpoints(tmp_path / "run").newest()
    assert not wrong
    for snapshot in [found] if found else []:
        assert snapshot.step <= step
        for name, array in snapshot.arrays.items():
            assert name == "history" or np.isfinite(array).all()
    for name in (runs.BEST, runs.LAST):
        if (tmp_path / "run" / name).exists():
            arrays = model_file.read(tmp_path / "run" / name).arrays
            assert all(np.isfinite(array).all() for array in arrays.values())
    assert not (tmp_path / "run" / runs.RESULT).exists()


def test_a_stop_does_not_save_what_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, 3, ("fc_2", "kernel"))
    asked = iter(range(6))
    with pytest.raises(NonFiniteLossError):
        list(
            session.train(
                network(), dataset(), out=tmp_path / "run", log_every=50, stop=lambda: next(asked, None) is None
            )
        )
    assert Checkpoints(tmp_path / "run").newest() == (None, [])


def test_jax_may_look_for_them_too(tmp_path: Path) -> None:
    """What is blank here is NaN, so that JAX would find some in every training; and without jit nothing is compiled."""
    for setting in (jax.debug_nans(True), jax.disable_jit(True)):
        with setting:
            assert isinstance(run(network("fc 8 tanh; fc 3 softmax"))[-1], Finished)


# --- rewind -------------------------------------------------------------------------------------------------------


def test_rewinding_leaves_the_batch_out_and_goes_on() -> None:
    events = run(network(train="on_nonfinite rewind"), poisoned(5))
    back = [e for e in events if isinstance(e, Rewound)]
    assert [e.epoch for e in back] == [1, 2]
    assert "`input`" in back[0].reason
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.result.left_out == 2
    assert np.isfinite(finished.result.test_loss)
    assert finished.result.steps == 16
    # People are told why it takes a while.
    assert any("taken again to find out why" in e.text for e in events if isinstance(e, Notice))


def test_rewinding_is_as_if_the_batch_had_not_been_there() -> None:
    """Of plain gradient descent, leaving a step out is the same as a set without its examples."""
    spec = 'input 6; fc 3 softmax; data "mine" { shuffle off }; '
    spec += "train { batch 8; epochs 2; optimizer sgd lr=0.1; on_nonfinite rewind }"
    net = ns.parse(spec, name="t")
    rewound = run(net, poisoned(20))[-1]
    without = Dataset.of(
        "mine",
        Split(np.delete(X, range(16, 24), 0), np.delete(Y, range(16, 24))),
        Split(X[:16], Y[:16]),
        ("0", "1", "2"),
    )
    plain = run(net, without)[-1]
    assert isinstance(rewound, Finished)
    assert isinstance(plain, Finished)
    for node, own in plain.variables.params.items():
        for name, array in own.items():
            np.testing.assert_allclose(array, rewound.variables.params[node][name], rtol=1e-5, atol=1e-6)
    assert rewound.result.test_loss == pytest.approx(plain.result.test_loss, rel=1e-5)


def test_where_no_batch_is_left_the_training_ends() -> None:
    net = ns.parse('input 6; fc 3 softmax; data "mine"; train { batch 64; epochs 2; on_nonfinite rewind }', name="toy")
    error = refused(net, poisoned(5))
    assert error.message == "all batches of epoch 1 are left out: nothing was learned in it"


def test_the_rate_that_is_told_is_the_rate_that_is_used_after_a_rewind() -> None:
    net = network(train="optimizer sgd lr=0.1; on_nonfinite rewind; schedule linear")
    events = run(net, poisoned(5))
    steps = [e for e in events if isinstance(e, ns.Step)]
    assert [e.learning_rate for e in steps] == pytest.approx([0.1 * (1 - learned(e.step, events) / 16) for e in steps])


def learned(step: int, events: list[ns.Event]) -> int:
    """Return the last step up to this one that learned something, from 0."""
    left_out = {e.step for e in events if isinstance(e, Rewound)}
    return max(n for n in range(1, step + 1) if n not in left_out) - 1


@pytest.mark.parametrize("line", ["sgd lr=0.1", "nadam lr=0.1"])
def test_batches_left_out_do_not_move_the_schedule(line: str) -> None:
    """The rate is that of the step, however many of those before it learned something."""
    net = network(train=f"schedule linear; optimizer {line}")
    trainer = Trainer(ns.compile(net), steps_per_epoch=8, epochs=1, seed=0)
    data, order = trainer.place(dataset().train), trainer.place_order(np.arange(64, dtype=np.int32))
    state = trainer.start()
    for _ in range(3):
        state = trainer.skip_step(state)
    history = trainer.blank_history()
    for first in range(3, 8):
        state, history = trainer.advance(state, history, data, order, Call(first, 1, 8))
    # The eight steps are over, and with them the schedule: nothing moves any more.
    before = jax.tree.map(np.array, state.params)
    state, _ = trainer.advance(state, history, data, order, Call(0, 1, 8))
    jax.tree.map(np.testing.assert_array_equal, before, state.params)


@pytest.mark.parametrize("bad", [1, 3])
def test_sums_of_gradients_that_end_with_a_batch_left_out_are_learned_from(bad: int) -> None:
    net = network(train="accumulate 4; optimizer sgd lr=1")
    trainer = Trainer(ns.compile(net), steps_per_epoch=8, epochs=1, seed=0)
    data, order = trainer.place(dataset().train), trainer.place_order(np.arange(64, dtype=np.int32))
    state, history = trainer.start(), trainer.blank_history()
    start = jax.tree.map(np.array, state.params)
    for step in range(4):
        if step == bad:
            state = trainer.skip_step(state)
        else:
            state, history = trainer.advance(state, history, data, order, Call(step, 1, 8))
    moved = jax.tree.map(lambda a, b: np.array(a) - b, state.params, start)
    kept = np.concatenate([np.arange(8 * s, 8 * s + 8) for s in range(4) if s != bad])
    _, grads = trainer.model.backward(ns.compile(net).init(0).replace(params=start), X[kept], Y[kept], train=True)
    jax.tree.map(lambda m, g: np.testing.assert_allclose(m, -g, rtol=1e-4, atol=1e-6), moved, grads)
    for _ in range(4):
        state = trainer.skip_step(state)
    again = jax.tree.map(lambda a, b: np.array(a) - b, state.params, start)
    jax.tree.map(np.testing.assert_array_equal, moved, again)


def test_rewinding_has_a_limit() -> None:
    error = refused(network(train="on_nonfinite rewind limit=1"), poisoned(5))
    assert "1 batches are left out already" in error.message or "1 batch is left out already" in error.message


def test_measurements_are_those_of_the_way_that_was_kept(tmp_path: Path) -> None:
    net = network(train="on_nonfinite rewind; checkpoint every=2")
    list(session.train(net, poisoned(5), out=tmp_path / "run", log_every=1))
    lines = runs.read_metrics(tmp_path / "run")
    steps = [line["step"] for line in lines if line["kind"] == "step"]
    assert steps == sorted(set(steps))
    assert len(steps) == 14
    assert sum(line["kind"] == "rewound" for line in lines) == 2


def test_a_run_that_went_back_resumes_to_the_same_bits(tmp_path: Path) -> None:
    net = network(train="on_nonfinite rewind; checkpoint every=2")
    list(session.train(net, poisoned(5), out=tmp_path / "whole", log_every=2))
    for stop_after in (5, 9):
        folder = tmp_path / f"{stop_after}"
        asked = iter(range(stop_after))
        last = list(
            session.train(net, poisoned(5), out=folder, log_every=2, stop=lambda a=asked: next(a, None) is None)  # type: ignore[misc]
        )[-1]
        assert isinstance(last, Stopped)
        assert isinstance(list(ns.resume(folder, poisoned(5)))[-1], Finished)
        assert (folder / runs.LAST).read_bytes() == (tmp_path / "whole" / runs.LAST).read_bytes()


def test_a_validation_loss_that_is_not_finite_ends_the_training() -> None:
    x = X.copy()
    x[-1] = 3e38
    net = ns.parse('input 6; fc 3; data "mine" { validation 8 }; train { batch 8; epochs 2; loss mse }', name="toy")
    data = dataset(x)
    with pytest.raises(NonFiniteLossError, match="the validation loss is no longer a number after step 7"):
        run(net, data)


def test_memory_that_does_not_suffice_is_an_error_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 388000000336 bytes.\nmore")

    monkeypatch.setattr(Trainer, "advance", full)
    with pytest.raises(ns.DeviceError, match="does not suffice: Out of memory allocating 388000000336 bytes") as caught:
        run(network())
    assert "--batch" in caught.value.fix


def test_memory_that_does_not_suffice_for_a_trained_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.")

    list(ns.train(network(), dataset(), out=tmp_path / "run"))
    opened = ns.open(tmp_path / "run")
    monkeypatch.setattr(Trainer, "evaluate", full)
    monkeypatch.setattr(Model, "logits", full)
    monkeypatch.setattr(Trainer, "step", full)
    for use in (lambda: opened.evaluate(dataset()), lambda: opened.predict(X[:3]), lambda: bench(network())):
        with pytest.raises(ns.DeviceError, match="does not suffice: Out of memory allocating 8 bytes"):
            use()


def test_other_errors_of_the_device_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise jax.errors.JaxRuntimeError("INTERNAL: whatever")

    monkeypatch.setattr(Trainer, "advance", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        run(network())


def test_labels_need_one_row_of_outputs() -> None:
    net = ns.parse('input 1x8x8; conv 3 3; data "mine"; train { batch 8 }', name="toy")
    with pytest.raises(ns.DataError, match="the network ends in 3x6x6 numbers"):
        list(ns.train(net, (RNG.random((8, 1, 8, 8)), np.zeros(8, int)) * 2))
    with pytest.raises(ns.NetspecError, match="ends in 3x6x6 numbers"):
        bench(net)


def test_a_label_beyond_32_bits_is_no_other_label() -> None:
    model = ns.compile(network())
    with pytest.raises(ns.DataError, match="label 4294967297 of example 0"):
        model.loss(model.init(0), X[:4], np.array([2**32 + 1, 0, 1, 2]))
    with pytest.raises(ns.NetspecError, match="seed must be a whole number"):
        model.init(1.5)  # type: ignore[arg-type]


# --- what helps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "says", "fix"),
    [
        ("fc 4 init=zeros; square; sqrt as root; fc 3 softmax", "`root` takes the root of 0 somewhere", "; sqrt`"),
        ("fc 4 as a; sqrt as root; fc 3 softmax", "the activations of `root` are not finite (NaN)", "; sqrt`"),
        ("fc 4 relu; log as l; fc 3 softmax", "the activations of `l` are not finite (inf)", "; log`"),
        ("fc 4 relu as a; divide a as d; fc 3 softmax", "the activations of `d` are not finite (NaN)", "divides by"),
        (
            "fc 4; sqrt; fc 3 init=constant(1e38); softmax",
            "the activations of `sqrt_1` are not finite (NaN)",
            "; sqrt`",
        ),
        ("fc 4 init=constant(1e38) as a; abs; sqrt; fc 3 softmax", "the activations of `a`", "lower the learning"),
    ],
)
def test_a_function_without_a_value_is_told_with_what_helps(layers: str, says: str, fix: str) -> None:
    error = refused(network(layers))
    assert says in error.message
    assert fix in error.fix


def test_what_helps_with_roots_of_0_does() -> None:
    kind = "fc 4 init=zeros; square; {}sqrt as root; fc 3 softmax"
    fix = refused(network(kind.format(""))).fix
    assert fix.startswith("write `clamp min=0.000001; sqrt`")
    assert isinstance(run(network(kind.format("clamp min=0.000001; ")))[-1], Finished)
