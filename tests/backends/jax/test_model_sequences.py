"""Compiled models of sequences: what they take, what they refuse, what they begin with."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import DataError

TEXT = "input 6 tokens=9\nembedding 4\nlstm 5 last\nfc 3 softmax"


def compiled(text: str) -> tuple[ns.Model, ns.Variables]:
    model = ns.compile(ns.parse(text), "cpu")
    return model, model.init(0)


@pytest.fixture(scope="module")
def text() -> tuple[ns.Model, ns.Variables]:
    return compiled(TEXT)


X = np.arange(12).reshape(2, 6) % 9


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint64, jnp.int32, list])
def test_token_numbers_of_any_whole_type(text: Any, kind: Any) -> None:
    model, variables = text
    x = X.tolist() if kind is list else kind(X) if kind is jnp.int32 else X.astype(kind)
    np.testing.assert_array_equal(model.forward(variables, x), model.forward(variables, X.astype(np.int32)))


def test_bytes_are_not_scaled_where_they_are_tokens(text: Any) -> None:
    model, variables = text
    vectors = np.asarray(variables.params["embedding_1"]["weight"])
    found = model.features(variables, X.astype(np.uint8))["embedding_1"]
    np.testing.assert_array_equal(found, vectors[X].transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X.astype(np.float32), "whole numbers"),
        (X > 3, "bool"),
        (X + 1, r"x\[1, 2\] is 9"),
        (X - 1, r"x\[0, 0\] is -1"),
        (X[0], r"shape \(6,\) do not fit"),
        (X[:, :5], r"shape \(2, 5\) do not fit"),
    ],
)
def test_what_is_no_token_number_is_refused(text: Any, x: np.ndarray, message: str) -> None:
    model, variables = text
    for method in (model.forward, model.logits, model.features, model.apply):
        with pytest.raises(DataError, match=message):
            method(variables, x)
    with pytest.raises(DataError, match=message):
        model.backward(variables, x, np.zeros(len(x), int))


@pytest.mark.parametrize("wrong", [9, 10**6, -1, -(2**31)])
def test_inside_a_compiled_program_a_wrong_number_is_no_number(text: Any, wrong: int) -> None:
    model, variables = text
    run = jax.jit(model.apply)
    np.testing.assert_array_equal(run(variables, jnp.asarray(X)), model.forward(variables, X))
    found = run(variables, jnp.asarray(X).at[1, 0].set(wrong))
    np.testing.assert_array_equal(found[0], model.forward(variables, X)[0])
    assert np.isnan(found[1]).all()
    assert np.isnan(jax.jit(model.loss)(variables, jnp.asarray(X).at[1, 0].set(wrong), np.zeros(2, np.int32)))
    with pytest.raises(DataError, match="whole numbers"):
        run(variables, jnp.asarray(X, jnp.float32))


def test_no_sequences_give_no_outputs(text: Any) -> None:
    model, variables = text
    assert model.forward(variables, X[:0]).shape == (0, *model.graph.shape(model.graph.output))


def test_only_tokens_that_are_read_get_a_gradient(text: Any) -> None:
    model, variables = text
    _, grads = model.backward(variables, np.array([[1, 1, 4, 4, 4, 7]]), [2])
    moved = np.abs(np.asarray(grads["embedding_1"]["weight"])).sum(1) > 0
    assert np.flatnonzero(moved).tolist() == [1, 4, 7]


def test_the_forward_function_can_be_read(text: Any) -> None:
    model, _ = text
    assert "i32[3,6]" in model.jaxpr(3)
    assert model.lower(3).as_text()


def test_recurrent_weights_begin_as_pytorchs_do() -> None:
    _, variables = compiled("input 300x4\nlstm 100")
    for array in variables.params["lstm_1"].values():
        assert 0.099 < float(jnp.abs(array).max()) <= 0.1
        assert float(jnp.var(array)) == pytest.approx(0.01 / 3, rel=0.15)


@pytest.mark.parametrize(
    ("line", "path", "deviation"),
    [
        ("embedding 100", ("embedding_1", "weight"), 1.0),
        ("embedding 100 init=normal(0.1)", ("embedding_1", "weight"), 0.1),
        ("embedding 100; position", ("position_1", "table"), 0.02),
        ("embedding 1000; classtoken", ("classtoken_1", "vector"), 0.02),
        ("embedding 100; gru 50 init=normal(0.3)", ("gru_1", "weight_hh"), 0.3),
        ("embedding 100; gru 200 bias_init=normal(0.3)", ("gru_1", "bias_ih"), 0.3),
        ("embedding 100; attention 5 init=normal(0.3)", ("attention_1", "out_proj_weight"), 0.3),
    ],
)
def test_what_trained_arrays_begin_with(line: str, path: tuple[str, str], deviation: float) -> None:
    _, variables = compiled(f"input 60 tokens=50\n{line}\ntrain {{ loss mse }}")
    assert float(jnp.std(variables.params[path[0]][path[1]])) == pytest.approx(deviation, rel=0.1)


def test_attention_needs_randomness_to_drop_weights() -> None:
    model, variables = compiled("input 8x20\nattention 2 dropout=0.5\ntrain { loss mse }")
    x = np.random.default_rng(0).normal(size=(2, 8, 20)).astype(np.float32)
    with pytest.raises(DataError, match="needs randomness"):
        model.apply(variables, x, train=True)
    one, other = (model.apply(variables, x, train=True, rng=jax.random.key(k))[0] for k in (0, 1))
    assert float(jnp.abs(one - other).max()) > 0.01
    np.testing.assert_array_equal(one, model.apply(variables, x, train=True, rng=jax.random.key(0))[0])
    np.testing.assert_allclose(model.apply(variables, x), model.forward(variables, x), atol=1e-6)


def test_the_penalty_leaves_marks_and_class_tokens_alone() -> None:
    model, _ = compiled("input 5 tokens=3\nembedding 4; position; classtoken; attention 2; lstm 3")
    kernels = {path for path, p in model.graph.parameters.items() if p.role == "kernel"}
    assert kernels == {
        "embedding_1/weight",
        "attention_1/in_proj_weight",
        "attention_1/out_proj_weight",
        "lstm_1/weight_ih",
        "lstm_1/weight_hh",
    }


def test_a_dataset_of_the_other_kind_is_refused() -> None:
    images = np.zeros((4, 6), np.uint8)
    plain = ns.train(ns.parse("input 6\nfc 2 softmax"), (images, [0, 1, 0, 1], images, [0, 1, 0, 1]), epochs=1)
    assert list(plain)
    from netspec.data import from_arrays  # noqa: PLC0415

    tokens = from_arrays(X, [0, 1], X, [0, 1], tokens=9)
    with pytest.raises(DataError, match="token numbers, but the network takes plain ones"):
        list(ns.train(ns.parse("input 6\nfc 2 softmax"), tokens))
    with pytest.raises(DataError, match=r"x_train\[1, 2\] is 8"):
        list(ns.train(ns.parse("input 6 tokens=8\nembedding 2; fc 2 softmax"), tokens))
    floats = from_arrays(X / 9, [0, 1], X / 9, [0, 1])
    with pytest.raises(DataError, match="whole numbers"):
        list(ns.train(ns.parse("input 6 tokens=9\nembedding 2; fc 2 softmax"), floats))


@pytest.mark.parametrize("shape", [(6, 9), (4, 3, 5), (7,)])
def test_the_norms_of_the_library_are_their_formulas(shape: tuple[int, ...]) -> None:
    size, width = "x".join(map(str, shape)), shape[0]
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    squares = np.square(x.astype(np.float64))
    for call, by in ((f"rms_norm {width}", squares.mean(1)), ("unit_norm", squares.sum(1))):
        model = ns.compile(ns.parse(f"include blocks\ninput {size}\n{call}\ntrain {{ loss mse }}"), "cpu")
        expected = x / np.sqrt(by)[:, None]
        np.testing.assert_allclose(model.forward(model.init(seed=0), x), expected, rtol=1e-4, atol=1e-5)
