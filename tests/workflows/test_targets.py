"""What network, loss, targets and data say must agree: which loss is taken, what is refused, and what is recorded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.compiler import analyze
from netspec.data import from_arrays
from netspec.diagnostics.diagnostic import DataError, Source
from netspec.graph.losses import loss_text, with_loss
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from netspec.runs import files as runs
from netspec.runs import model_file
from netspec.runs.checkpoints import Checkpoints
from netspec.runs.recorder import digest, network_text
from netspec.workflows import train as session

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = X[:, :3].argmax(axis=1)
DATA = (X[:40], Y[:40], X[40:], Y[40:])
PIXELS = RNG.integers(0, 256, (30, 1, 4, 4), np.uint8)


def codes(text: str) -> list[str]:
    return [d.code for d in analyze(Source("t.net", text)).diagnostics]


# --- one value has no share ---------------------------------------------------------------------------------------

ONE_VALUE = {
    "word": "input 4; fc 8 relu; fc 1 softmax",
    "layer": "input 4; fc 1; softmax",
    "log": "input 4; fc 1 log_softmax",
    "min": "input 4; fc 1; softmin",
    "pooled": "input 1x6x6; conv 1 3x3; globalpool; softmax",
    "recurrent": "input 3x8; lstm 1 last; softmax",
    "block": "block head { fc 1 softmax }; input 4; head",
    "hidden": "input 4; fc 1 softmax; fc 3 softmax",
    "positions": "input 1x6x6; conv 1 1x1 softmax; fc 3 softmax",
    "of an autoencoder": 'input 1x4x4; conv 1 1x1 softmax; data "x.npz" { target input }; train { loss mse }',
    "stated loss": "input 4; fc 1; train { loss cross_entropy }",
}


@pytest.mark.parametrize("text", ONE_VALUE.values(), ids=ONE_VALUE)
def test_one_value_has_no_share(text: str) -> None:
    (found,) = analyze(Source("t.net", text)).diagnostics
    assert found.code == "E0309"
    ends = text.endswith(("softmax", "softmin", "head", "cross_entropy }")) and "fc 3" not in text
    if ends:
        assert "`fc 2 softmax`" in found.fix
        assert "`fc 1 sigmoid`" in found.fix
    else:
        assert "`sigmoid`" in found.fix


@pytest.mark.parametrize("end", ["fc 2 softmax", "fc 1 sigmoid"])
def test_what_is_named_instead_learns_two_classes(end: str) -> None:
    data = (X[:40], (X[:40, 0] > 0).astype(int), X[40:], (X[40:, 0] > 0).astype(int))
    net = ns.parse(f"input 4; {end}; train {{ epochs 15; batch 8; optimizer adam lr=0.1 }}")
    *_, finished = ns.train(net, data)
    assert finished.result.test_accuracy > 0.9


# --- the loss of classes ------------------------------------------------------------------------------------------

LOSSES = {
    "fc 10; data digits": CrossEntropy,
    "fc 10 softmax; data digits": CrossEntropy,
    "fc 10 sigmoid; data digits": BinaryCrossEntropy,
    "fc 10; data digits; train { loss mse }": MeanSquaredError,
    "fc 10 tanh; data digits; train { loss mse }": MeanSquaredError,
    "fc 10 relu; data digits; train { loss cross_entropy }": CrossEntropy,
    "fc 10; dropout 0.5; data digits": CrossEntropy,
    "fc 10; batchnorm; data digits": CrossEntropy,
    "conv 10 3x3 relu; globalpool; data digits": CrossEntropy,
    "fc 64; data digits { target input }": MeanSquaredError,
    "fc 64 relu; data digits { target input }": MeanSquaredError,
    'input 4; fc 3; data "mine.npz"': CrossEntropy,
    'input 4; fc 1; data "mine.npz"': BinaryCrossEntropy,
    "input 4; fc 3": MeanSquaredError,
    "input 4; fc 3 relu": MeanSquaredError,
}


@pytest.mark.parametrize(("text", "loss"), LOSSES.items(), ids=LOSSES)
def test_which_loss_is_taken(text: str, loss: type) -> None:
    net = ns.parse(text)
    assert type(net.graph().loss) is loss
    # What a training kept says it: whatever the data, a loss that is not stated there follows from the last layer.
    if loss is not MeanSquaredError and net.recipe.loss is None and "softmax" not in text and "sigmoid" not in text:
        assert type(trace(net, recorded=True).loss) is MeanSquaredError


@pytest.mark.parametrize(
    "layers",
    [
        "fc 10 relu",
        "fc 10 tanh",
        "fc 10; hard_sigmoid",
        "fc 10 softmin",
        "fc 10 relu; dropout 0.5",
        "fc 10 softmax; dropout 0.5",
        "conv 10 3x3 sigmoid; globalpool",
        "flatten positions; lstm 10 last",
        "flatten positions; lstm 5 last bidirectional",
    ],
)
def test_outputs_that_no_loss_for_classes_follows_from(layers: str) -> None:
    (found,) = analyze(Source("t.net", f"input 1x8x8; {layers}; data digits")).diagnostics
    assert found.code == "E0402"
    assert "`fc 10 softmax`" in found.fix
    assert not codes(f"input 1x8x8; {layers}; fc 10 softmax; data digits")
    with pytest.raises(ns.SpecError, match="E0402"):
        list(ns.train(ns.parse("input 4; fc 3 tanh"), DATA))


NOTICE = "no loss is stated: the outputs are taken as logits of the classes, with the loss "


@pytest.mark.parametrize(
    ("end", "data", "loss"),
    [
        ("fc 3", DATA, CrossEntropy()),
        ("fc 1", (*DATA[:1], DATA[1] % 2, DATA[2], DATA[3] % 2), BinaryCrossEntropy()),
    ],
    ids=["several", "one"],
)
def test_logits_of_classes_are_noticed_recorded_and_give_probabilities(
    tmp_path: Path, end: str, data: Any, loss: Any
) -> None:
    net = ns.parse(f"input 4; {end}; train {{ epochs 2; batch 16 }}", name="t")
    events = list(ns.train(net, data, out=tmp_path / "run"))
    assert [e.text for e in events if isinstance(e, ns.Notice)] == [NOTICE + loss.canonical()]
    opened = ns.open(tmp_path / "run")
    assert opened.network.recipe.loss == loss
    assert json.loads((tmp_path / "run" / runs.NETWORK).read_text())["recipe"]["loss"]["kind"] == loss.kind
    rows = opened.probabilities(X)
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)
    logits = np.asarray(opened.model.forward(opened.variables, X), np.float64)
    expected = (
        np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) if end == "fc 3" else 1 / (1 + np.exp(-logits))
    )
    np.testing.assert_allclose(rows[:, -expected.shape[1] :], expected, atol=1e-5)
    assert opened.evaluate(data).accuracy == pytest.approx(events[-1].result.best_test_accuracy)
    assert ns.replay(tmp_path / "run", data).identical
    # A spec.net whose edit leaves the loss alone does not change it.
    (tmp_path / "run" / runs.SPEC).write_text(f"input 4; {end}; train {{ epochs 3; batch 16 }}")
    again = list(ns.resume(tmp_path / "run", data, accept_changes=True))
    assert [e.text for e in again if isinstance(e, ns.Notice)] == ["from here on train.epochs: 2 → 3"]
    assert ns.open(tmp_path / "run").network.recipe.loss == loss


def test_a_stated_loss_is_no_notice() -> None:
    net = ns.parse("input 4; fc 3; train { epochs 1; loss mse }")
    events = list(ns.train(net, DATA))
    assert not [e for e in events if isinstance(e, ns.Notice)]
    assert events[-1].model.graph.loss == MeanSquaredError()


# --- what an older netspec kept -----------------------------------------------------------------------------------


@pytest.fixture
def older(older_run: Path, tmp_path: Path) -> Path:
    """A copy that a test may go on with."""
    return Path(shutil.copytree(older_run, tmp_path / "older"))


@pytest.fixture(scope="module", params=["fc 3", "fc 3 tanh"])
def older_run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A run with an unstated loss, as it was kept when that was mse whatever the data."""
    text = f"input 4; {request.param}; train {{ epochs 2; batch 16; loss mse }}"
    folder = tmp_path_factory.mktemp("older") / "run"
    list(ns.train(ns.parse(text, name="t"), DATA, out=folder))
    plain, lock = text.replace("; loss mse", ""), json.loads((folder / runs.MANIFEST).read_text())
    network = Network.model_validate_json((folder / runs.NETWORK).read_text())
    network = with_loss(network, None)
    (folder / runs.SPEC).write_text(plain)
    (folder / runs.NETWORK).write_text(network_text(network))
    lock |= {"spec_sha256": digest(plain), "network_sha256": digest(network_text(network))}
    # Nor had runs names then.
    lock = {key: value for key, value in lock.items() if key not in {"run", "begun", "models", "ended"}}
    (folder / runs.MANIFEST).write_text(json.dumps(lock))
    snapshot, _ = Checkpoints(folder).newest()
    assert snapshot
    shutil.rmtree(folder / "checkpoints")
    checkpoints = Checkpoints(folder)
    checkpoints.write(snapshot)
    checkpoints.wait()
    for name in (runs.BEST, runs.LAST):
        kept = model_file.read(folder / name)
        file = model_file.ModelFile(network, kept.graph, kept.arrays, kept.labels, kept.training)
        model_file.write(folder / name, file)
    return folder


