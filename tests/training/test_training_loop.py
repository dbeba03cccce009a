"""The training loop: which events come when, what a step does to the weights, and what each figure is measured on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.data.types import Dataset, Split
from netspec.training.loop import train as train_loop

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 6)).astype(np.float32)
TRUTH = RNG.standard_normal((6, 3))
Y = (X @ TRUTH).argmax(axis=1).astype(np.int32)
TEST_X = RNG.standard_normal((20, 6)).astype(np.float32)
TEST_Y = (TEST_X @ TRUTH).argmax(axis=1).astype(np.int32)


def spec(train: str = "", data: str = "", layers: str = "fc 3 softmax") -> ns.Network:
    recipe = f"train {{ optimizer sgd lr=0.5; batch 16; epochs 2; {train} }}"
    return ns.parse(f'input 6; {layers}; data "mine.npz" {{ {data} }}; {recipe}', name="toy")


def dataset(x: Any = X, y: Any = Y, test_x: Any = TEST_X, test_y: Any = TEST_Y) -> Dataset:
    """Make a dataset without the checks of from_arrays, so that a test may hide a NaN in it."""
    return Dataset.of("mine.npz", Split(x, y), Split(test_x, test_y), ("0", "1", "2"))


def run(net: ns.Network, data: Dataset | None = None, **how: Any) -> list[ns.Event]:
    return list(train_loop(ns.compile(net), data or dataset(), **how))


@cache
def trained(train: str = "", data: str = "", layers: str = "fc 3 softmax", **how: Any) -> list[ns.Event]:
    """Return the events of `spec` on the dataset; each is trained once, however many tests look at it."""
    return run(spec(train, data, layers), **how)


DROPPING = ns.parse(
    "input 6; fc 32 relu; dropout 0.2; batchnorm; fc 3 softmax; train { optimizer adam lr=0.02; epochs 12; batch 10 }"
)


@cache
def dropped() -> list[ns.Event]:
    return run(DROPPING)


def of(kind: type, events: list[ns.Event]) -> list[Any]:
    return [e for e in events if isinstance(e, kind)]


def last(events: list[ns.Event]) -> ns.Finished:
    assert isinstance(events[-1], ns.Finished)
    return events[-1]


def weights(events: list[ns.Event]) -> list[np.ndarray]:
    return [np.asarray(a) for a in jax.tree.leaves(last(events).variables)]


def same(a: list[ns.Event], b: list[ns.Event]) -> bool:
    return all(x.tobytes() == y.tobytes() for x, y in zip(weights(a), weights(b), strict=True))


# --- events -------------------------------------------------------------------------------------------------------


def test_events_come_in_order() -> None:
    kinds = [type(e).__name__ for e in trained(log_every=1)]
    assert kinds == ["Started", *["Step"] * 4, "Epoch", *["Step"] * 4, "Epoch", "Finished"]


def test_started_says_what_is_run() -> None:
    started = next(train_loop(ns.compile(spec("seed 9", "validation 10")), dataset()))
    assert isinstance(started, ns.Started)
    assert (started.name, started.parameters, started.dataset) == ("toy", 21, "mine.npz")
    assert (started.train, started.validation, started.test) == (40, 10, 20)
    assert (started.epochs, started.steps_per_epoch, started.batch, started.seed) == (2, 3, 16, 9)
    assert started.folder is None


def test_notices_of_the_dataset_come_first() -> None:
    data = Dataset.of("d", Split(X, Y), Split(TEST_X, TEST_Y), ("a", "b", "c"), ("one", "two"))
    events = run(spec(), data)
    assert [e.text for e in of(ns.Notice, events)] == ["one", "two"]
    assert [type(e) for e in events[:2]] == [ns.Notice, ns.Notice]


@pytest.mark.parametrize(("batch", "steps"), [(7, 8), (50, 1), (51, 1)])
def test_the_last_batch_may_be_smaller(batch: int, steps: int) -> None:
    net = ns.parse(f"input 6; fc 3 softmax; train {{ optimizer sgd lr=0.1; batch {batch}; epochs 1 }}")
    events = run(net, log_every=1)
    assert [e.step for e in of(ns.Step, events)] == list(range(1, steps + 1))
    assert of(ns.Epoch, events)[0].step == steps


@pytest.mark.parametrize(("every", "expected"), [(1, [1, 2, 3, 4]), (3, [3, 4]), (99, [4])])
def test_log_every(every: int, expected: list[int]) -> None:
    events = trained(log_every=every)
    assert [e.step for e in of(ns.Step, events)] == [*expected, *(4 + s for s in expected)]
    assert [e.epoch for e in of(ns.Step, events)] == [1] * len(expected) + [2] * len(expected)


def test_logging_changes_nothing() -> None:
    often, seldom = trained(log_every=1), trained(log_every=99)
    assert same(often, seldom)
    first, whole = of(ns.Step, often)[:4], of(ns.Step, seldom)[0]
    sizes = np.array([16, 16, 16, 2])
    assert whole.loss == pytest.approx((np.array([e.loss for e in first]) * sizes).sum() / 50, rel=1e-9)
    assert whole.accuracy == pytest.approx((np.array([e.accuracy for e in first]) * sizes).sum() / 50, rel=1e-9)


def test_an_epochs_figures_are_means_over_its_examples() -> None:
    events = trained(log_every=1)
    sizes = np.array([16, 16, 16, 2])
    for epoch in of(ns.Epoch, events):
        steps = [e for e in of(ns.Step, events) if e.epoch == epoch.epoch]
        assert epoch.train_loss == pytest.approx((np.array([e.loss for e in steps]) * sizes).sum() / 50, rel=1e-9)
        assert epoch.train_accuracy == pytest.approx((np.array([e.accuracy for e in steps]) * sizes).sum() / 50)


def test_the_learning_rate_is_that_of_the_step() -> None:
    events = run(spec("schedule linear"), log_every=1)
    rates = [e.learning_rate for e in of(ns.Step, events)]
    np.testing.assert_allclose(rates, 0.5 * (1 - np.arange(8) / 8), rtol=1e-6)


def test_evaluate_every() -> None:
    events = run(spec("evaluate every=3", "validation 2"))  # 3 steps an epoch
    assert of(ns.Evaluated, events) == [], "the third step ends the epoch, which looks at the splits anyway"
    events = run(spec("evaluate every=2", "validation 1"))
    found = [(e.epoch, e.step, e.split) for e in of(ns.Evaluated, events)]
    assert found == [(e, s, n) for e, s in ((1, 2), (2, 6)) for n in ("validation", "test")]


def test_evaluation_does_not_disturb_the_training() -> None:
    events = run(spec("evaluate every=3"))  # 4 steps an epoch
    assert [(e.epoch, e.step, e.split) for e in of(ns.Evaluated, events)] == [(1, 3, "test"), (2, 6, "test")]
    assert same(events, trained())


def test_the_figures_are_those_of_the_model() -> None:
    events = trained(data="validation 10")
    model, variables = last(events).model, last(events).variables
    epoch = of(ns.Epoch, events)[-1]
    for x, y, loss, accuracy in (
        (TEST_X, TEST_Y, epoch.test_loss, epoch.test_accuracy),
        (X[-10:], Y[-10:], epoch.validation_loss, epoch.validation_accuracy),
    ):
        assert loss == pytest.approx(float(model.loss(variables, x, y)), rel=1e-5)
        assert accuracy == pytest.approx((np.asarray(model.forward(variables, x)).argmax(1) == y).mean())


@pytest.mark.parametrize("batch", [3, 20, 21])
def test_the_batch_of_an_evaluation_does_not_matter(batch: int) -> None:
    found = of(ns.Epoch, run(spec(f"evaluate batch={batch}")))[-1]
    expected = of(ns.Epoch, trained())[-1]
    assert found.test_loss == pytest.approx(expected.test_loss, rel=1e-6)
    assert found.test_accuracy == expected.test_accuracy


def test_the_result_is_that_of_the_last_and_the_best_epoch() -> None:
    events = trained(data="validation 10")
    result, epochs = last(events).result, of(ns.Epoch, events)
    best = next(e for e in reversed(epochs) if e.best)
    assert result.epochs == 2
    assert result.test_accuracy == epochs[-1].test_accuracy
    assert result.test_loss == epochs[-1].test_loss
    assert result.validation_loss == epochs[-1].validation_loss
    assert (result.best_epoch, result.best_test_loss) == (best.epoch, best.test_loss)
    assert (result.parameters, result.seed, result.dataset) == (21, 0, "mine.npz")


# --- determinism --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits() -> None:
    assert same(run(DROPPING), dropped())


def test_another_seed_gives_other_weights() -> None:
    other = run(spec("seed 6"))
    assert not same(trained(), other)
    assert same(run(spec(), seed=6), other)


def test_the_seed_moves_the_order_of_batches() -> None:
    net = spec(layers="fc 3 softmax init=zeros")
    assert not same(run(net, seed=1), run(net, seed=2))


# --- what a step is -----------------------------------------------------------------------------------------------


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_hand(
    kernel: np.ndarray, bias: np.ndarray, lr: float, l2: float = 0, epochs: int = 2
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Softmax regression by stochastic gradient descent, in the order of the file: (loss before the step, W, b)."""
    w, b = kernel.astype(np.float64), bias.astype(np.float64)
    for _ in range(epochs):
        for start in range(0, len(X), 16):
            x, y = X[start : start + 16].astype(np.float64), Y[start : start + 16]
            p = softmax(x @ w.T + b)
            loss = -np.log(p[np.arange(len(y)), y]).mean() + l2 * (w**2).sum()
            error = (p - np.eye(3)[y]) / len(y)
            w, b = w - lr * (error.T @ x + 2 * l2 * w), b - lr * error.sum(axis=0)
            yield loss, w, b


