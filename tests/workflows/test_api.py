"""What a Python program can get wrong is one NetspecError, whatever function or argument; and what it sees is short."""

from __future__ import annotations

import copy
import itertools
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

import netspec as ns
from netspec.data.for_network import load_data
from netspec.data.types import Split
from netspec.system.resources import specs_folder

TEXT = "input 1x4x4; fc 3 softmax; train { epochs 1; batch 20 }"
NET = ns.parse(TEXT)
X = np.random.default_rng(0).random((40, 1, 4, 4), dtype=np.float32)
Y = np.arange(40) % 3
DATA = (X, Y, X, Y)
LATER = ns.parse("input 1x4x4; fc 5 relu; dropout 0.5; fc 3 softmax")


@dataclass
class Trained:
    """A run, its model, and another model."""

    folder: Path
    run: ns.Run
    model: ns.Model
    variables: ns.Variables
    other: ns.Model

    def call(self, function: str, *given: Any, **named: Any) -> Any:
        """Call one of the functions that take variables, with a label for each input where it takes any."""
        first, x, *rest = given
        y = rest or ([Y] if function in {"loss", "backward"} else [])
        return getattr(self.model, function)(first, x, *y, **named)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("api") / "run"
    *_, last = ns.train(NET, DATA, out=folder)
    assert isinstance(last, ns.Finished)
    return Trained(folder, ns.open(folder), last.model, last.variables, ns.compile(LATER))


