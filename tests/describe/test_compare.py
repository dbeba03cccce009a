"""Comparing networks: what is paired with what, what is said to differ, and what would carry over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compiler.test_property_networks import instances
from hypothesis import assume, given
from hypothesis import strategies as st

from netspec.compiler import analyze, require
from netspec.describe import align as alignment
from netspec.describe.align import align
from netspec.describe.diff import Comparison, LayerChange, Reshaped, Setting, compare
from netspec.diagnostics.diagnostic import Source, SpecError
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.recipe.losses import CrossEntropy
from netspec.schema.definition import parameters

HEAD = "input 8x12x12\n"
LAYERS = ("conv 8 3x3 pad=same", "conv 8 3x3 pad=same relu", "conv 8 1x1", "relu", "tanh", "batchnorm", "dropout 0.5")
SETTINGS = ("", "train { epochs 2 }", "train { optimizer sgd lr=0.1 }", "init he_normal", "train { clip 1.0 }")


def net(text: str, name: str = "n") -> tuple[Network, Graph]:
    return require(analyze(Source("n.net", HEAD + text), name=name))


def said(text: str) -> list[str]:
    """Compare the two halves of a text around `---`; say each layer as status, names before and after."""
    before, _, after = text.partition("---")
    found = compare(net(before), net(after))
    return [f"{c.status} {c.before.name if c.before else '-'} {c.after.name if c.after else '-'}" for c in found.layers]


@st.composite
def specs(draw: st.DrawFn) -> str:
    lines = draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=7))
    labels = draw(st.sets(st.integers(0, len(lines) - 1), max_size=2))
    rows = [line + (f" as l{i}" if i in labels else "") for i, line in enumerate(lines)]
    if labels and draw(st.booleans()):
        rows.append(f"add l{min(labels)}")
    return "\n".join([*rows, draw(st.sampled_from(SETTINGS))])


def mirrored(found: Comparison) -> Comparison:
    """What the comparison the other way round should say, but for the order of removed and added neighbors."""
    turned = {"added": "removed", "removed": "added"}
    w = found.weights
    return replace(
        found,
        layers=tuple(
            LayerChange(turned.get(c.status, c.status), c.after, c.before, flipped(c.arguments), c.rewired)
            for c in found.layers
        ),
        settings=flipped(found.settings),
        before=found.after,
        after=found.before,
        weights=replace(
            w,
            reshaped=tuple(Reshaped(r.path, r.after, r.before) for r in w.reshaped),
            renamed=tuple((b, a) for a, b in w.renamed),
            only_before=w.only_after,
            only_after=w.only_before,
        ),
    )


def flipped(settings: tuple[Setting, ...]) -> tuple[Setting, ...]:
    return tuple(Setting(s.path, s.after, s.before) for s in settings)


# --- properties ---------------------------------------------------------------------------------------------------


@given(specs())
def test_nothing_differs_from_itself(text: str) -> None:
    found = compare(net(text), net(text, name="other"))
    assert found.same
    assert {c.status for c in found.layers} == {"same"}
    assert found.before == found.after
    assert found.weights.parameters == found.weights.total == net(text)[1].parameter_count
    weights = found.weights
    assert not [*weights.reshaped, *weights.renamed, *weights.only_before, *weights.only_after]


@given(specs(), specs())
def test_what_is_the_same_is_equal(before: str, after: str) -> None:
    one, other = net(before), net(after)
    assert compare(one, other).same == (one[0] == other[0])


@given(specs(), specs())
def test_the_other_way_round_says_the_same(before: str, after: str) -> None:
    there, back = compare(net(before), net(after)), compare(net(after), net(before))
    other = mirrored(there)
    assert set(other.layers) == set(back.layers)
    assert (other.settings, other.before, other.after) == (back.settings, back.before, back.after)
    for key in ("carried", "reshaped", "renamed", "only_before", "only_after"):
        assert set(getattr(other.weights, key)) == set(getattr(back.weights, key))


@given(specs(), specs(), st.booleans())
def test_every_layer_is_there_once_and_in_order(before: str, after: str, by_name: bool) -> None:
    one, other = net(before)[0].nodes, net(after)[0].nodes
    with pytest.MonkeyPatch.context() as patch:
        if by_name:
            patch.setattr(alignment, "_MAX_CELLS", -1)
        pairs = align(one, other)
    assert [i for i, _ in pairs if i is not None] == list(range(len(one)))
    assert [j for _, j in pairs if j is not None] == list(range(len(other)))
    assert all(pair != (None, None) for pair in pairs)


@given(specs(), st.data())
def test_an_inserted_line_is_all_that_was_added(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines) - 2))
    longer = "\n".join([*lines[:at], "avgpool 3 stride=1 pad=same", *lines[at:]])
    found = compare(net(text), net(longer))
    assert [c.after.name for c in found.layers if c.status == "added" and c.after] == ["avgpool_1"]
    assert not [c for c in found.layers if c.status == "removed" or c.arguments]


# --- layers -------------------------------------------------------------------------------------------------------


def test_renumbered_layers_are_recognized() -> None:
    assert said("conv 4 3x3; relu; conv 6 3x3; relu\n---\nconv 2 1x1; relu; conv 4 3x3; relu; conv 6 3x3; relu") == [
        "added - conv_1",
        "added - relu_1",
        "affected conv_1 conv_2",
        "renamed relu_1 relu_2",
        "renamed conv_2 conv_3",
        "renamed relu_2 relu_3",
    ]


def test_a_label_holds_a_layer_that_became_another() -> None:
    assert said("relu; pool 2 as down; relu\n---\nrelu; conv 8 3x3 stride=2 as down; relu")[1] == "changed down down"
    assert said("relu; pool 2; relu\n---\nrelu; conv 8 3x3 stride=2; relu")[1:3] == [
        "removed pool_1 -",
        "added - conv_1",
    ]


def test_arguments_and_their_consequences() -> None:
    found = compare(net("conv 4 3x3 pad=same; relu; fc 10"), net("conv 6 3x3 pad=same init=he_normal; relu; fc 10"))
    conv, relu, fc = found.layers
    assert conv.arguments == (Setting("filters", "4", "6"), Setting("init", None, "he_normal"))
    assert (conv.status, relu.status, fc.status) == ("changed", "affected", "affected")
    assert relu.before is not None
    assert relu.after is not None
    assert (relu.before.shape, relu.after.shape) == ((4, 12, 12), (6, 12, 12))
    assert (found.before.parameters, found.after.parameters) == (292 + 5770, 438 + 8650)


def test_a_layer_that_reads_something_else_is_rewired() -> None:
    found = compare(
        net("relu as a; tanh as b; conv 8 3x3 pad=same; add a b"),
        net("relu as a; tanh as b; conv 8 3x3 pad=same; add b b"),
    )
    assert [(c.status, c.rewired) for c in found.layers] == [("same", False)] * 3 + [("changed", True)]
    assert not found.same


def test_large_networks_are_told_apart_by_name() -> None:
    lines = [f"conv 8 1x1 as a{i}" for i in range(1300)]
    found = compare(net("\n".join(["relu", *lines, "tanh"])), net("\n".join(["tanh", *lines[1:], "relu"])))
    assert [c.status for c in found.layers].count("same") == 1299
    assert len(found.layers) == 1299 + 5


# --- settings -----------------------------------------------------------------------------------------------------


def test_settings_one_by_one() -> None:
    found = compare(
        net("fc 10 softmax\ntrain { optimizer adam lr=0.01; batch 32 }\nassert params < 100k; assert params < 200k"),
        net("fc 10 softmax\ntrain { optimizer sgd lr=0.01 momentum=0.9; clip 1.0; loss mse }\ninit he_normal"),
    )
    told = {s.path: (s.before, s.after) for s in found.settings}
    assert told["init.kernel"] == ("xavier_uniform", "he_normal")
    assert told["init.kernel.magnitude"] == ("3.0", None)
    assert told["train.optimizer"] == ("adam", "sgd")
    assert told["train.optimizer.momentum"] == (None, "0.9")
    assert told["train.batch"] == ("32", "64")
    assert told["train.clip.norm"] == (None, "1.0")
    assert told["train.loss"] == ("cross_entropy", "mse")
    assert told["assert params <"] == ("100000, 200000", None)
    assert "train.optimizer.lr" not in told
    assert next(iter(told)) == "init.kernel"


def test_a_stated_loss_is_the_implied_one() -> None:
    assert compare(net("fc 10 softmax"), net("fc 10 softmax\ntrain { loss cross_entropy }")).same


def test_input_and_data() -> None:
    one = require(analyze(Source("a.net", "input 1x8x8\nfc 10 softmax\ndata digits")))
    other = require(analyze(Source("b.net", "input 1x9x9\nfc 10 softmax\ndata digits else mnist { scale -1..1 }")))
    assert compare(one, other).settings == (
        Setting("input", "1x8x8", "1x9x9"),
        Setting("data.fallback", None, "mnist"),
        Setting("data.scale.range", None, "-1.0..1.0"),
    )


def fits(network: Network) -> bool:
    try:
        network.graph()
    except SpecError:
        return False
    return True


@given(instances(Recipe), instances(Recipe), st.sampled_from([p.name for p in parameters(Recipe)]))
def test_every_setting_counts(recipe: Recipe, other: Recipe, name: str) -> None:
    loss = recipe.loss or CrossEntropy()
    base = net("fc 10")[0]
    before = base.model_copy(update={"recipe": recipe.model_copy(update={"loss": loss})})
    changed = before.recipe.model_copy(update={name: getattr(other, name) or getattr(before.recipe, name)})
    after = before.model_copy(update={"recipe": changed})
    # Some losses are of other outputs.
    assume(fits(before) and fits(after))
    found = compare((before, before.graph()), (after, after.graph()))
    assert found.same == (before.recipe == changed)
    assert {s.path.split(".")[1] for s in found.settings} <= {name}


# --- weights ------------------------------------------------------------------------------------------------------


def test_weights_that_carry_over() -> None:
    before = net("conv 4 3x3 as stem; batchnorm; pool 2; fc 20; fc 10 softmax as head")
    after = net("conv 4 3x3 as stem; batchnorm; pool 2; fc 7 as new; fc 20; fc 12 softmax as head")
    weights = compare(before, after).weights
    stem, norm = 8 * 4 * 9 + 4, 8
    assert weights.parameters == stem + norm + 20  # the bias of fc_1 too
    assert weights.total == after[1].parameter_count
    assert weights.carried == (
        *("stem/kernel", "stem/bias", "batchnorm_1/scale", "batchnorm_1/offset"),
        *("batchnorm_1/mean", "batchnorm_1/variance", "fc_1/bias"),
    )
    assert weights.reshaped == (
        Reshaped("fc_1/kernel", (20, 100), (20, 7)),
        Reshaped("head/kernel", (10, 20), (12, 20)),
        Reshaped("head/bias", (10,), (12,)),
    )
    assert (weights.only_before, weights.only_after) == ((), ("new/kernel", "new/bias"))


def test_weights_that_would_fit_under_another_name() -> None:
    weights = compare(net("conv 4 3x3"), net("relu; conv 4 3x3 as first")).weights
    assert weights.renamed == (("conv_1/kernel", "first/kernel"), ("conv_1/bias", "first/bias"))
    assert weights.parameters == 0