@pytest.mark.parametrize("l2", [0, 0.02])
def test_a_training_by_hand_agrees(l2: float) -> None:
    events = trained(f"l2 {l2}", "shuffle off", log_every=1)
    start = last(events).model.init()
    ours = list(by_hand(np.asarray(start.params["fc_1"]["kernel"]), np.asarray(start.params["fc_1"]["bias"]), 0.5, l2))
    np.testing.assert_allclose([e.loss for e in of(ns.Step, events)], [loss for loss, _, _ in ours], rtol=1e-4)
    params = last(events).variables.params["fc_1"]
    np.testing.assert_allclose(params["kernel"], ours[-1][1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(params["bias"], ours[-1][2], rtol=1e-4, atol=1e-5)


def test_shuffling_is_another_order_of_the_same_examples() -> None:
    off, on = trained("l2 0", "shuffle off", log_every=1), trained(log_every=1)
    assert not same(off, on)
    # With one batch an epoch the order does not matter, but for rounding.
    net = [
        ns.parse(f'input 6; fc 3 softmax; data "d.npz" {{ {d} }}; train {{ batch 64 }}') for d in ("shuffle off", "")
    ]
    a, b = (weights(run(n)) for n in net)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_l2_is_part_of_every_loss() -> None:
    # A rate this small leaves the weights as they began.
    nets = [
        ns.parse(f"input 6; fc 3 softmax; train {{ optimizer sgd lr=1e-12; epochs 1; batch 50; l2 {l2} }}")
        for l2 in (0, 0.25)
    ]
    plain, penalized = (of(ns.Epoch, run(net))[0] for net in nets)
    kernel = np.asarray(ns.compile(nets[0]).init().params["fc_1"]["kernel"], np.float64)
    penalty = 0.25 * (kernel**2).sum()
    assert penalty > 0.1
    assert penalized.train_loss - plain.train_loss == pytest.approx(penalty, rel=1e-4)
    assert penalized.test_loss - plain.test_loss == pytest.approx(penalty, rel=1e-4)
    assert penalized.test_accuracy == plain.test_accuracy


# --- validation ---------------------------------------------------------------------------------------------------


def test_the_last_examples_are_held_out_and_never_trained_on() -> None:
    x = X.copy()
    x[-12:] *= -3
    one, other = trained(data="validation 12"), run(spec(data="validation 12"), dataset(x))
    assert all(np.array_equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))
    losses = ([e.validation_loss for e in of(ns.Epoch, events)] for events in (one, other))
    assert all(a != b for a, b in zip(*losses, strict=True))


def test_all_others_are_trained_on() -> None:
    x = X.copy()
    x[37] = np.nan  # the last of those that are left
    with pytest.raises(ns.NonFiniteLossError):
        run(spec(data="validation 12"), dataset(x))


def test_holding_out_is_training_on_fewer() -> None:
    assert same(trained(data="validation 12"), run(spec(), dataset(X[:-12], Y[:-12])))


@pytest.mark.parametrize("count", [50, 51, 10**9])
def test_holding_out_everything_is_refused(count: int) -> None:
    with pytest.raises(ns.DataError, match="leaves nothing to train on"):
        list(ns.train(spec(data=f"validation {count}"), dataset()))


def test_holding_out_all_but_one_is_not() -> None:
    started = next(train_loop(ns.compile(spec(data="validation 49")), dataset()))
    assert isinstance(started, ns.Started)
    assert started.train == 1


def test_the_best_epoch_is_chosen_on_the_validation_set() -> None:
    # The held-out labels are wrong on purpose: the better the model, the worse it looks there.
    y = Y.copy()
    y[-20:] = (y[-20:] + 1) % 3
    net = ns.parse(
        'input 6; fc 3 softmax; data "d.npz" { validation 20 }; train { optimizer sgd lr=0.05; epochs 6; batch 8 }'
    )
    events = run(net, dataset(X, y))
    epochs = of(ns.Epoch, events)
    assert epochs[-1].test_accuracy > epochs[0].test_accuracy, "on the test set the last epoch is better"
    merits = [(e.validation_accuracy, -e.validation_loss) for e in epochs]
    assert last(events).result.best_epoch == 1 + merits.index(max(merits)) < 6
    assert [e.best for e in epochs] == [m > max(merits[:i], default=(-1,)) for i, m in enumerate(merits)]


def test_the_best_epoch_is_chosen_on_the_test_set_otherwise() -> None:
    net = ns.parse("input 6; fc 3 softmax; train { optimizer sgd lr=0.05; epochs 6; batch 8 }")
    events = run(net)
    merits = [(e.test_accuracy, -e.test_loss) for e in of(ns.Epoch, events)]
    assert [e.best for e in of(ns.Epoch, events)] == [m > max(merits[:i], default=(-1,)) for i, m in enumerate(merits)]
    assert last(events).result.best_epoch == 1 + merits.index(max(merits))


# --- when it goes wrong -------------------------------------------------------------------------------------------

EXPLODING = ns.parse(
    "input 6; fc 3; train { loss mse; optimizer sgd lr=100; batch 10; epochs 4 }", name="exploding"
)  # each step makes the weights some 30 times larger: float32 overflows in the second or third epoch


def until_it_fails(events: Iterator[ns.Event]) -> tuple[list[ns.Event], ns.NonFiniteLossError]:
    seen: list[ns.Event] = []
    with pytest.raises(ns.NonFiniteLossError) as caught:
        seen.extend(events)  # extend keeps what came before the error
    return seen, caught.value


def test_a_loss_that_is_no_number_stops_the_training_and_names_the_step() -> None:
    seen, error = until_it_fails(train_loop(ns.compile(EXPLODING), dataset(), log_every=1))
    steps = of(ns.Step, seen)
    assert len(steps) > 5
    assert np.isfinite([e.loss for e in steps]).all()
    step = steps[-1].step + 1
    # At the end of an epoch the test set shows what the step did before the next one's loss does.
    named = f"at step {step} (epoch {(step - 1) // 5 + 1})"
    assert named in error.message or f"after step {step - 1} " in error.message
    assert "learning rate" in error.fix


def test_the_step_is_named_also_where_steps_are_logged_together() -> None:
    _, one = until_it_fails(train_loop(ns.compile(EXPLODING), dataset(), log_every=1))
    _, many = until_it_fails(train_loop(ns.compile(EXPLODING), dataset(), log_every=5))
    assert one.message == many.message


def test_models_of_before_stay(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    events = ns.train(EXPLODING, (X, Y, TEST_X, TEST_Y), out=folder, log_every=1)
    kept: dict[str, bytes] = {}
    saved: list[ns.Saved] = []

    def listen() -> None:
        for event in events:
            if isinstance(event, ns.Saved):
                saved.append(event)
                kept[event.path.name] = event.path.read_bytes()

    with pytest.raises(ns.NonFiniteLossError):
        listen()
    assert set(kept) == {"best.safetensors", "last.safetensors"}
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert not (folder / "result.json").exists()


def test_a_model_that_is_no_number_is_never_saved(tmp_path: Path) -> None:
    # The last step of an epoch can break the weights after a loss that was still a number.
    net = ns.parse("input 6; fc 3; fc 3; train { loss mse; optimizer sgd lr=1e38; batch 50; epochs 1 }")
    folder = tmp_path / "run"
    with pytest.raises(ns.NonFiniteLossError, match="step 1"):
        list(ns.train(net, (X, Y, TEST_X, TEST_Y), out=folder))
    assert not list(folder.glob("*.safetensors"))
    assert "NaN" not in (folder / "metrics.jsonl").read_text()


def test_a_label_outside_the_classes_is_refused() -> None:
    for y, test_y in ((np.where(np.arange(50) == 7, 3, Y), TEST_Y), (Y, np.full(20, 5))):
        with pytest.raises(ns.DataError, match=r"label"):
            list(ns.train(spec(), (X, y, TEST_X, test_y)))
    for y in (Y - 1, Y + 0.5, np.full(50, np.nan)):
        with pytest.raises(ns.DataError):
            list(ns.train(spec(), (X, y, TEST_X, TEST_Y)))


def test_a_label_outside_the_classes_of_a_loaded_dataset_is_refused() -> None:
    with pytest.raises(ns.DataError, match="label 3"):
        list(ns.train(spec(), dataset(y=np.where(np.arange(50) == 7, 3, Y).astype(np.int32))))


# --- layers that behave otherwise in training ---------------------------------------------------------------------


def test_a_network_with_dropout_learns_and_its_evaluation_is_deterministic() -> None:
    finished = last(dropped())
    assert finished.result.test_accuracy is not None
    assert finished.result.test_accuracy > 0.6
    first, again = (np.asarray(finished.model.forward(finished.variables, TEST_X)) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert (first.argmax(axis=1) == TEST_Y).mean() == pytest.approx(finished.result.test_accuracy)


def test_dropout_drops_other_values_at_each_step() -> None:
    # One example, nothing learned: only the mask can move the loss.
    net = ns.parse("input 6; dropout 0.5; fc 3 softmax; train { optimizer sgd lr=1e-12; batch 1; epochs 1 }")
    same_example = dataset(np.tile(X[:1], (20, 1)), np.tile(Y[:1], 20))
    losses = [e.loss for e in of(ns.Step, run(net, same_example, log_every=1))]
    assert len(set(losses)) > 5


def test_the_state_of_batch_normalization_moves() -> None:
    net = ns.parse('input 6; batchnorm; fc 3 softmax; data "d.npz"; train { epochs 1; batch 50 }')
    state = last(run(net)).variables.state["batchnorm_1"]
    momentum = 0.9
    np.testing.assert_allclose(state["mean"], (1 - momentum) * X.mean(axis=0), atol=1e-5)
    variance = next(v for k, v in state.items() if k != "mean")
    np.testing.assert_allclose(variance, momentum + (1 - momentum) * X.var(axis=0, ddof=1), rtol=1e-4)


def test_classes_as_one_hot_rows_with_mse() -> None:
    net = ns.parse("input 6; fc 3; train { loss mse; optimizer sgd lr=0.1; batch 10; epochs 8 }")
    epochs = of(ns.Epoch, run(net))
    assert epochs[-1].test_loss < epochs[0].test_loss
    assert epochs[-1].test_accuracy is not None
    assert epochs[-1].test_accuracy > 0.5


def test_two_classes_with_one_output() -> None:
    net = ns.parse("input 6; fc 1 sigmoid; train { optimizer sgd lr=1.0; batch 10; epochs 8 }")
    events = run(net, dataset(y=(Y == 0).astype(np.int32), test_y=(TEST_Y == 0).astype(np.int32)))
    finished = last(events)
    assert finished.result.test_accuracy is not None
    assert finished.result.test_accuracy > 0.6
    p = np.asarray(finished.model.forward(finished.variables, TEST_X))[:, 0]
    assert ((p > 0.5) == (TEST_Y == 0)).mean() == pytest.approx(finished.result.test_accuracy)


def test_targets_that_are_no_classes_are_refused_for_now() -> None:
    """Regression is not supported by datasets; the error must say so rather than round."""
    with pytest.raises(ns.DataError, match="whole number"):
        list(ns.train(ns.parse("input 6; fc 1; train { loss mse }"), (X, X[:, 0], TEST_X, TEST_X[:, 0])))