def refused(call: Callable[[], Any], kind: type[ns.NetspecError] = ns.NetspecError) -> ns.NetspecError:
    """Return the error of a call, which says in a line what is wrong and, in another, what would be right."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    if not isinstance(error, ns.SpecError):
        assert error.message
        assert "\n" not in error.message
    assert " at 0x" not in str(error)
    return error


# What is nearly never right.
ODD: list[Any] = [None, 5, 1.5, float("nan"), True, {"a": 1}, [1], (1, 2), b"x", object(), "", "a\0b", len]
ODDLY = pytest.mark.parametrize("odd", ODD, ids=lambda v: type(v).__name__ if type(v) is object else repr(v)[:10])


# --- where a network, a path or a text is expected ------------------------------------------------------------------


@ODDLY
def test_what_is_no_network_path_or_text_is_refused(odd: Any) -> None:
    for function in (ns.load, ns.parse, ns.trace, ns.compile):
        refused(lambda function=function: function(odd))
    for function in (ns.open, ns.replay, ns.Run):
        refused(lambda function=function: function(odd), ns.RunError)
    # These two say it at once, before an event is asked for.
    refused(lambda: ns.train(odd, DATA))
    refused(lambda: ns.resume(odd), ns.RunError)
    refused(lambda: ns.Model(odd, NET.graph()))
    refused(lambda: ns.Model(NET, odd))
    refused(lambda: NET.graph().costs(odd))


def test_texts_and_paths_are_networks_where_that_is_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "mine.net"
    file.write_text(TEXT)
    Path("no_suffix").write_text(TEXT)
    Path("a b; c").write_text(TEXT)
    for given in (
        TEXT,
        TEXT.replace(";", "\n"),
        file,
        "mine.net",
        str(file),
        "no_suffix",
        "a b; c",
        Path("no_suffix"),
        "~/mine.net",
    ):
        assert ns.compile(given).network.nodes == NET.nodes
        assert ns.trace(given).operations == NET.graph().operations
    *_, last = ns.train("mine.net", DATA)
    assert isinstance(last, ns.Finished)
    assert last.model.network.name == "mine"


def test_data_is_looked_for_beside_the_spec_that_is_trained(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    (tmp_path / "mine.net").write_text(f'{TEXT}; data "mine.npz"')
    *_, last = ns.train(tmp_path / "mine.net")
    assert isinstance(last, ns.Finished)


@pytest.mark.parametrize(
    ("call", "said", "way"),
    [
        (lambda: ns.compile("lenet"), "not the str 'lenet'", "lenet.net"),
        (lambda: ns.compile("lenet.net"), "no such file", "netspec new lenet"),
        (lambda: ns.train("mine.net"), "no such file", ""),
        (lambda: ns.compile("input 4; fcc 2"), "fcc", ""),
        (lambda: ns.load("input 4; fc 2"), "not the text", "ns.parse(text)"),
        (lambda: ns.parse("lenet.net"), "not the name of a file", "ns.load('lenet.net')"),
        (lambda: ns.parse(Path("lenet.net")), "must be the text of a spec", "ns.load(path)"),  # type: ignore[arg-type]
        (lambda: ns.parse(TEXT, name=""), "name must be a text", ""),
        (lambda: ns.parse(TEXT, name=3), "name must be a text, not the int 3", ""),  # type: ignore[arg-type]
        (lambda: ns.compile(NET.graph()), "not a Graph", ""),  # type: ignore[arg-type]
        (lambda: ns.compile(NET.model_dump()), "not a dict", "ns.Network.model_validate(given)"),  # type: ignore[arg-type]
        (lambda: ns.compile(NET.model_dump_json(indent=1)), "a network was expected", "model_validate_json"),
        (lambda: ns.compile("  "), "not an empty text", "ns.load(path)"),
        (lambda: ns.compile("x" * 400), "a network was expected", "ns.load(path)"),
        (lambda: ns.compile(NET, precision="float64"), "`float64`", "write float32 or bfloat16"),
        (lambda: ns.train(DATA, NET), "not a tuple", ""),  # type: ignore[arg-type]
        (lambda: ns.compile(NET.model_copy(update={"recipe": 5})), "not valid", "model_copy"),
        (lambda: ns.compile(NET.model_copy(update={"input": "4"})), "input", "model_copy"),
        (lambda: list(ns.train(NET.model_copy(update={"nodes": ()}))), "nodes", "model_copy"),
    ],
)
def test_what_was_meant_instead_is_said(call: Callable[[], Any], said: str, way: str) -> None:
    error = refused(call)
    assert said in error.message + str(error)
    assert way in error.fix


def test_a_run_is_no_spec(trained: Trained) -> None:
    for given in (trained.folder, str(trained.folder), trained.folder / "best.safetensors"):
        error = refused(lambda given=given: ns.compile(given))
        assert eval(error.fix.partition(": ")[2], {"ns": ns}) == trained.run.network
    assert refused(lambda: ns.compile(trained.run)).fix == "give its .network"  # type: ignore[arg-type]


# --- arguments by name ----------------------------------------------------------------------------------------------

GOOD: dict[str, list[Any]] = {
    "epochs": [5],
    "batch": [5],
    "seed": [5],
    "lr": [5, 1.5],
    "log_every": [5],
    "devices": [],
    "autotune": [True],
    "stop": [len],
    "out": [],
    "device": [],
}


@ODDLY
@pytest.mark.parametrize("name", GOOD)
def test_arguments_of_train(name: str, odd: Any) -> None:
    if odd is None or any(odd is good or odd == good for good in GOOD[name]):
        return
    if isinstance(odd, int) and name == "devices":
        return
    late = name == "device"
    refused(lambda: list(ns.train(NET, DATA, **{name: odd})) if late else ns.train(NET, DATA, **{name: odd}))


NONE = [0, -1, "3", "0.1 }", np.array([3]), jnp.zeros(2), 3 + 0j, 10**30, 10**5000, -(10**400)]


@pytest.mark.parametrize("number", NONE, ids=lambda n: type(n).__name__)
@pytest.mark.parametrize("name", ["epochs", "batch", "lr", "devices"])
def test_numbers_that_are_none(name: str, number: Any) -> None:
    refused(lambda: ns.train(NET, DATA, **{name: number}))
    refused(lambda: ns.parse(TEXT, set={f"train.{name}": number if number != "3" else "x"}))


def test_values_are_written_as_the_language_has_them() -> None:
    text = "let w = 2; input 4; fc w; data digits { augment noise=0.1 }"
    how = {"data.name": Path("my data/x.npz"), "data.augment.flip": True, "train.optimizer.lr": np.float32(0.5)}
    net = ns.parse("let w = 2; input 1x8x8; fc (w * 5)" + text[text.index("; data") :], let={"w": np.int8(2)}, set=how)
    assert net.data is not None
    assert net.data.augment is not None
    assert (net.data.name, net.data.augment.flip, net.recipe.optimizer.lr) == ("my data/x.npz", True, 0.5)
    assert '"my data/x.npz"' in refused(lambda: ns.parse(text, set={"data.name": "my data/x.npz"})).fix


def test_numbers_of_numpy_and_jax_are_numbers() -> None:
    events = list(ns.train(NET, DATA, epochs=np.int64(2), batch=jnp.int32(10), lr=np.float32(0.5), seed=np.uint8(3)))
    assert isinstance(events[0], ns.Started)
    assert (events[0].epochs, events[0].batch, events[0].seed) == (2, 10, 3)


@ODDLY
def test_arguments_of_the_others(odd: Any, trained: Trained, tmp_path: Path) -> None:
    if odd is not None:
        refused(lambda: ns.parse(TEXT, let=odd))
        refused(lambda: ns.parse(TEXT, set=odd))
        refused(lambda: list(ns.resume(trained.folder, DATA, set=odd)))
        refused(lambda: ns.compile(NET, odd), ns.DeviceError)
        refused(lambda: ns.open(trained.folder, odd), ns.DeviceError)
        refused(lambda: ns.replay(trained.folder, DATA, out=odd), ns.RunError)
        refused(lambda: list(ns.resume(trained.folder, DATA, epochs=2, device=odd)), ns.DeviceError)
    refused(lambda: ns.parse("let w = 2; input 4; fc w", let={"w": odd if odd != 5 else "x y"}))
    refused(lambda: ns.parse(TEXT, set={"train.epochs": odd if odd != 5 else "x y"}))
    if not isinstance(odd, dict | list):
        refused(lambda: ns.parse(TEXT, let={odd: 3}))
        refused(lambda: ns.parse(TEXT, set={odd: 3}))
    refused(lambda: ns.compile(NET, precision=odd))
    if not (odd is None or odd is True):
        refused(lambda: ns.compile(NET, autotune=odd))
        refused(lambda: ns.resume(trained.folder, DATA, accept_changes=odd))
        refused(lambda: trained.run.read(tmp_path / "x.png", invert=odd))
    if not (odd is None or callable(odd)):
        refused(lambda: ns.resume(trained.folder, DATA, stop=odd))
        refused(lambda: trained.run.evaluate(DATA, progress=odd))
    refused(lambda: trained.run.read(odd), ns.DataError)


@pytest.mark.parametrize("place", ["/proc/nowhere/run", __file__, f"{__file__}/run", "a" * 5000], ids=len)
def test_folders_that_cannot_be_made(place: str) -> None:
    refused(lambda: list(ns.train(NET, DATA, out=place)), ns.RunError)


# --- data -----------------------------------------------------------------------------------------------------------

NO_EXAMPLES: dict[str, Any] = {
    "complex": X.astype(complex),
    "strings": X.astype(str),
    "ragged": [[1.0, 2.0], [3.0]],
    "objects": X.astype(object),
    "one": X[0, 0, 0],
    "nan": X * np.nan,
    "dates": np.zeros(3, "M8[s]"),
    "generator": (row for row in X),
    "set": {1, 2},
    "name": "digit.png",
    "masked": np.ma.masked_array(X, X > 0.5),
    "fields": np.zeros(3, [("a", int)]),
    "too large": X.astype(np.float64) * 1e300,
    "more axes": np.zeros((2, 3, 5, 6, 7)),
    "key": jax.random.key(0),
    "none": None,
    "a module": np,
}


@pytest.mark.parametrize("what", NO_EXAMPLES)
def test_what_is_no_examples_is_refused(what: str, trained: Trained) -> None:
    bad = NO_EXAMPLES[what]
    for i in range(4):
        refused(lambda i=i: list(ns.train(NET, (*DATA[:i], bad, *DATA[i + 1 :]))), ns.DataError)
    if bad is not None:
        refused(lambda: list(ns.train(NET, bad)), ns.DataError)
        refused(lambda: trained.run.evaluate(bad), ns.DataError)
    for function in ("predict", "probabilities", "outputs"):
        refused(lambda function=function: getattr(trained.run, function)(bad), ns.DataError)
    for function in ("loss", "backward"):
        refused(lambda function=function: getattr(trained.model, function)(trained.variables, X, bad), ns.DataError)
    if what == "nan":
        return
    for function in ("forward", "logits", "loss", "backward", "apply", "features"):
        refused(lambda function=function: trained.call(function, trained.variables, bad), ns.DataError)


@pytest.mark.parametrize(
    "what", [X.tolist(), jnp.asarray(X), X.astype(np.float64), memoryview(X), np.asfortranarray(X)]
)
def test_examples_of_many_kinds_are_the_same(what: Any, trained: Trained) -> None:
    expected = trained.model.forward(trained.variables, X)
    np.testing.assert_allclose(trained.model.forward(trained.variables, what), expected, rtol=1e-6)
    np.testing.assert_allclose(trained.run.outputs(what), expected, rtol=1e-5)


def test_data_in_another_form_is_taken_or_said_how_to_give(tmp_path: Path) -> None:
    named = dict(zip(("x_train", "y_train", "x_test", "y_test"), DATA, strict=True))
    np.savez(tmp_path / "mine.npz", **named)
    with np.load(tmp_path / "mine.npz") as archive:
        for data in (named, archive):
            assert load_data(NET, data).sha256 == load_data(NET, DATA).sha256
    del named["y_test"]
    assert "lacks y_test" in refused(lambda: list(ns.train(NET, named)), ns.DataError).message
    pairs = ((X, Y), (X, Y))
    assert "two pairs" in refused(lambda: list(ns.train(NET, pairs)), ns.DataError).message  # type: ignore[arg-type]
    for text in ("https://example.org/mnist.npz", "", "a\0b"):
        refused(lambda text=text: list(ns.train(NET, text)), ns.DataError)


def test_tensors(torch: Any, trained: Trained) -> None:
    expected = trained.model.forward(trained.variables, X)
    np.testing.assert_array_equal(trained.model.forward(trained.variables, torch.tensor(X)), expected)
    error = refused(lambda: trained.run.predict(torch.tensor(X, requires_grad=True)), ns.DataError)
    assert "detach()" in error.message
    half = refused(lambda: load_data(NET, (torch.tensor(X).bfloat16(), torch.tensor(Y))), ns.DataError)
    assert half.fix == "give x.detach().cpu().float().numpy()"


@pytest.mark.parametrize("kind", ["torch", "polars", "jax", "bfloat16"])
def test_arrays_of_other_libraries_are_learned_from(kind: str) -> None:
    if kind == "torch":
        torch = pytest.importorskip("torch")
        given = (torch.tensor(X), torch.tensor(Y))
    elif kind == "polars":
        polars = pytest.importorskip("polars")
        given = (X, polars.Series(Y))
    else:
        given = (jnp.asarray(X), jnp.asarray(Y))
    if kind == "bfloat16":
        expected = load_data(NET, (np.asarray(given[0].astype(jnp.bfloat16).astype(jnp.float32)), Y))
        given = (given[0].astype(jnp.bfloat16), Y)
    else:
        expected = load_data(NET, (X, Y))
    assert load_data(NET, given).sha256 == expected.sha256


class Pairs:
    """What PyTorch calls a data set: examples and targets by their numbers."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, n: int) -> Any:
        return X[n], Y[n]


