"""Optimizers, schedules and gradient clipping against torch.optim, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, getcontext
from math import cos, pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from agreement import TOLERANCE, assert_agree, assert_trees_agree
from twins import gradients, load_weights, nn, parameters, torch

import netspec as ns
from netspec.backends.jax.train.moments import _rectified
from netspec.backends.jax.train.optimizers import transformation
from netspec.backends.jax.train.schedules import learning_rate
from netspec.backends.jax.train.step import Trainer
from netspec.backends.jax.train.train_state import pack
from netspec.data.types import Split
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES

STEPS = 10

LOOSE = 1e-4
"""Largest relative error of a way gone, and of all that bias corrections touch.

A first step of a thousandth is known only to float32's spacing of the parameter it moves, 3e-5 of the step; and
corrections such as 1 − 0.999ᵗ lose four digits to cancellation in float32.
"""


# --- the two optimizers that torch.optim lacks, as their papers write them ----------------------------------------


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, params: Any, lr: float, betas: tuple[float, float], weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                direction = torch.sign(b1 * m + (1 - b1) * w.grad) + group["weight_decay"] * w
                w.sub_(group["lr"] * direction)
                m.mul_(b2).add_(w.grad, alpha=1 - b2)


class Lamb(torch.optim.Optimizer):
    """You et al. 2020, algorithm 2, with φ the identity."""

    def __init__(self, params: Any, lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for w in group["params"]:
                kept = self.state[w]
                t = kept["t"] = kept.get("t", 0) + 1
                m = kept.setdefault("m", torch.zeros_like(w)).mul_(b1).add_(w.grad, alpha=1 - b1)
                v = kept.setdefault("v", torch.zeros_like(w)).mul_(b2).add_(w.grad**2, alpha=1 - b2)
                update = m / (1 - b1**t) / ((v / (1 - b2**t)).sqrt() + group["eps"]) + group["weight_decay"] * w
                norms = w.norm(), update.norm()
                ratio = norms[0] / norms[1] if all(norms) else 1.0
                w.sub_(group["lr"] * ratio * update)


# --- optimizers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """An optimizer or a schedule as a spec writes it, and as PyTorch makes it of parameters or of an optimizer."""

    line: str
    make: Callable[[Any], Any]
    tolerance: float = TOLERANCE

    @property
    def name(self) -> str:
        return self.line.partition(" ")[0]


optim = torch.optim
RULES = [
    Rule("sgd lr=0.1", lambda p: optim.SGD(p, 0.1)),
    Rule("sgd lr=0.1 momentum=0.9", lambda p: optim.SGD(p, 0.1, 0.9)),
    Rule("sgd lr=0.1 momentum=0.8 nesterov", lambda p: optim.SGD(p, 0.1, 0.8, nesterov=True)),
    Rule("sgd lr=0.1 weight_decay=0.05", lambda p: optim.SGD(p, 0.1, weight_decay=0.05)),
    Rule(
        "sgd lr=0.1 momentum=0.9 nesterov weight_decay=0.05",
        lambda p: optim.SGD(p, 0.1, 0.9, nesterov=True, weight_decay=0.05),
    ),
    Rule("adam", optim.Adam, LOOSE),
    Rule(
        "adam lr=0.02 beta1=0.8 beta2=0.95 epsilon=0.001 weight_decay=0.05",
        lambda p: optim.Adam(p, 0.02, (0.8, 0.95), 0.001, weight_decay=0.05),
    ),
    Rule("adamw", optim.AdamW, LOOSE),
    Rule(
        "adamw lr=0.02 beta1=0.8 beta2=0.95 epsilon=0.001 weight_decay=0.5",
        lambda p: optim.AdamW(p, 0.02, (0.8, 0.95), 0.001, weight_decay=0.5),
    ),
    # PyTorch lets β₁ rise over time as Dozat's "momentum schedule" has it; netspec holds it still, as his algorithm 8
    # does. A schedule that is over at once compares the two.
    Rule("nadam lr=0.01", lambda p: optim.NAdam(p, 0.01, momentum_decay=1e9), LOOSE),
    # PyTorch adds its epsilon to a root that has no bias correction yet; the paper has no epsilon at all.
    Rule("radam lr=0.01 epsilon=1e-30", lambda p: optim.RAdam(p, 0.01, eps=1e-30), LOOSE),
    Rule("radam lr=0.01 beta1=0.8 beta2=0.9 epsilon=1e-30", lambda p: optim.RAdam(p, 0.01, (0.8, 0.9), 1e-30)),
    Rule("adamax lr=0.01", lambda p: optim.Adamax(p, 0.01)),
    Rule("adamax lr=0.01 beta1=0.8 beta2=0.9 epsilon=0.001", lambda p: optim.Adamax(p, 0.01, (0.8, 0.9), 0.001)),
    Rule("rmsprop", optim.RMSprop),
    Rule(
        "rmsprop lr=0.005 decay=0.9 epsilon=0.001 momentum=0.8",
        lambda p: optim.RMSprop(p, 0.005, 0.9, 0.001, momentum=0.8),
    ),
    Rule("adagrad", optim.Adagrad),
    Rule("adagrad lr=0.1 epsilon=0.001", lambda p: optim.Adagrad(p, 0.1, eps=0.001)),
    Rule("adadelta", optim.Adadelta),
    Rule("adadelta lr=0.5 rho=0.8 epsilon=0.001", lambda p: optim.Adadelta(p, 0.5, 0.8, 0.001)),
    Rule("lamb lr=0.01", lambda p: Lamb(p, 0.01, (0.9, 0.999), 1e-6, 0.0), LOOSE),
    Rule("lamb lr=0.01 weight_decay=0.1", lambda p: Lamb(p, 0.01, (0.9, 0.999), 1e-6, 0.1), LOOSE),
    # Betas that float32 rounds to 1, or nearly.
    Rule("adam beta2=0.9999999", lambda p: optim.Adam(p, betas=(0.9, 0.9999999)), LOOSE),
    Rule("adam beta1=0.9999999 beta2=0.99999999", lambda p: optim.Adam(p, betas=(0.9999999, 0.99999999)), LOOSE),
    Rule("adamw beta2=0.99999999", lambda p: optim.AdamW(p, betas=(0.9, 0.99999999)), LOOSE),
    Rule("nadam beta2=0.99999999", lambda p: optim.NAdam(p, 0.001, (0.9, 0.99999999), momentum_decay=1e9), LOOSE),
    Rule("adamax beta1=0.9999999", lambda p: optim.Adamax(p, 0.001, (0.9999999, 0.999)), LOOSE),
    Rule("lamb lr=0.01 beta2=0.99999999", lambda p: Lamb(p, 0.01, (0.9, 0.99999999), 1e-6, 0.0), LOOSE),
    Rule("rmsprop lr=1e-6 decay=0.9999999", lambda p: optim.RMSprop(p, 1e-6, 0.9999999), LOOSE),
    Rule("lion lr=0.001", lambda p: Lion(p, 0.001, (0.9, 0.99), 0.0)),
    Rule("lion lr=0.01 weight_decay=0.5", lambda p: Lion(p, 0.01, (0.9, 0.99), 0.5)),
]


def marked(rules: list[Rule]) -> list[Any]:
    """Return the rules as parameters of a test."""
    return [pytest.param(r, id=r.line) for r in rules]


def spec(settings: str) -> ns.Network:
    return ns.parse(f"input 6\nfc 8 tanh\nfc 3 softmax\ntrain {{ batch 8; {settings} }}")


@pytest.fixture(scope="module")
def model() -> ns.Model:
    return ns.compile(spec("optimizer sgd"), "cpu")


def twin() -> torch.nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def examples() -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.normal(size=(40, 6)).astype(np.float32), rng.integers(0, 3, 40).astype(np.int32))


def batches() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(1)
    return (rng.choice(40, 8, replace=False).astype(np.int32) for _ in range(STEPS))


def backward(reference: torch.nn.Module, data: Split, chosen: np.ndarray) -> float:
    """Put the gradients of one batch into the twin and return its loss."""
    reference.zero_grad()
    x, y = torch.from_numpy(data.images[chosen]).double(), torch.from_numpy(data.labels[chosen]).long()
    loss = nn.functional.cross_entropy(reference(x), y)
    loss.backward()
    return loss.item()


def movement(after: Any, before: Any) -> Any:
    """Return how far every parameter has gone: small steps would drown in the parameters themselves."""
    return jax.tree.map(lambda a, b: np.asarray(a, np.float64) - np.asarray(b, np.float64), after, before)


def recipe(settings: str) -> Any:
    return spec(settings).recipe


def test_every_optimizer_has_a_rule() -> None:
    missing = set(OPTIMIZERS.names) - {rule.name for rule in RULES}
    assert not missing, f"no parity case for {sorted(missing)}: add one to RULES in {__name__}.py"


@pytest.mark.parametrize("rule", marked(RULES))
def test_trajectory(rule: Rule, model: ns.Model) -> None:
    """Ten steps from the same weights on the same batches; each compares the way gone since the beginning."""
    chain = transformation(recipe(f"optimizer {rule.line}"), 5, 2)
    update = jax.jit(chain.update)
    variables, reference, data = model.init(4), twin(), examples()
    start = variables.params
    load_weights(reference, variables)
    theirs, state = rule.make(reference.parameters()), chain.init(start)
    for step, chosen in enumerate(batches()):
        loss, grads = model.backward(variables, data.images[chosen], data.labels[chosen], train=True)
        assert_agree(loss, backward(reference, data, chosen), f"loss of step {step}", max(LOOSE, rule.tolerance))
        changes, state = update(grads, state, variables.params, step)
        variables = variables.replace(params=optax.apply_updates(variables.params, changes))
        theirs.step()
        way = movement(parameters(reference), start)
        assert_trees_agree(movement(variables.params, start), way, f"step {step}: movement", max(LOOSE, rule.tolerance))


@pytest.mark.parametrize("rule", marked(RULES))
def test_gradients_of_all_sizes(rule: Rule) -> None:
    """From 1e-7 to 10, each value compared for itself: here the epsilons matter."""
    sizes = 10 ** np.linspace(-7, 1, 33) * np.where(np.arange(33) % 2, 1, -1)
    chain = transformation(recipe(f"optimizer {rule.line}"), 5, 2)
    update = jax.jit(chain.update)
    ours = {"w": jnp.zeros(33)}
    reference = torch.zeros(33, dtype=torch.float64, requires_grad=True)
    theirs, state = rule.make([reference]), chain.init(ours)
    for step in range(8):
        gradient = (sizes * (1 + 0.5 * np.cos(step + np.arange(33)))).astype(np.float32)
        changes, state = update({"w": jnp.asarray(gradient)}, state, ours, step)
        ours = optax.apply_updates(ours, changes)
        reference.grad = torch.from_numpy(gradient).double()
        theirs.step()
        expected = reference.detach().numpy()
        ratio = np.asarray(ours["w"], np.float64) / expected
        assert_agree(ratio, np.ones(33), f"step {step}: ratio of the movements", rule.tolerance)


@pytest.mark.parametrize("beta", [0.0, 0.6, 0.7, 0.9, 0.999, 0.9999999, 0.99999999])
@pytest.mark.parametrize("step", [1, 5, 6, 7, 100, 10**6])
def test_the_rectification_of_radam(beta: float, step: int) -> None:
    """Against sixty digits: in float64 too ρ is a small difference of large numbers."""
    getcontext().prec = 60
    b = Decimal(beta)
    most = 2 / (1 - b) - 1
    rho = most - 2 * step * b**step / (1 - b**step)
    known, factor = _rectified(beta, jnp.float32(step))
    assert bool(known) == (rho >= 5)
    if known:
        expected = ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)).sqrt()
        assert float(factor) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("name", ["nadam", "radam", "adamax", "lamb"])
def test_what_is_kept_has_the_names_that_optax_gives_it(name: str) -> None:
    weights = {"w": jnp.zeros(3)}
    ours = transformation(recipe(f"optimizer {name}"), 5, 2).init(weights)
    assert list(pack(ours)) == list(pack(getattr(optax, name)(1.0).init(weights)))


def test_lamb_of_tiny_gradients() -> None:
    """What is divided by the length of the update is as far a step, whatever the gradients' own length."""
    chain = transformation(recipe("optimizer lamb lr=0.001"), 5, 2)
    weights = {"w": jnp.ones(3)}
    gradient = {"w": jnp.asarray([3e-25, -1e-25, 2e-25])}
    changes, _ = jax.jit(chain.update)(gradient, chain.init(weights), weights, 0)
    expected = -0.001 * np.sqrt(3) * np.array([3, -1, 2]) / np.sqrt(14)
    assert_agree(changes["w"], expected, "step", LOOSE)


