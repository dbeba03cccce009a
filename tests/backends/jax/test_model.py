"""The compiled model that users hold: what it takes, what it refuses and in which words, and what composes with it."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import DataError

CONV = ns.parse("input 1x8x8; conv 3 3x3 relu; pool 2; batchnorm; fc 10 softmax", name="conv")
ROW = ns.parse("input 64; fc 10 softmax", name="row")
DROP = ns.parse("input 1x8x8; fc 16 relu; dropout 0.5; fc 10 softmax", name="drop")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
FLOATS = (IMAGES / 255).astype(np.float32)
LABELS = np.array([3, 0, 9, 9, 1])


@pytest.fixture(scope="module")
def model() -> ns.Model:
    return ns.compile(CONV)


@pytest.fixture(scope="module")
def variables(model: ns.Model) -> ns.Variables:
    return model.init(seed=1)


@pytest.fixture(scope="module")
def row() -> ns.Model:
    return ns.compile(ROW)


@pytest.fixture(scope="module")
def drop() -> ns.Model:
    return ns.compile(DROP)


def same(a: Any, b: Any) -> bool:
    """Whether two trees have the same numbers, to the bit."""
    first, second = jax.tree.leaves(a), jax.tree.leaves(b)
    return len(first) == len(second) and all(
        (np.asarray(x) == np.asarray(y)).all() for x, y in zip(first, second, strict=True)
    )


def differs(a: Any, b: Any) -> bool:
    return not np.allclose(a, b, atol=1e-6)


# --- variables ----------------------------------------------------------------------------------------------------


def test_init_follows_the_seed(model: ns.Model) -> None:
    assert same(model.init(seed=4), model.init(seed=4))
    assert not same(model.init(seed=4), model.init(seed=5))


def test_init_without_a_seed_takes_the_recipes() -> None:
    model = ns.compile(ns.parse("input 4; fc 3; train { seed 7 }"))
    assert same(model.init(), model.init(seed=7))
    assert not same(model.init(), model.init(seed=0))


def test_a_numpy_seed_will_do(model: ns.Model) -> None:
    assert same(model.init(seed=np.int64(4)), model.init(seed=4))  # type: ignore[arg-type]


def test_a_negative_seed_is_refused(model: ns.Model) -> None:
    with pytest.raises(ns.NetspecError):
        model.init(seed=-1)


def test_the_arrays_are_those_of_the_graph(model: ns.Model, variables: ns.Variables) -> None:
    found = {f"{n}/{k}": a.shape for tree in variables for n, own in tree.items() for k, a in own.items()}
    assert found == {p.path: p.shape for p in CONV.graph().parameters.values()}
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
    assert set(variables.state) == {"batchnorm_1"}
    assert sum(a.size for a in jax.tree.leaves(variables.params)) == model.graph.parameter_count


def test_variables_show_what_was_made_of_them(row: ns.Model) -> None:
    variables = row.init()
    assert repr(variables) == "Variables(fc_1/bias (10,), fc_1/kernel (10, 64))"
    assert repr(jax.tree.map(lambda a: a.shape, variables)) == "Variables(fc_1/bias (10,), fc_1/kernel (10, 64))"
    assert repr(jax.tree.map(lambda a: 0.5, variables)) == "Variables(fc_1/bias 0.5, fc_1/kernel 0.5)"
    assert repr(jax.tree.map(lambda a: "x", variables)) == "Variables(fc_1/bias 'x', fc_1/kernel 'x')"
    assert repr(ns.Variables({"a": None}, 3)) == "Variables(a None, 3)"


def test_variables_are_a_pytree_and_replace_makes_a_copy(variables: ns.Variables) -> None:
    doubled = jax.tree.map(lambda a: 2 * a, variables)
    assert isinstance(doubled, ns.Variables)
    changed = variables.replace(params=doubled.params)
    assert changed.params is doubled.params
    assert changed.state is variables.state
    assert variables.replace(state=doubled.state).params is variables.params
    assert variables.replace() == variables
    assert "conv_1/kernel (3, 1, 3, 3)" in repr(variables)


# --- what goes in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 1, 8, 8), (5, 8, 8)])
def test_images_with_and_without_their_channel(
    model: ns.Model, variables: ns.Variables, shape: tuple[int, ...]
) -> None:
    expected = model.forward(variables, FLOATS)
    assert expected.shape == (5, 10)
    assert same(model.forward(variables, FLOATS.reshape(shape)), expected)
    assert same(model.forward(variables, jnp.asarray(FLOATS.reshape(shape))), expected)


@pytest.mark.parametrize("shape", [(5, 64), (5, 1, 8, 8), (5, 8, 8), (5, 1, 64)])
def test_a_row_takes_images_of_as_many_numbers(row: ns.Model, shape: tuple[int, ...]) -> None:
    variables = row.init()
    assert same(row.forward(variables, FLOATS.reshape(shape)), row.forward(variables, FLOATS.reshape(5, 64)))


def test_mnist_shapes() -> None:
    x = np.zeros((2, 1, 28, 28), np.uint8)
    image, vector = (ns.compile(ns.parse(f"input {shape}; fc 10 softmax")) for shape in ("1x28x28", "784"))
    for model, shapes in ((image, ((2, 1, 28, 28), (2, 28, 28))), (vector, ((2, 784), (2, 1, 28, 28)))):
        variables = model.init()
        for shape in shapes:
            assert model.forward(variables, x.reshape(shape)).shape == (2, 10)


def test_lists_and_other_floats_will_do(row: ns.Model) -> None:
    variables = row.init()
    expected = row.forward(variables, FLOATS.reshape(5, 64))
    assert same(row.forward(variables, FLOATS.reshape(5, 64).tolist()), expected)
    assert same(row.forward(variables, FLOATS.reshape(5, 64).astype(np.float64)), expected)
    for kind in (">f4", ">f8", np.longdouble):
        assert same(row.forward(variables, FLOATS.reshape(5, 64).astype(kind)), expected)
    half = row.forward(variables, FLOATS.reshape(5, 64).astype(np.float16))
    assert half.dtype == jnp.float32
    np.testing.assert_allclose(half, expected, atol=1e-2)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.zeros((8, 8), np.float32), "(N, 1, 8, 8)"),
        (np.zeros((1, 28, 28), np.float32), "(N, 1, 8, 8)"),
        (np.zeros((2, 3, 8, 8), np.float32), "(2, 3, 8, 8)"),
        (np.zeros((5, 64), np.float32), "(5, 64)"),
        (np.zeros((5, 1, 8, 8, 1), np.float32), "(N, 1, 8, 8)"),
        (np.float32(3), "()"),
        (np.zeros((1, 1, 8, 8), np.int64), "int64"),
        (np.zeros((1, 1, 8, 8), np.int8), "uint8"),
        (np.zeros((1, 1, 8, 8), bool), "bool"),
        (np.zeros((1, 1, 8, 8), complex), "complex"),
        (np.array([["a"]]), "uint8"),
        (np.full((1, 1, 8, 8), 1e300), "too large for float32"),
        ([[1.0], [1.0, 2.0]], ""),
        (None, ""),
    ],
    ids=repr,
)
def test_wrong_inputs_are_refused(model: ns.Model, variables: ns.Variables, x: Any, said: str) -> None:
    for call in (model.forward, model.logits, model.features, lambda v, x: model.loss(v, x, LABELS)):
        with pytest.raises(ns.DataError) as caught:
            call(variables, x)
        assert said in str(caught.value)
        assert caught.value.fix


@pytest.mark.parametrize("dtype", [np.int64, np.int32, bool])
def test_apply_refuses_whole_numbers_as_forward_does(model: ns.Model, variables: ns.Variables, dtype: Any) -> None:
    # Taken as they are, 0 to 255 would be silently unscaled.
    with pytest.raises(ns.DataError):
        model.apply(variables, IMAGES.astype(dtype))


# --- bytes and floats ---------------------------------------------------------------------------------------------

SCALINGS = {
    "": lambda b: b / 255,
    "{ scale 0..1 }": lambda b: b / 255,
    "{ scale -1..1 }": lambda b: b / 255 * 2 - 1,
    "{ scale 0..255 }": lambda b: b,
    "{ scale divisor=256 }": lambda b: b / 256,
    "{ normalize mean=0.1307 std=0.3081 }": lambda b: (b / 255 - 0.1307) / 0.3081,
    "{ normalize std=0.5 }": lambda b: b / 255 / 0.5,
}


@pytest.mark.parametrize("body", SCALINGS)
def test_bytes_are_scaled_as_the_spec_says_and_floats_are_not(body: str) -> None:
    # An identity network shows its inputs.
    model = ns.compile(ns.parse(f'input 10; fc 10 init=orthogonal; data "x.npz" {body}'))
    variables = model.init()
    variables = variables.replace(params={"fc_1": {"kernel": jnp.eye(10), "bias": jnp.zeros(10)}})
    pixels = np.array([[0, 1, 2, 64, 127, 128, 200, 253, 254, 255]], np.uint8)
    expected = SCALINGS[body](pixels.astype(np.float64))
    np.testing.assert_allclose(model.forward(variables, pixels), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.apply(variables, pixels), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.features(variables, pixels)["fc_1"], expected, rtol=1e-5, atol=1e-5)
    floats = pixels.astype(np.float32)
    np.testing.assert_allclose(model.forward(variables, floats), floats)
    np.testing.assert_allclose(model.logits(variables, floats), floats)


def test_bytes_and_their_floats_agree(model: ns.Model, variables: ns.Variables) -> None:
    np.testing.assert_allclose(model.forward(variables, IMAGES), model.forward(variables, FLOATS), atol=1e-6)
    np.testing.assert_allclose(model.loss(variables, IMAGES, LABELS), model.loss(variables, FLOATS, LABELS), rtol=1e-5)


# --- outputs ------------------------------------------------------------------------------------------------------


def test_probabilities_sum_to_one_and_are_the_softmax_of_the_logits(model: ns.Model, variables: ns.Variables) -> None:
    probabilities, logits = model.forward(variables, IMAGES), model.logits(variables, IMAGES)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(jax.nn.softmax(logits), probabilities, atol=1e-6)


def test_probabilities_of_huge_inputs_sum_to_one(model: ns.Model, variables: ns.Variables) -> None:
    out = model.forward(variables, 1e6 * FLOATS)
    np.testing.assert_allclose(out.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_batch_size(model: ns.Model, variables: ns.Variables, count: int) -> None:
    assert model.forward(variables, IMAGES[:count]).shape == (count, 10)


def test_an_example_does_not_depend_on_its_neighbors(model: ns.Model, variables: ns.Variables) -> None:
    alone = np.concatenate([model.forward(variables, IMAGES[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, model.forward(variables, IMAGES), atol=1e-6)


def test_features_are_what_every_layer_makes(model: ns.Model, variables: ns.Variables) -> None:
    maps = model.features(variables, IMAGES)
    shapes = {c.name: (5, *c.shape) for c in CONV.graph().costs(CONV)}
    assert {name: value.shape for name, value in maps.items() if name != "input"} == shapes
    np.testing.assert_allclose(maps["fc_1"], model.forward(variables, IMAGES), atol=1e-6)
    assert (np.asarray(maps["conv_1"]) >= 0).all()
    if "input" in maps:
        np.testing.assert_allclose(maps["input"], FLOATS, atol=1e-6)


def test_jaxpr_and_hlo_are_texts(row: ns.Model) -> None:
    assert "dot_general" in row.jaxpr(3)
    assert "3x64" in row.lower(3).as_text()


def test_variables_of_float64_are_computed_in_float64(model: ns.Model, variables: ns.Variables) -> None:
    with jax.enable_x64(True):
        wide: ns.Variables = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), variables)
        floats = IMAGES.astype(np.float64) / 255
        asked = [model.forward, model.logits, model.features, partial(model.apply, train=True)]
        for made in [ask(wide, IMAGES) for ask in asked] + [model.backward(wide, IMAGES, LABELS)]:
            assert {leaf.dtype for leaf in jax.tree.leaves(made)} == {np.dtype(np.float64)}
        np.testing.assert_allclose(model.logits(wide, IMAGES), model.logits(wide, floats), rtol=1e-12)
        assert model.forward(variables, IMAGES).dtype == jnp.float32


# --- loss and gradients -------------------------------------------------------------------------------------------


def test_the_loss_is_the_mean_of_minus_log_p(model: ns.Model, variables: ns.Variables) -> None:
    p = np.asarray(model.forward(variables, IMAGES), np.float64)
    assert float(model.loss(variables, IMAGES, LABELS)) == pytest.approx(-np.log(p[range(5), LABELS]).mean(), rel=1e-5)


@pytest.mark.parametrize("kind", [list, np.uint8, np.int64, jnp.int32])
def test_labels_of_any_whole_type(model: ns.Model, variables: ns.Variables, kind: Any) -> None:
    y = LABELS.tolist() if kind is list else kind(LABELS) if kind is jnp.int32 else LABELS.astype(kind)
    assert float(model.loss(variables, IMAGES, y)) == float(model.loss(variables, IMAGES, LABELS))


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 1, 2, 10, 3]),
        np.array([0, 1, -1, 2, 3]),
        LABELS[:4],
        LABELS[:1],
        np.zeros(0, int),
        LABELS[:, None],
        np.eye(10)[LABELS].astype(int),
        LABELS.astype(np.float32),
        np.array(list("abcde")),
        np.int64(3),
    ],
    ids=["too large", "negative", "too few", "one", "none", "(N, 1)", "one-hot", "floats", "words", "scalar"],
)
def test_wrong_labels_are_refused(model: ns.Model, variables: ns.Variables, y: Any) -> None:
    for call in (model.loss, model.backward):
        with pytest.raises(ns.DataError):
            call(variables, IMAGES, y)


def test_a_wrong_label_is_named(model: ns.Model, variables: ns.Variables) -> None:
    with pytest.raises(ns.DataError, match=r"label 10 of example 3 .* 0 to 9"):
        model.loss(variables, IMAGES, np.array([0, 1, 2, 10, 3]))


@pytest.mark.parametrize(
    "spec",
    ["fc 10 softmax", "fc 10 sigmoid", "fc 1 sigmoid", "fc 10; train { loss mse }", "fc 1; train { loss mse }"],
)
def test_inside_a_compiled_program_the_loss_of_a_wrong_label_is_no_number(spec: str) -> None:
    model = ns.compile(ns.parse(f"input 4; {spec}"))
    variables, x = model.init(), np.ones((3, 4), np.float32)
    compiled = jax.jit(model.loss)
    assert compiled(variables, x, jnp.array([0, 1, 1])) == model.loss(variables, x, [0, 1, 1])
    gradients = jax.jit(jax.grad(lambda p, y: model.loss(variables.replace(params=p), x, y)))
    for wrong in (10, 99, -1, -(2**31)):
        y = jnp.array([0, 1, wrong])
        assert np.isnan(compiled(variables, x, y)), wrong
        assert np.isnan(gradients(variables.params, y)["fc_1"]["bias"]).any(), wrong


@pytest.mark.parametrize("jit", [False, True])
def test_no_examples_have_no_loss(row: ns.Model, jit: bool) -> None:
    variables, none, no_labels = row.init(), np.zeros((0, 64), np.float32), np.zeros(0, np.int32)
    methods = {"loss": row.loss, "backward": row.backward, "apply": lambda v, x, _: row.apply(v, x, train=True)}
    for method in methods.values():
        with pytest.raises(DataError, match="the batch is empty"):
            (jax.jit(method) if jit else method)(variables, none, no_labels)


def test_targets_of_another_shape_are_refused() -> None:
    model = ns.compile(ns.parse("input 64; fc 3"))
    variables = model.init()
    assert float(model.loss(variables, FLOATS.reshape(5, 64), np.zeros((5, 3)))) >= 0
    for y in (np.zeros((5, 2)), np.zeros(5), np.zeros((4, 3)), np.zeros((3, 5))):
        with pytest.raises(ns.DataError):
            model.loss(variables, FLOATS.reshape(5, 64), y)


def test_pairs_are_0_or_1_whatever_the_type() -> None:
    pairs = ns.compile(ns.parse("input 4; fc 6\ntrain { loss contrastive }"), "cpu")
    variables, x = pairs.init(0), np.ones((3, 4), np.float32)
    whole = pairs.loss(variables, x, [0, 1, 1])
    for same in (np.array([0, 1, 1], np.float32), np.array([[0], [1], [1]]), np.array([False, True, True])):
        assert float(pairs.loss(variables, x, same)) == float(whole)
    with pytest.raises(DataError, match=r"y\[1\] is 2, but contrastive takes 0 and 1"):
        pairs.loss(variables, x, [0, 2, 1])
    with pytest.raises(DataError, match=r"targets of shape \(3, 6\) do not fit: expected \(3,\)"):
        pairs.loss(variables, x, np.ones((3, 6), np.float32))


def test_gradients_are_a_tree_like_the_parameters(model: ns.Model, variables: ns.Variables) -> None:
    loss, grads = model.backward(variables, IMAGES, LABELS)
    assert float(loss) == pytest.approx(float(model.loss(variables, IMAGES, LABELS)))
    assert jax.tree.structure(grads) == jax.tree.structure(variables.params)
    stepped = variables.replace(params=jax.tree.map(lambda w, g: w - 0.01 * g, variables.params, grads))
    assert float(model.loss(stepped, IMAGES, LABELS)) < float(loss)


def test_training_mode_uses_the_batch(model: ns.Model, variables: ns.Variables) -> None:
    assert differs(model.loss(variables, IMAGES, LABELS, train=True), model.loss(variables, IMAGES, LABELS))


# --- dropout ------------------------------------------------------------------------------------------------------


def test_dropout_without_randomness_is_refused(drop: ns.Model) -> None:
    variables = drop.init()
    for call in (
        lambda: drop.apply(variables, IMAGES, train=True),
        lambda: drop.loss(variables, IMAGES, LABELS, train=True),
        lambda: drop.backward(variables, IMAGES, LABELS, train=True),
    ):
        with pytest.raises(ns.DataError, match="dropout") as caught:
            call()
        assert "rng=jax.random.key" in caught.value.fix


def test_dropout_follows_the_key_and_is_off_otherwise(drop: ns.Model) -> None:
    variables = drop.init()
    one, again, other = (drop.apply(variables, FLOATS, train=True, rng=jax.random.key(i))[0] for i in (0, 0, 1))
    assert same(one, again)
    assert differs(one, other)
    still = drop.apply(variables, FLOATS, rng=jax.random.key(0))
    assert same(still, drop.apply(variables, FLOATS))
    assert differs(one, still)


def test_no_dropout_needs_no_randomness(model: ns.Model, variables: ns.Variables) -> None:
    out, state = model.apply(variables, FLOATS, train=True)
    assert out.shape == (5, 10)
    assert jax.tree.structure(state) == jax.tree.structure(variables.state)
    assert differs(state["batchnorm_1"]["mean"], variables.state["batchnorm_1"]["mean"])


# --- composing with JAX -------------------------------------------------------------------------------------------


def test_apply_under_jit(model: ns.Model, variables: ns.Variables) -> None:
    jitted = jax.jit(model.apply)
    np.testing.assert_allclose(jitted(variables, IMAGES), model.forward(variables, IMAGES), atol=1e-6)
    trained = jax.jit(lambda v, x: model.apply(v, x, train=True))(variables, FLOATS)
    np.testing.assert_allclose(trained[0], model.apply(variables, FLOATS, train=True)[0], atol=1e-6)


def test_apply_under_vmap_and_grad(model: ns.Model, variables: ns.Variables) -> None:
    one = lambda x: model.apply(variables, x[None])[0]  # noqa: E731
    np.testing.assert_allclose(jax.vmap(one)(FLOATS), model.forward(variables, FLOATS), atol=1e-6)
    saliency = jax.jit(jax.vmap(jax.grad(lambda x: one(x).max())))(FLOATS)
    assert saliency.shape == FLOATS.shape
    assert np.isfinite(saliency).all()


def test_vmap_over_models(model: ns.Model) -> None:
    several = [model.init(seed=i) for i in range(3)]
    stacked = jax.tree.map(lambda *a: jnp.stack(a), *several)
    together = jax.vmap(model.apply, (0, None))(stacked, FLOATS)
    for variables, out in zip(several, together, strict=True):
        np.testing.assert_allclose(out, model.forward(variables, FLOATS), atol=1e-5)


def test_grad_of_ones_own_loss_is_backward(model: ns.Model, variables: ns.Variables) -> None:
    def loss(params: Any) -> jax.Array:
        p = model.apply(variables.replace(params=params), FLOATS)
        return -jnp.log(p[jnp.arange(5), LABELS]).mean()

    _, expected = model.backward(variables, FLOATS, LABELS)
    for a, b in zip(jax.tree.leaves(jax.grad(loss)(variables.params)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_forward_loss_and_backward_under_jit(model: ns.Model, variables: ns.Variables) -> None:
    np.testing.assert_allclose(jax.jit(model.forward)(variables, IMAGES), model.forward(variables, IMAGES), atol=1e-6)
    loss = jax.jit(model.loss)(variables, FLOATS, jnp.asarray(LABELS))
    np.testing.assert_allclose(loss, model.loss(variables, FLOATS, LABELS), rtol=1e-5)


def test_an_optimizer_of_ones_own(model: ns.Model, variables: ns.Variables) -> None:
    optimizer = optax.adam(0.01)
    params, state = variables.params, optimizer.init(variables.params)
    losses = []
    for _ in range(5):
        loss, grads = model.backward(variables.replace(params=params), FLOATS, LABELS)
        updates, state = optimizer.update(grads, state)
        params = optax.apply_updates(params, updates)
        losses.append(float(loss))
    assert losses[-1] < losses[0]


# --- devices ------------------------------------------------------------------------------------------------------


def platforms() -> set[str]:
    return {d.platform for d in jax.devices()}


def test_the_device_by_name_and_by_itself() -> None:
    assert ns.compile(ROW, "cpu").device.platform == "cpu"
    device = jax.devices("cpu")[0]
    model = ns.compile(ROW, device)
    assert model.device == device
    assert jax.tree.leaves(model.init())[0].devices() == {device}
    assert ns.compile(ROW).device == jax.devices()[0]


@pytest.mark.parametrize("word", ["gpu", "cuda", "tpu"])
def test_a_device_that_is_not_here(word: str) -> None:
    if platforms() & {"gpu", "cuda", "rocm", "tpu"}:
        pytest.skip("there is an accelerator on this machine")
    with pytest.raises(ns.DeviceError, match=f"no {word} was found here; there is cpu") as caught:
        ns.compile(ROW, word)
    assert "--device cpu" in caught.value.fix


@pytest.mark.parametrize(("word", "fix"), [("gpuu", "`gpu`"), ("CPU", "`cpu`"), ("", "cpu or gpu"), ("abacus", "cpu")])
def test_an_unknown_device(word: str, fix: str) -> None:
    with pytest.raises(ns.DeviceError, match="unknown device") as caught:
        ns.compile(ROW, word)
    assert fix in caught.value.fix


def test_something_else_is_no_device() -> None:
    with pytest.raises(ns.DeviceError):
        ns.compile(ROW, 3)  # type: ignore[arg-type]