@pytest.mark.parametrize(
    ("data", "fix"),
    [
        (((x, y) for x, y in zip(X, Y, strict=True)), "two arrays"),
        (Pairs(), "draws the batches itself"),
        (X, "(x, y)"),
        (5, "two arrays"),
    ],
    ids=["a generator", "a data set of pairs", "one array", "a number"],
)
def test_what_is_no_data_is_said_how_to_give(data: Any, fix: str) -> None:
    assert fix in str(refused(lambda: load_data(NET, data), ns.DataError).fix)


def test_files_and_traced_values_are_no_examples(trained: Trained) -> None:
    assert refused(lambda: trained.run.predict("digit.png")).fix == "run.predict(run.read('digit.png'))"  # type: ignore[arg-type]
    refused(lambda: jax.jit(trained.run.outputs)(X), ns.DataError)


@ODDLY
def test_datasets_are_made_of_splits(odd: Any) -> None:
    split = Split(X, Y.astype(np.int32))
    refused(lambda: ns.Dataset.of("mine", odd, split, ("a",)), ns.DataError)
    refused(lambda: ns.Dataset.of("mine", split, odd, ("a",)), ns.DataError)
    refused(lambda: Split(odd, split.labels), ns.DataError)
    refused(lambda: Split(X, Y[:3]), ns.DataError)
    if not isinstance(odd, tuple):
        refused(lambda: ns.Dataset.of("mine", split, split, odd), ns.DataError)