@pytest.mark.parametrize(
    ("settings", "make", "schedule"),
    [
        (
            "optimizer sgd lr=0.1 momentum=0.9 weight_decay=0.01; clip 0.5; schedule step 1 factor=0.5",
            lambda p: optim.SGD(p, 0.1, 0.9, weight_decay=0.01),
            lambda o: optim.lr_scheduler.StepLR(o, 5, 0.5),
        ),
        (
            "optimizer adamw lr=0.02 weight_decay=0.1; clip 0.5; schedule onecycle",
            lambda p: optim.AdamW(p, 0.02, weight_decay=0.1),
            lambda o: optim.lr_scheduler.OneCycleLR(o, 0.02, STEPS, cycle_momentum=False),
        ),
    ],
    ids=["sgd", "adamw"],
)
def test_the_compiled_step(settings: str, make: Callable[..., Any], schedule: Callable[..., Any]) -> None:
    """Everything together as training compiles it: loss, gradient, clipping, decay, schedule."""
    ours = ns.compile(spec(settings), "cpu")
    trainer = Trainer(ours, steps_per_epoch=5, epochs=2, seed=4)
    reference, data, state = twin(), examples(), trainer.start()
    start = trainer.variables(state)
    load_weights(reference, start)
    optimizer = make(reference.parameters())
    rates = schedule(optimizer)
    placed = trainer.place(data)
    for step, chosen in enumerate(batches()):
        assert trainer.rate(step) == pytest.approx(rates.get_last_lr()[0], rel=TOLERANCE)
        state, measured = trainer.step(state, placed, chosen)
        expected = backward(reference, data, chosen)
        nn.utils.clip_grad_norm_(reference.parameters(), 0.5)
        optimizer.step()
        rates.step()
        assert_agree(measured[0], expected, f"loss of step {step}", LOOSE)
        way = movement(parameters(reference), start.params)
        moved = movement(trainer.variables(state).params, start.params)
        assert_trees_agree(moved, way, f"step {step}: movement", LOOSE)