def changes(events: Iterable[ns.Event]) -> list[str]:
    notices = [event.text for event in events if isinstance(event, ns.Notice)]
    assert "was begun before runs said which files are theirs" in notices[0]
    return notices[1:]


def test_an_older_run_keeps_its_loss(older: Path) -> None:
    before = (older / runs.NETWORK).read_bytes()
    opened = ns.open(older)
    assert opened.network.recipe.loss == MeanSquaredError() == opened.model.graph.loss
    assert ns.replay(older, DATA).identical
    assert changes(ns.resume(older, DATA, epochs=3)) == ["from here on train.epochs: 2 → 3"]
    assert ns.open(older).network.recipe.loss == MeanSquaredError()
    assert (older / runs.NETWORK).read_bytes() != before


def test_an_older_run_that_goes_on_unchanged_keeps_its_network(older: Path) -> None:
    before = (older / runs.NETWORK).read_bytes()
    (older / runs.RESULT).unlink()
    for path in (older / "checkpoints").iterdir():
        path.unlink()
    list(ns.resume(older, DATA))
    assert (older / runs.NETWORK).read_bytes() == before
    assert ns.replay(older, DATA).identical


def test_an_edit_of_an_older_run_leaves_its_loss_alone(older: Path) -> None:
    (older / runs.SPEC).write_text((older / runs.SPEC).read_text().replace("epochs 2", "epochs 3"))
    assert changes(ns.resume(older, DATA, accept_changes=True)) == ["from here on train.epochs: 2 → 3"]