# --- what a model is asked ------------------------------------------------------------------------------------------

ASKED = ["forward", "logits", "loss", "backward", "apply", "features"]


@pytest.mark.parametrize("function", ASKED)
def test_variables_of_another_model_are_refused(function: str, trained: Trained) -> None:
    own = trained.variables
    wrong = {
        "other": trained.other.init(),
        "params": own.params,
        "pair": tuple(own),
        "missing": own.replace(params={}),
        "more": own.replace(params={**own.params, "fc_9": {}}),
        "more arrays": own.replace(params={"fc_1": {**own.params["fc_1"], "scale": jnp.ones(3)}}),
        "shape": own.replace(params=jax.tree.map(lambda a: a[..., :1], own.params)),
        "lists": own.replace(params=jax.tree.map(lambda a: "s", own.params)),
        "renamed": own.replace(params={"fc": own.params["fc_1"]}),
        "more state": own.replace(state={"batchnorm_1": {}}),
        "numbers": ns.Variables(1, 2),  # type: ignore[arg-type]
    }
    for odd in [*wrong.values(), *ODD]:
        refused(lambda odd=odd: trained.call(function, odd, X), ns.DataError)
    assert "come second" in refused(lambda: trained.call(function, X, own), ns.DataError).fix
    assert "fc_1" in refused(lambda: trained.call(function, wrong["renamed"], X)).message
    trained.call(function, jax.tree.map(np.asarray, own), X)


