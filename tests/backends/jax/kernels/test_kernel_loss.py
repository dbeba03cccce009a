"""Losses against PyTorch, and their behavior where a naive formula overflows."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels import loss

RNG = np.random.default_rng(0)
LOGITS = np.concatenate([RNG.normal(size=(6, 4)), [[100, -100, 0, 0]]]).astype(np.float32)
LABELS = np.array([0, 1, 2, 3, 0, 1, 1])
YES = np.concatenate([RNG.integers(0, 2, (5, 4)), RNG.random((2, 4))]).astype(np.float32)


def torch_values(torch, function, outputs, *rest):
    tx = torch.tensor(outputs, requires_grad=True)
    ty = function(tx, *(torch.tensor(r) for r in rest), reduction="none")
    ty = ty.reshape(len(outputs), -1).mean(-1)
    ty.sum().backward()
    return ty.detach().numpy(), tx.grad.numpy()


@partial(jax.jit, static_argnums=0)
def values(function, outputs, *rest):
    y, pull = jax.vjp(lambda x: function(x, *rest).reshape(len(x), -1).mean(-1), outputs)
    return y, pull(jnp.ones_like(y))[0]


@pytest.mark.parametrize(
    ("ours", "theirs", "outputs", "targets"),
    [
        (loss.softmax_cross_entropy, "cross_entropy", LOGITS, LABELS),
        (loss.sigmoid_binary_cross_entropy, "binary_cross_entropy_with_logits", LOGITS, YES),
        (loss.squared_error, "mse_loss", LOGITS, YES),
    ],
)
def test_values_and_gradients_equal_pytorch(torch, ours, theirs, outputs, targets):
    expected = torch_values(torch, getattr(torch.nn.functional, theirs), outputs, targets)
    for a, e in zip(values(ours, outputs, jnp.asarray(targets)), expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-6)


def test_losses_of_probabilities_equal_those_of_logits():
    moderate = jnp.asarray(LOGITS[:6])

    @jax.jit
    def four(z, labels, yes):
        of_probabilities = loss.cross_entropy_of_probabilities(jax.nn.softmax(z), labels)
        binary_of_probabilities = loss.binary_cross_entropy_of_probabilities(jax.nn.sigmoid(z), yes)
        return (of_probabilities, loss.softmax_cross_entropy(z, labels)), (
            binary_of_probabilities,
            loss.sigmoid_binary_cross_entropy(z, yes).mean(1),
        )

    for found, expected in four(moderate, LABELS[:6], YES[:6]):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_extreme_outputs_have_finite_losses_and_gradients():
    wild = np.array([[1e30, -1e30], [-1e30, 1e30], [0, 0], [1e30, 1e30]], np.float32)
    labels, yes = jnp.array([0, 0, 1, 0]), jnp.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    certain = np.array([[1, 0], [0, 1], [0.5, 0.5], [1, 1]], np.float32)
    for function, outputs, targets in [
        (loss.softmax_cross_entropy, wild, labels),
        (loss.sigmoid_binary_cross_entropy, wild, yes),
        (loss.cross_entropy_of_probabilities, certain, labels),
        (loss.binary_cross_entropy_of_probabilities, certain, yes),
    ]:
        for array in values(function, outputs, targets):
            assert bool(jnp.isfinite(array).all()), function.__name__


def test_the_gradient_at_a_logit_of_zero_is_half_minus_the_target():
    _, gradient = values(loss.sigmoid_binary_cross_entropy, np.zeros((2, 1), np.float32), jnp.array([1.0, 0.0]))
    np.testing.assert_allclose(gradient[:, 0], [-0.5, 0.5])


def test_bfloat16_outputs_give_float32_losses():
    narrow, targets = jnp.asarray(LOGITS[:6], jnp.bfloat16), jnp.asarray(YES[:6])
    for function, right in (
        (loss.softmax_cross_entropy, jnp.asarray(LABELS[:6])),
        (loss.squared_error, targets),
        (loss.sigmoid_binary_cross_entropy, targets),
    ):
        assert jax.eval_shape(function, narrow, right).dtype == jnp.float32


def test_one_output_takes_flat_targets_and_several_do_not():
    targets = jnp.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(loss.squared_error(jnp.zeros((3, 1)), targets)[:, 0], [1, 4, 9])
    np.testing.assert_allclose(loss.squared_error(jnp.zeros((3,)), targets), [1, 4, 9])
    with pytest.raises(ValueError, match=r"\(3,\) do not match outputs \(3, 3\)"):
        loss.squared_error(jnp.zeros((3, 3)), targets)


def test_small_label_types_and_vmap():
    logits, labels = jnp.asarray(LOGITS).reshape(7, 1, 4), jnp.asarray(LABELS, jnp.uint8).reshape(7, 1)
    batched = jax.jit(jax.vmap(loss.softmax_cross_entropy))(logits, labels)
    flat = jax.jit(loss.softmax_cross_entropy)(LOGITS, LABELS)
    np.testing.assert_allclose(batched[:, 0], flat, rtol=1e-6)