# --- targets in the range of the loss -----------------------------------------------------------------------------

OUT_OF_RANGE = ["scale -1..1", "scale 0..2", "scale divisor=16", "normalize mean=0.5 std=0.5", "normalize mean=0.1"]


@pytest.mark.parametrize("end", ["fc 64 sigmoid", "fc 64; train { loss binary_cross_entropy }"])
@pytest.mark.parametrize("how", OUT_OF_RANGE)
def test_inputs_of_a_known_range_that_binary_cross_entropy_cannot_take(how: str, end: str) -> None:
    (found,) = analyze(
        Source("t.net", f"input 1x8x8; data mnist else digits {{ target input; {how} }}; {end}")
    ).diagnostics
    assert found.code == "E0313"
    assert found.related
    assert f"`{how.split(maxsplit=1)[0]}`" in found.fix
    net = Network.model_validate(
        {
            "input": (1, 8, 8),
            "nodes": ns.parse("input 1x8x8; fc 64 sigmoid").nodes,
            "data": ns.parse(f"data digits {{ target input; {how} }}; fc 64").data,
        }
    )
    with pytest.raises(DataError, match="binary_cross_entropy takes from 0 to 1"):
        next(ns.train(net))


@pytest.mark.parametrize("how", ["", "scale 0..1", "scale 0.2..0.8", "scale divisor=255", "normalize std=2"])
def test_inputs_in_the_range(how: str) -> None:
    assert not codes(f"data digits {{ target input; {how} }}; fc 64 sigmoid")
    assert not codes(f"data digits {{ target input; {how} }}; fc 64; train {{ loss mse }}")
    assert not codes(f"data digits {{ {how} }}; fc 10 sigmoid")