@pytest.mark.parametrize("function", ["loss", "backward", "apply"])
@ODDLY
def test_randomness_and_training(function: str, odd: Any, trained: Trained) -> None:
    variables = trained.variables
    if odd is not None:
        error = refused(lambda: trained.call(function, variables, X, train=True, rng=odd), ns.DataError)
        assert "jax.random.key(" in error.fix
    if odd is not True:
        refused(lambda: trained.call(function, variables, X, train=odd))


@pytest.mark.parametrize("function", ["loss", "backward", "apply"])
def test_keys(function: str, trained: Trained) -> None:
    for key in (jax.random.key(1), jax.random.PRNGKey(1), np.asarray(jax.random.PRNGKey(1)), None):
        trained.call(function, trained.variables, X, train=True, rng=key)
    keys = jax.random.split(jax.random.key(0), 3)
    assert "keys[0]" in refused(lambda: trained.call(function, trained.variables, X, rng=keys), ns.DataError).fix


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "int32", "bool"])
def test_variables_of_another_type_are_refused(kind: str, trained: Trained) -> None:
    other = jax.tree.map(lambda a: a.astype(kind), trained.variables)
    fix = refused(lambda: trained.model.forward(other, X), ns.DataError).fix
    again = eval(fix, {"jax": jax, "variables": other})
    assert trained.model.forward(again, X).shape == (40, 3)


