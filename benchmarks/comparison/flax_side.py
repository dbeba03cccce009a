"""A network in Flax NNX: the step of its MNIST tutorial, or a functional one with donated state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from comparison.jax_loop import JaxLoop
from comparison.job import Array, Job, Layer, Queues
from comparison.nets.flax_nets import NETS, Position

__all__ = ["FlaxBest", "FlaxProgram"]


def _loss(job: Job, network: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    logits = network(x)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
    if job.l2:
        kernels = [m.kernel[...] for m in _modules(network) if isinstance(m, nnx.Linear | nnx.Conv)]
        loss += job.l2 * sum(jnp.sum(jnp.square(k)) for k in kernels)
    return loss, logits


class FlaxProgram:
    """`nnx.jit` around model, optimizer and metrics."""

    def __init__(self, job: Job, *, dropout: bool) -> None:
        self.job = job
        self.network = _network(job, dropout=dropout)
        self.optimizer = nnx.Optimizer(self.network, _optimizer(job), wrt=nnx.Param)
        self.metrics = nnx.MultiMetric(accuracy=nnx.metrics.Accuracy(), loss=nnx.metrics.Average("loss"))
        self.owned = nnx.state((self.network, self.optimizer))
        self.initial = jax.tree.map(np.array, nnx.to_pure_dict(_without_keys(self.owned)))
        self.inputs = job.prepared(job.images, channels_last=True)
        self.tests: dict[int, Array] = {}

        @nnx.jit
        def train_step(network: Any, optimizer: Any, metrics: Any, x: jax.Array, y: jax.Array) -> None:
            gradient = nnx.value_and_grad(lambda network: _loss(job, network, x, y), has_aux=True)
            (loss, logits), grads = gradient(network)
            metrics.update(loss=loss, logits=logits, labels=y)
            optimizer.update(network, grads)

        @nnx.jit
        def predict_step(network: Any, x: jax.Array) -> jax.Array:
            logits = network(x)
            return nnx.softmax(logits) if job.softmax else logits

        self.train_step, self.predict_step = train_step, predict_step

    def reset(self) -> None:
        state = _without_keys(nnx.state((self.network, self.optimizer)))
        nnx.replace_by_pure_dict(state, jax.tree.map(jnp.array, self.initial))
        nnx.update((self.network, self.optimizer), state)
        self.metrics.reset()

    def train(self, steps: int) -> Any:
        self.network.train()
        for step in range(steps):
            first = step % self.job.batches * self.job.batch
            rows = slice(first, first + self.job.batch)
            self.train_step(self.network, self.optimizer, self.metrics, self.inputs[rows], self.job.labels[rows])
        losses = self.metrics.compute()["loss"]
        jax.block_until_ready((losses, nnx.state(self.network)))
        return losses

    def mean_loss(self, losses: Any) -> float:
        return float(losses)

    def predict(self, batch: int) -> Array:
        if batch not in self.tests:
            self.tests[batch] = self.job.test_inputs(batch, channels_last=True)
        self.network.eval()
        return np.asarray(self.predict_step(self.network, self.tests[batch]))


class FlaxBest:
    """A pure step on the split model, with optax's own state."""

    def __init__(self, job: Job, *, dropout: bool) -> None:
        self.job = job
        network: Any = _network(job, dropout=dropout)
        network.eval()
        self.frozen = nnx.split(network)[0]
        network.train()
        self.graph, params, rest = nnx.split(network, nnx.Param, ...)
        self.optimizer = _optimizer(job)
        self.loop = JaxLoop(job, self._step)
        self.outputs = jax.jit(self._outputs)
        self.tests: dict[int, Array] = {}
        self.initial = (params, rest, self.optimizer.init(params))
        self.reset()

    def reset(self) -> None:
        self.state: Any = jax.tree.map(jnp.copy, self.initial)

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
        params, rest, optimizer = state

        def objective(params: Any) -> tuple[jax.Array, Any]:
            network = nnx.merge(self.graph, params, rest, copy=True)
            loss, _ = _loss(self.job, network, x, y)
            return loss, nnx.state(network, nnx.Not(nnx.Param))

        (loss, rest), grads = jax.value_and_grad(objective, has_aux=True)(params)
        updates, optimizer = self.optimizer.update(grads, optimizer, params)
        return (optax.apply_updates(params, updates), rest, optimizer), loss

    def _outputs(self, params: Any, rest: Any, x: jax.Array) -> jax.Array:
        logits = nnx.merge(self.frozen, params, rest, copy=True)(x)
        return nnx.softmax(logits) if self.job.softmax else logits


# --- the optimizer ----------------------------------------------------------------------------------------------------