@pytest.mark.parametrize(
    ("images", "how", "right"),
    [
        (PIXELS, "", True),
        (PIXELS, "scale -1..1", False),
        (PIXELS // 16, "scale divisor=16", True),
        (PIXELS / 255, "", True),
        (PIXELS / 255, "scale -1..1", True),  # floats are taken as they are
        (PIXELS / 127, "", False),
        (PIXELS / 255 - 0.5, "", False),
        (PIXELS / 255, "augment noise=0.1", False),
        (PIXELS, "augment noise=0.1", True),
        (PIXELS / 255, "augment mixup=0.4 trivialaugment", True),
    ],
)
def test_inputs_of_a_range_that_is_seen_when_they_are_loaded(images: Any, how: str, right: bool) -> None:
    net = ns.parse(f'input 1x4x4; fc 16 sigmoid; data "m.npz" {{ target input; {how} }}; train {{ epochs 1 }}')
    data = from_arrays(images, np.zeros(30, int), images[:9], np.zeros(9, int), name="m.npz")
    first = session.train(net, data)
    if right:
        assert isinstance(next(first), ns.Started)
    else:
        with pytest.raises(DataError, match="binary_cross_entropy takes from 0 to 1") as caught:
            next(first)
        assert "loss mse" in caught.value.fix


# --- outputs and the classes of a dataset -------------------------------------------------------------------------


def test_outputs_without_a_class(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    arrays = dict(zip(("x_train", "y_train", "x_test", "y_test"), DATA, strict=True))
    np.savez(path, **arrays)
    net = ns.parse("input 4; fc 5 softmax; train { epochs 1 }")
    with pytest.raises(DataError, match=r"the network has 5 outputs, but .* has 3 classes") as caught:
        list(ns.train(net, path))
    assert "class_names" in caught.value.fix
    with pytest.raises(DataError, match="12 outputs, but digits has 10 classes"):
        list(ns.train(ns.parse("input 64; fc 12 softmax"), "digits"))
    first = next(e for e in ns.train(net, DATA) if isinstance(e, ns.Notice))
    assert first.text == "the network has 5 outputs, but arrays has 3 classes"
    np.savez(path, **arrays, class_names=list("abcde"))
    assert not [e for e in ns.train(net, path, out=tmp_path / "run") if isinstance(e, ns.Notice)]
    assert ns.open(tmp_path / "run").labels == tuple("abcde")


def test_the_dataset_after_else_is_the_one_recorded(tmp_path: Path) -> None:
    net = ns.parse('input 1x8x8; fc 10 softmax; data "nothere.npz" else digits; train { epochs 1 }')
    events = list(session.train(net, out=tmp_path / "run", base=tmp_path))
    assert [e.text for e in events if isinstance(e, ns.Notice)] == ["nothere.npz does not exist: using digits"]
    opened = ns.open(tmp_path / "run")
    assert opened.network.data is not None
    assert (opened.network.data.name, opened.network.data.fallback) == ("digits", None)
    assert opened.evaluate().dataset == "digits"


# --- targets given to a model -------------------------------------------------------------------------------------

HOT = np.eye(3)[Y]
TARGETS: dict[str, tuple[str, Any, str, str]] = {
    "one-hot floats of others": ("fc 4 softmax", HOT, "needs class labels", "y.argmax(axis=1)"),
    "one-hot numbers": ("fc 3 softmax", HOT.astype(int), "labels of shape", "y.argmax(axis=1)"),
    "several classes": ("fc 3 softmax", HOT + 1, "cross_entropy takes targets from 0 to 1", "with sigmoid"),
    "no shares": ("fc 3 softmax", HOT / 2, r"y\[0\] adds up to 0.5", "divide each row by its sum"),
    "several numbers": ("fc 3 softmax", np.ones((60, 3), int), "labels of shape", "with sigmoid"),
    "numbers for sigmoid": ("fc 3 sigmoid", np.ones((60, 3), int), "labels of shape", "y.astype('float32')"),
    "amounts": ("fc 3 softmax", X[:, 0], "needs class labels", "loss mse"),
    "texts": ("fc 3 softmax", np.array(list("abc"))[Y], "not <U1", "np.unique"),
    "out of range": ("fc 3 sigmoid", HOT * 2, r"y\[0, \d\] is 2, but binary_cross_entropy", "loss mse"),
    "not finite": ("fc 3; train { loss mse }", HOT * np.nan, r"y\[0, 0\] is nan", "finite"),
}


@pytest.mark.parametrize(("end", "y", "said", "fix"), TARGETS.values(), ids=TARGETS)
def test_targets_that_a_model_cannot_take(end: str, y: Any, said: str, fix: str) -> None:
    model = ns.compile(ns.parse(f"input 4; {end}"), "cpu")
    with pytest.raises(DataError, match=said) as caught:
        model.loss(model.init(), X, y)
    assert fix in caught.value.fix


def test_what_the_fixes_say_of_targets_is_taken() -> None:
    """Regression and several classes at once, by a training loop of one's own."""
    for end, y in (("fc 3 sigmoid", np.ones((60, 3))), ("fc 1; train { loss mse }", X[:, 0])):
        model = ns.compile(ns.parse(f"input 4; {end}"), "cpu")
        assert np.isfinite(model.backward(model.init(), X, y)[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input 4; fc 3", "mse (cross_entropy where the data has classes)"),
        ("input 4; fc 1", "mse (binary_cross_entropy where the data has classes)"),
        ('input 4; fc 1; data "d.csv" { target y }', "mse (binary_cross_entropy where the target is classes)"),
        ('input 4; fc 3; data "d.csv" { target y }', "mse (cross_entropy where the target is classes)"),
        ('input 4; fc 1; data "d.csv" { target y }; train { loss mse }', "mse"),
        ('input 4; fc 4; data "d.csv" { target input }', "mse"),
        ("input 4; fc 3 relu", "mse"),
        ("input 1x8x8; conv 3 3x3", "mse"),
        ("fc 10; data digits", "cross_entropy"),
        ("input 4; fc 3; train { loss mse }", "mse"),
    ],
)
def test_the_loss_in_words(text: str, said: str) -> None:
    net = ns.parse(text)
    assert loss_text(net, net.graph()) == said