def test_a_traced_switch_is_refused(trained: Trained) -> None:
    assert "static_argnames" in refused(lambda: jax.jit(trained.model.apply)(trained.variables, X, True)).fix
    out, _ = jax.jit(trained.model.apply, static_argnames="train")(trained.variables, X, train=True)
    assert out.shape == (40, 3)


@ODDLY
def test_seeds_and_batches(odd: Any, trained: Trained) -> None:
    model = trained.model
    if odd != 5:
        for function in (model.lower, model.jaxpr):
            refused(lambda function=function: function(odd))
        refused(lambda: model.plan(odd, gradient=True))
        refused(lambda: list(model.explain(odd, gradient=True)))
    if odd is not True:
        refused(lambda: model.plan(2, gradient=odd))
    if odd not in (None, 5):
        refused(lambda: model.init(odd))
    for batch in (0, -1):
        refused(lambda batch=batch: model.lower(batch))
    if odd is not True:
        refused(lambda: NET.graph().shape(odd))
    refused(lambda: NET.graph().array_shape(odd))


def test_seeds_of_any_length(trained: Trained) -> None:
    seeds = [0, 1, np.uint64(2**63), 2**100]
    kernels = {np.asarray(trained.model.init(seed).params["fc_1"]["kernel"]).tobytes() for seed in seeds}
    assert len(kernels) == 4
    for seed in (-1, 1.0, "0", np.float32(1)):
        refused(lambda seed=seed: trained.model.init(seed))


def test_paths_and_values_of_a_graph() -> None:
    graph = NET.graph()
    assert "fc_1/kernel" in refused(lambda: graph.array_shape("fc_1/kernels")).fix
    assert graph.shape(graph.nodes["fc_1"]) == (3,)
    refused(lambda: graph.costs(ns.parse("input 4; fc 2 as b")))


# --- what it shows --------------------------------------------------------------------------------------------------

MANY = ns.parse(
    "\n".join(f"input 2 as i{n}" for n in range(12)) + "\nfrom i11; add i0 i1 i2 i3 i4 i5 i6 i7 i8 i9 i10\nfc 3"
)
BIG = "input 1x8x8; repeat 300 { conv 4 3x3 pad=1 relu }; fc 10"


@pytest.mark.parametrize(
    "network",
    [NET, ns.parse(BIG), MANY, *(ns.load(path) for path in sorted((specs_folder() / "models").glob("*.net")))],
    ids=lambda network: network.name,
)
def test_networks_and_graphs_are_shown_in_a_few_lines(network: ns.Network) -> None:
    for shown in (repr(network), str(network), repr(network.graph())):
        lines = shown.splitlines()
        assert len(lines) <= 12
        assert max(map(len, lines)) <= 120
        assert f"{network.graph().parameter_count:,} parameters" in lines[0]
        assert network.name in lines[0]


def test_what_a_network_shows() -> None:
    assert repr(ns.parse("input 1x8x8; conv 2 3x3 relu; fc 10 softmax; data digits", name="mine")) == (
        "Network mine: 750 parameters, 2 layers, data digits\n"
        "  input                  1x8x8\n"
        "  conv_1  conv 2 3 relu  2x6x6   20\n"
        "  fc_1    fc 10 softmax  10     730"
    )


