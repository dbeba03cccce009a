"""Losses that compare outputs with nothing, `triplet` and `kl`: their data needs no targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from cli.command_line import cli

import netspec as ns
from netspec.diagnostics.diagnostic import DataError

TRIPLET = """input 4 as anchor
input 4 as same
input 4 as other
from anchor; fc 2 as a
from same; fc 2 share=a as b
from other; fc 2 share=a as c
concat a b
train { loss triplet; epochs 2; batch 8 }
"""
KL = "input 4\nfc 6\ntrain { loss kl; epochs 2; batch 8 }\n"
NAMES = ("anchor", "same", "other")


def rows(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def arrays(names: tuple[str, ...]) -> dict[str, Any]:
    parts = (("train", 24), ("test", 9))
    return {f"{name}_{part}": rows(count, at) for at, name in enumerate(names) for part, count in parts}


@pytest.mark.parametrize(("spec", "names"), [(KL, ("x",)), (TRIPLET, NAMES)], ids=["kl", "triplet"])
def test_arrays_need_no_targets_and_lead_to_the_same_weights(spec: str, names: tuple[str, ...], tmp_path: Path) -> None:
    alone = arrays(names)
    np.savez(tmp_path / "alone.npz", **alone)
    net = ns.parse(spec)
    of_file, in_memory, whatever = (
        ns.fit(net, data=data, out=tmp_path / out)
        for out, data in {
            "file": tmp_path / "alone.npz",
            "memory": alone,
            "whatever": {**alone, "y_train": np.arange(24), "y_test": np.arange(9)},
        }.items()
    )
    for other in (in_memory, whatever):
        jax.tree.map(np.testing.assert_array_equal, of_file.variables, other.variables)
    facts = [ns.open(tmp_path / out).training["data_sha256"] for out in ("file", "memory", "whatever")]
    assert len(set(facts)) == 1
    assert ns.open(tmp_path / "file").evaluate().loss == pytest.approx(of_file.test_loss)
    (tmp_path / "my.net").write_text(f'data "alone.npz"\n{spec}')
    assert cli(tmp_path, "check", "my.net").returncode == 0


def test_of_one_array_the_test_part_is_drawn() -> None:
    assert np.isfinite(ns.fit(ns.parse(KL), data=rows(30, 0)).test_loss)
    again = ns.parse('input 4\nfc 3 relu\nfc 4\ndata "x.npz" { target input }\ntrain { epochs 1; batch 8 }\n')
    assert np.isfinite(ns.fit(again, data=rows(30, 0)).test_loss)
    with pytest.raises(DataError, match="data cannot be a ndarray"):
        ns.fit(ns.parse("input 4\nfc 3 softmax\n"), data=rows(30, 0))


def test_columns_of_a_table_are_a_triplet(tmp_path: Path) -> None:
    lines = [",".join(f"{value:.3f}" for value in row) for row in np.hstack([rows(30, 0), rows(30, 1)])]
    (tmp_path / "rows.csv").write_text("\n".join(["a0,a1,s0,s1,o0,o1,p,q", *lines]))
    spec = TRIPLET.replace("input 4 as anchor", "input a0 a1 as anchor").replace(
        "input 4 as same", "input s0 s1 as same"
    )
    spec = spec.replace("input 4 as other", "input o0 o1 as other")
    (tmp_path / "my.net").write_text(f'data "rows.csv" {{ target input; test 20% }}\n{spec}')
    assert cli(tmp_path, "check", "my.net").returncode == 0
    result = ns.fit(ns.load(tmp_path / "my.net"), out=tmp_path / "run")
    assert ns.open(tmp_path / "run").evaluate().loss == pytest.approx(result.test_loss)
    (tmp_path / "my.net").write_text(f'data "rows.csv" {{ test 20% }}\n{spec}')
    assert "`target input` if none is" in cli(tmp_path, "check", "my.net").stdout


def test_any_dataset_will_do_whatever_its_classes() -> None:
    net = ns.parse("input 1x8x8\nfc 6\ndata digits\ntrain { loss triplet; epochs 1; batch 256 }\n")
    assert np.isfinite(ns.fit(net).test_loss)


def test_a_program_may_leave_targets_out() -> None:
    x = rows(5, 0)
    model = ns.compile(ns.parse(KL))
    variables = model.init(0)
    loss, grads = model.backward(variables, x)
    given, same = model.backward(variables, x, np.arange(5))
    assert loss == given == model.loss(variables, x)
    jax.tree.map(np.testing.assert_array_equal, grads, same)
    again = ns.compile(ns.parse('input 4\nfc 4\ndata "x.npz" { target input }\n'))
    variables = again.init(0)
    assert again.loss(variables, x) == again.loss(variables, x, x)
    classes = ns.compile(ns.parse("input 4\nfc 3 softmax\n"))
    with pytest.raises(DataError, match="y is missing"):
        classes.backward(classes.init(0), x)
