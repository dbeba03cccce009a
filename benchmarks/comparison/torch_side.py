"""A network in PyTorch: eager or compiled, as in the tutorials or in its best form."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from comparison.job import Array, Job, Layer, Queues, cores
from comparison.nets.torch_nets import NETS, Position

__all__ = ["TorchProgram", "load_weights"]

_WEIGHTED = (nn.Linear, nn.Conv2d)


class TorchProgram:
    """Trains and predicts, on a GPU where there is one, unless JAX is told to use the CPU.

    The best form keeps images channels last, takes the fused optimizer and a thread for each core; when compiled, it
    compiles network and loss together, and freezes the weights into the program that predicts.
    """

    def __init__(self, job: Job, *, dropout: bool, best: bool, compiled: bool) -> None:
        torch.manual_seed(0)
        if best:
            torch.set_num_threads(cores())
        self.job, self.best, self.compiled = job, best, compiled
        on_gpu = torch.cuda.is_available() and os.environ.get("JAX_PLATFORMS") != "cpu"
        self.device = torch.device("cuda" if on_gpu else "cpu")
        self.network = NETS[job.name]().to(self.device)
        if not dropout:
            for module in self.network.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
        load_weights(self.network, job.queues())
        self.format = torch.channels_last if best and not job.tokens else torch.contiguous_format
        self.network.to(memory_format=self.format)  # type: ignore[call-overload]
        self.initial = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.inputs = self._tensor(job.prepared(job.images, channels_last=False))
        self.labels = torch.from_numpy(job.labels.astype(np.int64)).to(self.device)
        self.tests: dict[int, Tensor] = {}
        self.optimizer = self._fresh_optimizer()
        self.loss: Callable[[Tensor, Tensor], Tensor] = self._loss
        self.forward: Callable[[Tensor], Tensor] = self.network
        self.outputs: Callable[[Tensor], Tensor] = self._outputs
        if compiled:
            self._compile()

    def reset(self) -> None:
        self.network.load_state_dict(self.initial)
        self.optimizer = self._fresh_optimizer()

    def train(self, steps: int) -> list[Tensor]:
        self.network.train()
        losses = []
        for step in range(steps):
            first = step % self.job.batches * self.job.batch
            rows = slice(first, first + self.job.batch)
            self.optimizer.zero_grad()
            loss = self.loss(self.inputs[rows], self.labels[rows])
            torch.autograd.backward(loss)
            if self.job.clip is not None:
                nn.utils.clip_grad_norm_(self.network.parameters(), self.job.clip)
            self.optimizer.step()
            losses.append(loss.detach())
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return losses

    def mean_loss(self, losses: list[Tensor]) -> float:
        return float(torch.stack(losses).mean())

    def predict(self, batch: int) -> Array:
        if batch not in self.tests:
            # In the host's memory, as everyone's.
            self.tests[batch] = self._tensor(self.job.test_inputs(batch, channels_last=False)).cpu()
        self.network.eval()
        # Freezing is only defined where gradients are off, and not in inference mode.
        with torch.no_grad() if self.compiled else torch.inference_mode():
            return self.outputs(self.tests[batch].to(self.device)).cpu().numpy()

    # --- parts of it --------------------------------------------------------------------------------------------------

    def _compile(self) -> None:
        # Training, prediction and three batch sizes are more programs than one function may have by default.
        torch._dynamo.config.recompile_limit = 64
        if self.best:
            self.loss = torch.compile(self._loss, dynamic=False)
            self.outputs = torch.compile(self._outputs, dynamic=False, options={"freezing": True})
        else:
            self.forward = torch.compile(self.network)

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        loss = F.cross_entropy(self.forward(x), y)
        if self.job.l2:
            weights = [m.weight for m in self.network.modules() if isinstance(m, _WEIGHTED)]
            loss = loss + self.job.l2 * sum(w.square().sum() for w in weights)
        return loss

    def _outputs(self, x: Tensor) -> Tensor:
        logits = self.forward(x)
        return logits.softmax(1) if self.job.softmax else logits

    def _tensor(self, values: Array) -> Tensor:
        tensor = torch.from_numpy(values).to(self.device)
        return tensor.long() if self.job.tokens else tensor.contiguous(memory_format=self.format)

    def _fresh_optimizer(self) -> torch.optim.Optimizer:
        o, parameters = self.job.optimizer, self.network.parameters()
        fused: dict[str, Any] = {"fused": True} if self.best else {}
        decay = o.get("weight_decay", 0.0)
        if o["kind"] == "sgd":
            return torch.optim.SGD(
                parameters, o["lr"], momentum=o["momentum"], nesterov=o["nesterov"], weight_decay=decay, **fused
            )
        if o["kind"] == "rmsprop":  # has no fused form
            foreach = True if self.best else None
            return torch.optim.RMSprop(
                parameters, o["lr"], alpha=o["decay"], eps=o["epsilon"], momentum=o["momentum"], foreach=foreach
            )
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o["kind"]]
        betas = (o["beta1"], o["beta2"])
        return kind(parameters, o["lr"], betas=betas, eps=o["epsilon"], weight_decay=decay, **fused)


# --- netspec's weights ------------------------------------------------------------------------------------------------


def load_weights(network: nn.Module, queues: Queues) -> None:
    """Copy netspec's initial weights into a network; every one of them must find its place."""
    with torch.no_grad():
        for module in network.modules():
            kind = _kind(module)
            if kind:
                _LOAD[kind](module, queues[kind].popleft())
    left = [kind for kind, queue in queues.items() if queue]
    assert not left, f"weights without a place: {left}"


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.Conv2d):
        return "depthwise" if module.groups > 1 else "conv"
    if isinstance(module, nn.Linear) and not isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear):
        return "fc"
    return next((kind for cls, kind in _KINDS.items() if isinstance(module, cls)), "")


def _pairs(*names: tuple[str, str]) -> Callable[[nn.Module, Layer], None]:
    """Return a function that copies arrays into the attributes of these names, in the shapes they have."""

    def copy(module: nn.Module, layer: Layer) -> None:
        for name, attribute in names:
            if name in layer.arrays:
                _fill(module.get_parameter(attribute), layer.arrays[name])

    return copy


def _fill(tensor: Tensor, value: Array) -> None:
    assert tensor.shape == value.shape, f"{tuple(tensor.shape)} is not {value.shape}"
    tensor.copy_(torch.from_numpy(value))


_KERNEL = _pairs(("kernel", "weight"), ("bias", "bias"))
_NORM = _pairs(("scale", "weight"), ("offset", "bias"))


def _position(module: nn.Module, layer: Layer) -> None:
    _fill(module.get_parameter("table"), np.ascontiguousarray(layer.arrays["table"].T))


_KINDS: dict[type[nn.Module], str] = {
    nn.BatchNorm2d: "batchnorm",
    nn.LayerNorm: "layernorm",
    nn.Embedding: "embedding",
    nn.MultiheadAttention: "attention",
    Position: "position",
}
_LOAD: dict[str, Callable[[nn.Module, Layer], None]] = {
    "conv": _KERNEL,
    "depthwise": _KERNEL,
    "fc": _KERNEL,
    "batchnorm": _NORM,
    "layernorm": _NORM,
    "embedding": _pairs(("weight", "weight")),
    "attention": _pairs(
        ("in_proj_weight", "in_proj_weight"),
        ("in_proj_bias", "in_proj_bias"),
        ("out_proj_weight", "out_proj.weight"),
        ("out_proj_bias", "out_proj.bias"),
    ),
    "position": _position,
}