def test_the_others_are_shown_in_a_few_lines(trained: Trained) -> None:
    data = trained.run.dataset(DATA)
    assert repr(data) == "Dataset arrays: 40 training and 40 test examples of 1x4x4 (float32)\n  3 classes: 0, 1, 2"
    assert repr(data.train) == "Split: 40 examples of 1x4x4 (float32)"
    assert repr(trained.run).startswith(f"Run {trained.folder}: best.safetensors, epoch 1, test accuracy ")
    assert repr(trained.model).startswith("Model on cpu, float32, of network: 51 parameters")
    assert repr(trained.run.evaluate(DATA)).startswith("Evaluation on arrays: 40 examples, 3 classes, loss ")
    for thing in (trained.run, ns.compile(BIG)):
        assert len(repr(thing).splitlines()) <= 13


@pytest.mark.parametrize("update", [{"recipe": 5}, {"nodes": 5}, {"nodes": ()}, {"name": None}, {"input": None}])
def test_what_is_not_valid_is_shown_all_the_same(update: dict[str, Any]) -> None:
    changed = NET.model_copy(update=update)
    assert repr(changed)
    assert "not valid" in refused(changed.graph).message
    assert "not valid" in refused(lambda: ns.compile(changed)).message


def test_an_interpreter_completes_every_name() -> None:
    assert set(ns.__all__) <= set(dir(ns))
    assert all(hasattr(ns, name) for name in ns.__all__)


def test_showing_a_network_imports_neither_jax_nor_numpy() -> None:
    code = "import sys, netspec as ns; net = ns.parse('input 4; fc 2'); repr(net); repr(net.graph()); "
    code += "assert not {'jax', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_paths_in_a_loaded_spec_are_those_of_its_folder(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    save_file({"head/kernel": np.ones((3, 16), np.float32)}, tmp_path / "base.safetensors")
    more = 'data "mine.npz"; weights "base.safetensors"'
    (tmp_path / "s.net").write_text(f"input 1x4x4; fc 3 softmax as head; train {{ epochs 1 }}; {more}")
    net = ns.load(tmp_path / "s.net", set={"train.batch": 20})
    for made in (net.model_copy(update={"name": "other"}), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert made.folder == tmp_path
    weights, started = itertools.islice(ns.train(net), 2)
    assert isinstance(weights, ns.Weights)
    assert weights.taken == ("head/kernel",)
    assert isinstance(started, ns.Started)
    assert (started.dataset, started.batch) == (str(tmp_path / "mine.npz"), 20)


def test_the_folder_is_no_part_of_a_network(tmp_path: Path) -> None:
    (tmp_path / "network.net").write_text(TEXT)
    net = ns.load(tmp_path / "network.net")
    assert (net.folder, NET.folder) == (tmp_path, None)
    assert (net, hash(net), net.model_dump_json()) == (NET, hash(NET), NET.model_dump_json())
    assert ns.Network.model_validate_json(net.model_dump_json()).folder is None


# --- copies and other processes -------------------------------------------------------------------------------------


def test_everything_can_be_copied_and_pickled(trained: Trained) -> None:
    expected = np.asarray(trained.model.forward(trained.variables, X))
    for again in (copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))):
        model, run = again(trained.model), again(trained.run)
        np.testing.assert_array_equal(model.forward(again(trained.variables), X), expected)
        np.testing.assert_array_equal(run.outputs(X), trained.run.outputs(X))
        assert again(NET) == NET
        assert again(NET.graph()) == NET.graph()
        assert again(trained.run.dataset(DATA)).sha256 == trained.run.dataset(DATA).sha256


@pytest.mark.parametrize(
    "call",
    [
        lambda: ns.parse("input 4; fcc 2"),
        lambda: ns.compile("x"),
        lambda: ns.open("nowhere"),
        lambda: ns.compile(NET, "x"),
    ],
)
def test_errors_can_be_copied_and_pickled(call: Callable[[], Any]) -> None:
    error = refused(call)
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is type(error)
        assert (str(again), again.args) == (str(error), error.args)
        assert vars(again) == vars(error)