def _optimizer(job: Job) -> optax.GradientTransformation:
    o = job.optimizer
    lr, decay = o["lr"], o.get("weight_decay", 0.0)
    if o["kind"] == "rmsprop":
        momentum = o["momentum"] or None
        main = optax.rmsprop(lr, decay=o["decay"], eps=o["epsilon"], eps_in_sqrt=False, momentum=momentum)
    elif o["kind"] == "sgd":
        main = optax.sgd(lr, momentum=o["momentum"] or None, nesterov=o["nesterov"])
    elif o["kind"] == "adam":
        main = optax.adam(lr, b1=o["beta1"], b2=o["beta2"], eps=o["epsilon"])
    else:
        main = optax.adamw(lr, b1=o["beta1"], b2=o["beta2"], eps=o["epsilon"], weight_decay=decay)
        decay = 0.0
    coupled = [optax.add_decayed_weights(decay)] if decay else []
    clip = [optax.clip_by_global_norm(job.clip)] if job.clip is not None else []
    return optax.chain(*clip, *coupled, main)


# --- netspec's weights ------------------------------------------------------------------------------------------------


def _network(job: Job, *, dropout: bool) -> nnx.Module:
    network = NETS[job.name](nnx.Rngs(0))
    if not dropout:
        for module in _modules(network):
            if isinstance(module, nnx.Dropout):
                module.rate = 0.0
    _load(network, job.queues())
    return network


def _modules(value: Any) -> Iterator[nnx.Module]:
    """Yield a network's modules in the order in which they are declared."""
    if isinstance(value, nnx.Module):
        yield value
        for own in vars(value).values():
            yield from _modules(own)
    elif isinstance(value, list | tuple | nnx.List):
        for item in value:
            yield from _modules(item)


def _load(network: nnx.Module, queues: Queues) -> None:
    inside: set[int] = set()
    for module in _modules(network):
        kind = _kind(module)
        if not kind or id(module) in inside:
            continue
        if isinstance(module, nnx.MultiHeadAttention):
            inside |= {id(part) for part in _modules(module)}
        for path, value in _ARRAYS[kind](queues[kind].popleft()).items():
            *owners, name = path.split(".")
            owner: Any = module
            for step in owners:
                owner = getattr(owner, step)
            variable = getattr(owner, name)
            assert variable[...].shape == value.shape, f"{path} is {variable[...].shape}, not {value.shape}"
            variable[...] = jnp.array(value)
    left = [kind for kind, queue in queues.items() if queue]
    assert not left, f"weights without a place: {left}"


def _kind(module: nnx.Module) -> str:
    if isinstance(module, nnx.Conv):
        return "depthwise" if module.feature_group_count > 1 else "conv"
    return next((kind for cls, kind in _KINDS.items() if isinstance(module, cls)), "")


def _without_keys(state: Any) -> Any:
    """Return a state without the keys of dropout: they may go on from where they are."""
    return nnx.filter_state(state, nnx.Not(nnx.RngState))


def _biased(kernel: Array, layer: Layer) -> dict[str, Array]:
    return {"kernel": kernel} | {name: layer.arrays[name] for name in ("bias",) if name in layer.arrays}


def _attention(layer: Layer) -> dict[str, Array]:
    """Return kernels and biases of query, key, value and output, with heads of 16 features."""
    features = layer.input[0]
    heads = (features // 16, 16)
    weights = layer.arrays["in_proj_weight"].reshape(3, features, features)
    biases = layer.arrays["in_proj_bias"].reshape(3, *heads)
    arrays = {
        "out.kernel": layer.arrays["out_proj_weight"].T.reshape(*heads, features),
        "out.bias": layer.arrays["out_proj_bias"],
    }
    for name, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
        arrays |= {f"{name}.kernel": weight.T.reshape(features, *heads), f"{name}.bias": bias}
    return arrays


_KINDS: dict[type, str] = {
    nnx.Linear: "fc",
    nnx.BatchNorm: "batchnorm",
    nnx.LayerNorm: "layernorm",
    nnx.Embed: "embedding",
    nnx.MultiHeadAttention: "attention",
    Position: "position",
}
_NORM = {"scale": "scale", "bias": "offset", "mean": "mean", "var": "variance"}
_ARRAYS: dict[str, Any] = {
    "conv": lambda layer: _biased(layer.arrays["kernel"].transpose(2, 3, 1, 0), layer),
    "depthwise": lambda layer: _biased(layer.arrays["kernel"].transpose(2, 3, 1, 0), layer),
    "fc": lambda layer: _biased(layer.dense(), layer),
    "batchnorm": lambda layer: {own: layer.arrays[name] for own, name in _NORM.items()},
    "layernorm": lambda layer: {"scale": layer.arrays["scale"], "bias": layer.arrays["offset"]},
    "embedding": lambda layer: {"embedding": layer.arrays["weight"]},
    "attention": _attention,
    "position": lambda layer: {"table": np.ascontiguousarray(layer.arrays["table"].T)},
}
