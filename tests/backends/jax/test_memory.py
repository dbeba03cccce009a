"""The estimates of memory, beside what XLA says of the compiled step, and budgets that use them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.inputs.augment import augmented
from netspec.backends.jax.train.optimizers import transformation
from netspec.backends.jax.train.step import Trainer
from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Source
from netspec.graph.memory import inference_bytes, training_bytes
from netspec.recipe.optimizers import OPTIMIZERS

NETS = {
    "lenet": "input 1x28x28\nconv 20 5x5 relu; pool 2; batchnorm; conv 50 5x5 relu; pool 2; batchnorm; fc 10 softmax",
    "mlp": "input 784\nfc 512 relu; fc 512 relu; fc 10 softmax",
    "plain": "input 3x32x32\nrepeat 6 { conv 16 3x3 pad=same nobias; batchnorm relu }\nglobalpool; fc 10 softmax",
    "residual": "input 3x32x32\ninclude blocks\nconv 16 3x3 pad=same\nrepeat 3 { residual_block 16 }\n"
    "globalpool; fc 10 softmax",
    "vgg": "input 3x32x32\nconv 64 3x3 pad=same relu; conv 64 3x3 pad=same relu; pool 2\n"
    "conv 128 3x3 pad=same relu; pool 2; fc 256 relu; fc 10 softmax",
}


def train_account(net: ns.Network) -> int:
    """Return the bytes of a step as XLA has them: arguments, results that are not in their place, and scratch."""
    model = ns.compile(net, "cpu")
    trainer = Trainer(model, steps_per_epoch=10, epochs=1, seed=0)
    batch = net.recipe.batch
    images = jnp.zeros((batch, *net.input), jnp.float32)
    step = trainer._step.lower(trainer.start(), images, jnp.zeros(batch, jnp.int32), np.arange(batch, dtype=np.int32))
    return account(step.compile().memory_analysis())


def account(found: Any) -> int:
    arguments, results = found.argument_size_in_bytes, found.output_size_in_bytes
    return int(arguments + results - found.alias_size_in_bytes + found.temp_size_in_bytes)


@pytest.mark.parametrize("batch", [32, pytest.param(128, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NETS)
def test_training_is_within_a_factor_of_two_of_xla(name: str, batch: int) -> None:
    net = ns.parse(f"{NETS[name]}\ntrain {{ batch {batch} }}")
    assert 0.5 < training_bytes(net, net.graph()) / train_account(net) < 2


@pytest.mark.parametrize("name", NETS)
def test_inference_is_within_a_factor_of_two_of_xla(name: str) -> None:
    # The plain way: the workspace of faster ones is not counted, nor what convolution and pooling in one program save.
    plain = "compile { conv direct; layout channels_last; pool slices }"
    net = ns.parse(f"{NETS[name]}\ntrain {{ batch 64 }}\n{plain}")
    found = account(ns.compile(net, "cpu").lower(64).compile().memory_analysis())
    assert 0.5 < inference_bytes(net, net.graph()) / found < 2


@pytest.mark.parametrize("cls", OPTIMIZERS.entries, ids=lambda c: c.canonical())
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_an_optimizer_keeps_as_many_averages_as_it_says(cls: Any, momentum: float) -> None:
    given = {"momentum": momentum} if "momentum" in cls.model_fields else {}
    optimizer = cls(**given)
    net = ns.parse("input 4\nfc 3")
    recipe = net.recipe.model_copy(update={"optimizer": optimizer})
    weights = jnp.zeros(1000)
    state = transformation(recipe, 10, 1).init(weights)
    assert sum(leaf.size >= 1000 for leaf in jax.tree.leaves(state)) == optimizer.averages()


@pytest.mark.parametrize(
    "line",
    [
        "rotate=10",
        "elastic=1",
        "elastic=1 sigma=0.1",
        "elastic=1 sigma=1 rotate=5",
        "noise=0.1",
        "pad=2",
        "resized_crop",
        "randaugment=2",
    ],
)
def test_augmentation_is_within_a_factor_of_two_of_xla(line: str) -> None:
    net = ns.parse(f"data digits {{ augment {line} }}\nfc 10 softmax")
    how = net.data.augment if net.data else None
    assert how

    @jax.jit
    def changed(x: jax.Array, key: jax.Array) -> jax.Array:
        return augmented(x, how, key, jnp.arange(len(x)))

    found = changed.lower(jnp.zeros((64, 1, 8, 8), jnp.uint8), jax.random.key(0)).compile().memory_analysis()
    assert 0.5 < 64 * 4 * how.values((1, 8, 8)) / account(found) < 2
    assert training_bytes(net, net.graph()) >= 64 * 4 * how.values((1, 8, 8))


def test_a_batch_larger_than_the_set_takes_what_the_set_does() -> None:
    for held_out, batch in ((0, 1437), (437, 1000)):
        net, same = (
            ns.parse(f"data digits {{ validation {held_out} }}\nfc 10 softmax\ntrain {{ batch {n} }}")
            for n in (10_000_000, batch)
        )
        assert training_bytes(net, net.graph()) == training_bytes(same, same.graph())
        assert inference_bytes(net, net.graph()) == inference_bytes(same, same.graph())


def test_a_shared_value_lives_until_its_last_reader() -> None:
    # 100 values wait for the `add` while the way beside them grows to 1,000.
    net = ns.parse("input 100\nrelu as a; fc 1000; fc 100; add a; fc 1\ntrain { batch 1; loss mse }")
    weights = 4 * sum(p.size for p in net.graph().parameters.values())
    assert inference_bytes(net, net.graph()) - weights == 4 * (100 + 1000 + 100)


def codes(text: str) -> list[str]:
    return [d.code for d in analyze(Source("t.net", text)).diagnostics]


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        ("params < 7851", True),
        ("params < 7850", False),
        ("params <= 7850", True),
        ("params >= 7850", True),
        ("params > 7850", False),
        ("params < 8k", True),
        ("params < (784 * 10)", False),
        ("flops < 16k", True),
        ("flops < 15k", False),
        ("memory < 1GiB", True),
        ("memory < 100kB", False),
        ("inference_memory < 1MiB params < 10k", True),
        ("inference_memory < 1MiB params < 1k", False),
    ],
)
def test_budgets(budget: str, kept: bool) -> None:
    assert codes(f"input 784\nfc 10 softmax\nassert {budget}") == ([] if kept else ["E0501"])


def test_a_budget_is_checked_after_overrides() -> None:
    text = "let n = 10\ninput 784\nfc n relu; fc 10 softmax\nassert params < 10k"
    assert analyze(Source("t.net", text)).network
    assert [d.code for d in analyze(Source("t.net", text), lets={"n": "100"}).diagnostics] == ["E0501"]
    text += "\nassert memory < 1MiB"
    assert [d.code for d in analyze(Source("t.net", text), sets={"train.batch": "4096"}).diagnostics] == ["E0501"]


def test_a_budget_travels_with_the_network() -> None:
    net = ns.parse("input 4\nfc 3 softmax\nassert params < 1k flops < 1.5M")
    assert [(b.quantity, b.relation, b.limit) for b in net.budgets] == [
        ("params", "<", 1000),
        ("flops", "<", 1_500_000),
    ]
    assert ns.Network.model_validate_json(net.model_dump_json()) == net
