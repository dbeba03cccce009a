"""Models of several inputs and outputs: dictionaries by name, and one clear error where they do not fit."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ir.several_networks import examples, node, output, siamese

import netspec as ns
from netspec.ir.network import Input, Network
from netspec.ir.recipe import Recipe

X, Y = examples(5)


@pytest.fixture(scope="module")
def model() -> ns.Model:
    return ns.compile(siamese(), "cpu")


@pytest.fixture(scope="module")
def variables(model: ns.Model) -> ns.Variables:
    return model.init()


def test_outputs_come_by_name_in_their_order(model: ns.Model, variables: ns.Variables) -> None:
    for made in (model.forward(variables, X), model.logits(variables, X), model.apply(variables, X)):
        assert {name: array.shape for name, array in made.items()} == {"kind": (5, 3), "age": (5, 1)}
    assert list(model.forward(variables, X)) == ["kind", "age"]
    assert list(model.features(variables, X))[:2] == ["left", "right"]


def test_a_batch_of_none_and_parts_of_one(model: ns.Model, variables: ns.Variables) -> None:
    none = {name: array[:0] for name, array in X.items()}
    assert {n: a.shape for n, a in model.forward(variables, none).items()} == {"kind": (0, 3), "age": (0, 1)}
    with pytest.raises(ns.DataError, match="the batch is empty"):
        model.loss(variables, none, {name: array[:0] for name, array in Y.items()})
    one = model.forward(variables, {name: array[2:3] for name, array in X.items()})
    np.testing.assert_allclose(one["age"], model.forward(variables, X)["age"][2:3], rtol=1e-4, atol=1e-5)


def test_it_can_be_lowered_and_traced(model: ns.Model, variables: ns.Variables) -> None:
    assert "tensor<3x1x8x8xf32>" in model.lower(3).as_text()
    loss, grads = jax.jit(lambda v, x, y: model.backward(v, x, y, train=True))(variables, X, Y)
    assert jnp.isfinite(loss)
    assert set(grads) == set(variables.params)


LEFT = X["left"]
WRONG: list[tuple[Any, str, str]] = [
    (LEFT, "the network has 2 inputs: left and right", "'left': …, 'right': …"),
    ({"left": LEFT}, "the input 'right' is missing", "'right'"),
    ({**X, "rigt": LEFT}, "no input 'rigt'", "did you mean"),
    ({"left": LEFT, "rihgt": LEFT}, "no input 'rihgt'", "did you mean 'right'"),
    ({"left": LEFT, "right": LEFT[:3]}, "left has 5 examples, the input right 3", "every example"),
    ({"left": LEFT, "right": LEFT[:, :, :5]}, r"input right: inputs of shape \(5, 1, 5, 8\)", "1x8x8"),
    ({"left": LEFT, "right": "x"}, "input right", ""),
]


@pytest.mark.parametrize(("x", "said", "fix"), WRONG, ids=[said for _, said, _ in WRONG])
def test_inputs_that_do_not_fit(model: ns.Model, variables: ns.Variables, x: Any, said: str, fix: str) -> None:
    for call in (model.forward, model.logits, model.apply, model.features):
        with pytest.raises(ns.DataError, match=said) as error:
            call(variables, x)
        assert fix in error.value.fix


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (Y["kind"], "the network has 2 targets: kind and years"),
        ({"kind": Y["kind"]}, "the target 'years' is missing"),
        ({**Y, "age": Y["years"]}, "no target 'age'"),
        ({**Y, "kind": Y["kind"][:3]}, "target kind: labels of shape"),
        ({**Y, "kind": Y["years"]}, "target kind: "),
        ({**Y, "years": np.zeros((5, 2), np.float32)}, "target years: targets of shape"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_targets_that_do_not_fit(model: ns.Model, variables: ns.Variables, y: Any, said: str) -> None:
    with pytest.raises(ns.DataError, match=said):
        model.backward(variables, X, y)


def test_a_dictionary_is_taken_of_one_too() -> None:
    model = ns.compile(ns.parse("input 4; fc 3 softmax as kind"), "cpu")
    variables, x, y = model.init(), np.ones((2, 4), np.float32), np.array([0, 2])
    np.testing.assert_array_equal(model.forward(variables, {"input": x}), model.forward(variables, x))
    assert model.loss(variables, {"input": x}, {"kind": y}) == model.loss(variables, x, y)
    with pytest.raises(ns.DataError, match="no input 'x'"):
        model.forward(variables, {"x": x})


def test_two_outputs_may_be_compared_with_one_target() -> None:
    nodes = (
        node("early", "fc", "input", units=3, activation="softmax"),
        node("late", "fc", "input", units=3, activation="softmax"),
    )
    outputs = (output("late", target="y"), output("early", weight=0.25, target="y"))
    model = ns.compile(Network(input=(4,), nodes=nodes, outputs=outputs), "cpu")
    variables, x, y = model.init(), np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    logits = model.logits(variables, x)
    alone = {name: -jax.nn.log_softmax(each)[jnp.arange(4), y].mean() for name, each in logits.items()}
    assert float(model.loss(variables, x, {"y": y})) == pytest.approx(float(alone["late"] + 0.25 * alone["early"]))


def test_the_gradient_of_a_shared_weight_is_the_sum_over_its_uses() -> None:
    """The same network with weights of their own, equal ones, gives the two terms of the sum."""

    def network(share: str | None) -> Network:
        nodes = (
            node("a", "fc", "input", units=4, activation="tanh"),
            node("b", "fc", "a", units=4, activation="tanh", share=share),
            node("end", "fc", "b", units=3, activation="softmax"),
        )
        return Network(input=(4,), nodes=nodes)

    both, apart = (ns.compile(network(share), "cpu") for share in ("a", None))
    shared = both.init(1)
    copies = ns.Variables({**shared.params, "b": shared.params["a"]}, {})
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 4)).astype(np.float32), rng.integers(0, 3, 7)
    loss, grads = both.backward(shared, x, y)
    same, each = apart.backward(copies, x, y)
    assert float(loss) == pytest.approx(float(same), rel=1e-6)
    for name in ("kernel", "bias"):
        np.testing.assert_allclose(grads["a"][name], each["a"][name] + each["b"][name], rtol=1e-5, atol=1e-6)


def test_what_is_folded_into_a_kernel_used_twice_is_each_uses_own() -> None:
    """Behind one use stands a normalization, behind the other none."""
    nodes = (
        node("a", "conv", "input", filters=3, kernel=3),
        node("norm", "batchnorm", "a"),
        node("b", "conv", "input", filters=3, kernel=3, share="a"),
        node("both", "add", "norm", "b"),
        node("end", "fc", "both", units=2),
    )
    model = ns.compile(Network(input=(1, 6, 6), nodes=nodes), "cpu")
    rng = np.random.default_rng(0)
    trees: Any = jax.tree.map(lambda a: a + rng.uniform(0.1, 0.5, a.shape).astype(np.float32), tuple(model.init(0)))
    variables, x = ns.Variables(*trees), rng.normal(size=(3, 1, 6, 6)).astype(np.float32)
    # `apply` runs the graph of training, in which nothing is folded.
    np.testing.assert_allclose(model.forward(variables, x), model.apply(variables, x), rtol=1e-4, atol=1e-5)


def test_bytes_and_tokens_side_by_side() -> None:
    net = Network(
        inputs=(Input(name="photo", shape=(1, 4, 4)), Input(name="words", shape=(3,), tokens=5)),
        nodes=(
            node("seen", "fc", "photo", units=4),
            node("vectors", "embedding", "words", width=2),
            node("read", "fc", "vectors", units=4),
            node("end", "add", "seen", "read"),
        ),
        recipe=Recipe(precision="bfloat16"),
    )
    model = ns.compile(net, "cpu")
    variables = model.init()
    photo, words = np.full((2, 4, 4), 255, np.uint8), np.array([[0, 4, 1], [2, 2, 3]])
    out = model.forward(variables, {"photo": photo, "words": words})
    scaled = model.forward(variables, {"photo": np.ones((2, 1, 4, 4), np.float32), "words": words.astype(np.int8)})
    assert out.shape == (2, 4)
    np.testing.assert_array_equal(out, scaled)
    with pytest.raises(ns.DataError, match=r"input words: .*tokens=5"):
        model.forward(variables, {"photo": photo, "words": words + 3})
