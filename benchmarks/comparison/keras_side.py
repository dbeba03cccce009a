"""A network in Keras 3 on JAX: `compile`, `fit` and `predict`, or the stateless functions in a jitted step."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
from keras import layers, ops

from comparison.jax_loop import JaxLoop
from comparison.job import Array, Job, Layer, Queues
from comparison.nets.keras_nets import NETS, Position

__all__ = ["KerasBest", "KerasProgram"]


class KerasProgram:
    """`compile`, `fit` and `predict`."""

    def __init__(self, job: Job, *, dropout: bool) -> None:
        self.job = job
        network = _network(job, dropout=dropout)
        # As people write it: a network that ends in softmax has it as its last layer.
        self.model = keras.Sequential([network, layers.Softmax()]) if job.softmax else network
        self.optimizer = _optimizer(job)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not job.softmax)
        self.model.compile(optimizer=self.optimizer, loss=loss, metrics=["accuracy"])
        self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        self.initial = [np.array(v) for v in self.variables]
        self.inputs = job.prepared(job.images, channels_last=True)
        self.rounds: dict[int, tuple[Array, Array]] = {}
        self.tests: dict[int, Array] = {}

    def reset(self) -> None:
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)

    def train(self, steps: int) -> Any:
        x, y = self._round(steps)
        return self.model.fit(x, y, batch_size=self.job.batch, epochs=1, shuffle=False, verbose=0)

    def mean_loss(self, losses: Any) -> float:
        return float(losses.history["loss"][-1])

    def predict(self, batch: int) -> Array:
        if batch not in self.tests:
            self.tests[batch] = self.job.test_inputs(batch, channels_last=True)
        return self.model.predict(self.tests[batch], batch_size=batch, verbose=0)

    def _round(self, steps: int) -> tuple[Array, Array]:
        """Return the examples of so many steps, one after the other."""
        if steps not in self.rounds:
            rows = np.arange(steps * self.job.batch) % len(self.inputs)
            self.rounds = {steps: (self.inputs[rows], self.job.labels[rows])}
        return self.rounds[steps]


class KerasBest:
    """The stateless functions, as in Keras's guide to training loops in JAX, with donated state."""

    def __init__(self, job: Job, *, dropout: bool) -> None:
        self.job = job
        self.model = _network(job, dropout=dropout)
        self.optimizer = _optimizer(job)
        self.optimizer.build(self.model.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.loop = JaxLoop(job, self._step)
        self.outputs = jax.jit(self._outputs)
        self.tests: dict[int, Array] = {}
        kinds = (self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.variables)
        self.initial = tuple([np.array(v) for v in variables] for variables in kinds)
        self.reset()

    def reset(self) -> None:
        self.state: Any = jax.tree.map(lambda a: jax.device_put(a, may_alias=False), self.initial)

    def train(self, steps: int) -> list[jax.Array]:
        self.state, losses = self.loop.train(self.state, steps)
        return losses

    def mean_loss(self, losses: list[jax.Array]) -> float:
        return self.loop.mean(losses)

    def predict(self, batch: int) -> Array:
        if batch not in self.tests:
            self.tests[batch] = self.loop.test_inputs(self.job, batch)
        return np.asarray(self.outputs(self.state[0], self.state[1], self.tests[batch]))

    def _step(self, state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        trained, other, optimizer = state

        def objective(trained: Any) -> tuple[jax.Array, Any]:
            logits, after, extra = self.model.stateless_call(trained, other, x, training=True, return_losses=True)
            return self.loss(y, logits) + sum(extra), after

        (loss, other), gradients = jax.value_and_grad(objective, has_aux=True)(trained)
        trained, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trained)
        return (trained, other, optimizer), loss

    def _outputs(self, trained: Any, other: Any, x: jax.Array) -> jax.Array:
        logits, _ = self.model.stateless_call(trained, other, x, training=False)
        return jax.nn.softmax(logits) if self.job.softmax else logits


# --- the optimizer ----------------------------------------------------------------------------------------------------


def _optimizer(job: Job) -> keras.optimizers.Optimizer:
    o = job.optimizer
    common: dict[str, Any] = {"learning_rate": o["lr"], "global_clipnorm": job.clip}
    decay = o.get("weight_decay", 0.0)
    if o["kind"] == "rmsprop":
        return _RmsProp(**common, rho=o["decay"], epsilon=o["epsilon"], momentum=o["momentum"])
    if o["kind"] == "sgd":
        cls, own = keras.optimizers.SGD, {"momentum": o["momentum"], "nesterov": o["nesterov"]}
    else:
        own = {"beta_1": o["beta1"], "beta_2": o["beta2"], "epsilon": o["epsilon"]}
        cls = keras.optimizers.Adam
        if o["kind"] == "adamw":
            return keras.optimizers.AdamW(**common, **own, weight_decay=decay)
    return _coupled(cls, decay)(**common, **own) if decay else cls(**common, **own)


def _coupled(cls: Any, decay: float) -> Any:
    """Return the optimizer with λ·w added to each gradient; Keras's own weight decay is the decoupled one."""

    class Coupled(cls):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(ops.add(gradient, ops.multiply(decay, variable)), variable, learning_rate)

    return Coupled


class _RmsProp(keras.optimizers.RMSprop):
    """RMSprop with epsilon added to the root, as the recipe says; Keras adds it under the root."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        square, velocity = self._velocities[index], self._momentums[index]
        self.assign(square, self.rho * square + (1 - self.rho) * ops.square(gradient))
        scaled = learning_rate * gradient / (ops.sqrt(square) + self.epsilon)
        self.assign(velocity, self.momentum * velocity + scaled)
        self.assign_sub(variable, velocity)


# --- netspec's weights ------------------------------------------------------------------------------------------------


def _network(job: Job, *, dropout: bool) -> keras.Model:
    keras.utils.set_random_seed(0)
    network = NETS[job.name]()
    if not dropout:
        for layer in network.layers:
            if isinstance(layer, layers.Dropout):
                layer.rate = 0
    _load(network, job.queues())
    return network


def _load(network: keras.Model, queues: Queues) -> None:
    for module in network.layers:
        kind = _KINDS.get(type(module))
        if kind:
            arrays = _ARRAYS[kind](queues[kind].popleft())
            module.set_weights(arrays)
    left = [kind for kind, queue in queues.items() if queue]
    assert not left, f"weights without a place: {left}"


def _biased(kernel: Array, layer: Layer) -> list[Array]:
    return [kernel, layer.arrays["bias"]] if "bias" in layer.arrays else [kernel]


def _attention(layer: Layer) -> list[Array]:
    """Return kernels and biases of query, key, value and output, with heads of 16 features."""
    features = layer.input[0]
    heads = (features // 16, 16)
    weights = layer.arrays["in_proj_weight"].reshape(3, features, features)
    biases = layer.arrays["in_proj_bias"].reshape(3, *heads)
    inward = [a for w, b in zip(weights, biases, strict=True) for a in (w.T.reshape(features, *heads), b)]
    return [*inward, layer.arrays["out_proj_weight"].T.reshape(*heads, features), layer.arrays["out_proj_bias"]]


_KINDS: dict[type, str] = {
    layers.Conv2D: "conv",
    layers.DepthwiseConv2D: "depthwise",
    layers.Dense: "fc",
    layers.BatchNormalization: "batchnorm",
    layers.LayerNormalization: "layernorm",
    layers.Embedding: "embedding",
    layers.MultiHeadAttention: "attention",
    Position: "position",
}
_ARRAYS: dict[str, Any] = {
    "conv": lambda layer: _biased(layer.arrays["kernel"].transpose(2, 3, 1, 0), layer),
    "depthwise": lambda layer: _biased(layer.arrays["kernel"].transpose(2, 3, 0, 1), layer),
    "fc": lambda layer: _biased(layer.dense(), layer),
    "batchnorm": lambda layer: [layer.arrays[name] for name in ("scale", "offset", "mean", "variance")],
    "layernorm": lambda layer: [layer.arrays[name] for name in ("scale", "offset")],
    "embedding": lambda layer: [layer.arrays["weight"]],
    "attention": _attention,
    "position": lambda layer: [layer.arrays["table"].T],
}