# --- schedules ----------------------------------------------------------------------------------------------------

EPOCHS, PER_EPOCH, LR = 5, 8, 0.2
TOTAL = EPOCHS * PER_EPOCH
sched = torch.optim.lr_scheduler


def after(warm: int, factor: Callable[[int, int], float]) -> Callable[[Any], Any]:
    """Return the schedule that rises from 0 over `warm` steps; then it is `factor(step, steps left in all)`."""
    return lambda o: sched.LambdaLR(o, lambda t: t / warm if t < warm else factor(t - warm, TOTAL - warm))


SHAPES = [
    Rule("constant", lambda o: sched.ConstantLR(o, 1.0)),
    Rule("step 2", lambda o: sched.StepLR(o, 2 * PER_EPOCH, 0.1)),
    Rule("step 1.5 factor=0.5", lambda o: sched.StepLR(o, 12, 0.5)),
    Rule('multistep "1 2.5 4"', lambda o: sched.MultiStepLR(o, [8, 20, 32], 0.1)),
    Rule('multistep "2" factor=0.5 warmup=1', after(8, lambda t, n: 0.5 ** (t >= 16))),
    Rule("polynomial", lambda o: sched.PolynomialLR(o, TOTAL)),
    Rule("polynomial 4", lambda o: sched.PolynomialLR(o, TOTAL, 4.0)),
    Rule("polynomial 0.5 warmup=1", after(8, lambda t, n: (1 - t / n) ** 0.5)),
    Rule("inverse 0.8 power=0.75", lambda o: sched.LambdaLR(o, lambda t: (1 + 0.1 * t) ** -0.75)),
    Rule("exponential", lambda o: sched.ExponentialLR(o, 0.9 ** (1 / PER_EPOCH))),
    Rule("exponential 0.5", lambda o: sched.ExponentialLR(o, 0.5 ** (1 / PER_EPOCH))),
    Rule("linear", lambda o: sched.LinearLR(o, 1.0, 0.0, TOTAL)),
    Rule("linear end=0.25", lambda o: sched.LinearLR(o, 1.0, 0.25, TOTAL)),
    Rule("cosine", lambda o: sched.CosineAnnealingLR(o, TOTAL)),
    Rule("cosine end=0.1", lambda o: sched.CosineAnnealingLR(o, TOTAL, eta_min=0.1 * LR)),
    Rule("onecycle", lambda o: sched.OneCycleLR(o, LR, TOTAL)),
    Rule(
        "onecycle rise=0.45 start=0.1 end=0.01",
        lambda o: sched.OneCycleLR(o, LR, TOTAL, pct_start=0.45, div_factor=10, final_div_factor=10),
    ),
    Rule("onecycle rise=0.01", lambda o: sched.OneCycleLR(o, LR, TOTAL, pct_start=0.01)),
    Rule("onecycle rise=0", lambda o: sched.OneCycleLR(o, LR, TOTAL, pct_start=0.0)),
    Rule("constant warmup=1", after(8, lambda t, n: 1.0)),
    Rule("step 1 factor=0.5 warmup=0.5", after(4, lambda t, n: 0.5 ** (t // 8))),
    Rule("exponential 0.5 warmup=1", after(8, lambda t, n: 0.5 ** (t / 8))),
    Rule("linear warmup=1", after(8, lambda t, n: 1 - t / n)),
    Rule("cosine end=0.1 warmup=2", after(16, lambda t, n: 0.1 + 0.9 * (1 + cos(pi * t / n)) / 2)),
    Rule("cosine warmup=0.3", after(2, lambda t, n: (1 + cos(pi * t / n)) / 2)),
]


@pytest.mark.parametrize("shape", marked(SHAPES))
def test_schedule(shape: Rule) -> None:
    rate = learning_rate(recipe(f"optimizer sgd lr={LR}; schedule {shape.line}"), PER_EPOCH, EPOCHS)
    ours = np.broadcast_to(np.asarray(rate(jnp.arange(TOTAL))), TOTAL)
    # OneCycleLR also moves the momentum, which netspec does not: it is given one to move, and only rates are compared.
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], LR, 0.9)
    schedule, theirs = shape.make(optimizer), []
    for _ in range(TOTAL):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(theirs) < TOTAL:
            schedule.step()
    assert_agree(ours, theirs, "learning rates")
    for step in (0, 1, TOTAL - 1):
        assert float(rate(step)) == pytest.approx(ours[step], rel=1e-6), "one step alone"


@pytest.mark.parametrize(
    ("line", "step", "expected"),
    [
        ("exponential 0.9999999", 8 * 10**6, 0.9999999 ** (10**6)),
        ("exponential 1.0000001", 8 * 10**6, 1.0000001 ** (10**6)),
        # Floats of so many steps lie four apart.
        ("step 100 factor=0.5", 80_000_799, 0.5**100_000),
        ("step 5000000 factor=0.5", 39_999_999, 1.0),
        ("step 5000000 factor=0.5", 40_000_000, 0.5),
        ("step 93368855", 2**31 - 2, 0.1**2),
        ("step 1e30", 2**31 - 2, 1.0),
        ("constant warmup=1e30", 2**30, 2**30 / (2**31 - 8)),
    ],
)
def test_schedules_of_many_steps(line: str, step: int, expected: float) -> None:
    rate = learning_rate(recipe(f"optimizer sgd lr=1; schedule {line}"), PER_EPOCH, 2**28 - 1)
    assert float(rate(jnp.int32(step))) == pytest.approx(expected, rel=1e-4, abs=1e-37)


def test_every_schedule_is_compared() -> None:
    missing = set(SCHEDULES.names) - {shape.name for shape in SHAPES}
    assert not missing, f"no parity case for {sorted(missing)}: add one to SHAPES in {__name__}.py"


# --- clipping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "norm", "value"),
    [
        ("clip 0.1", 0.1, None),
        ("clip 100", 100.0, None),
        ("clip value=0.05", None, 0.05),
        # Values are cut first, and the norm of what is left is what is limited.
        ("clip 0.1 value=0.05", 0.1, 0.05),
    ],
)
def test_clipping(line: str, norm: float | None, value: float | None, model: ns.Model) -> None:
    variables, reference, data = model.init(5), twin(), examples()
    load_weights(reference, variables)
    # With a rate of 1, plain SGD moves by the clipped gradient.
    chain = transformation(recipe(f"optimizer sgd lr=1; {line}"), 5, 2)
    _, grads = model.backward(variables, data.images, data.labels)
    changes, _ = chain.update(grads, chain.init(variables.params), variables.params, 0)
    backward(reference, data, np.arange(40))
    if value is not None:
        nn.utils.clip_grad_value_(reference.parameters(), value)
    if norm is not None:
        nn.utils.clip_grad_norm_(reference.parameters(), norm)
    assert_trees_agree(jax.tree.map(jnp.negative, changes), gradients(reference), "clipped gradient")


@pytest.mark.parametrize("size", [1e-25, 1.0, 7e20, 3e38])
@pytest.mark.parametrize("most", [1e-30, 0.5])
def test_clipping_of_what_has_no_square(size: float, most: float) -> None:
    chain = transformation(recipe(f"optimizer sgd lr=1; clip {most}"), 5, 2)
    grads = {"a": jnp.asarray([size, 0]), "b": jnp.asarray([[-size], [size]])}
    changes, _ = jax.jit(chain.update)(grads, chain.init(grads), grads, 0)
    length = np.sqrt(3) * size
    for name, g in grads.items():
        expected = -np.asarray(g, np.float64) * min(1.0, most / length)
        np.testing.assert_allclose(np.asarray(changes[name], np.float64), expected, rtol=1e-5)
