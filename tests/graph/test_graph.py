"""Network → Graph: shapes, parameters and FLOPs computed by hand, the trail, and mistakes that stay silent."""

from __future__ import annotations

import pytest

import netspec as ns
from netspec import ops
from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Source, SpecError
from netspec.graph.graph import Graph
from netspec.graph.trace import MAX_PARAMETERS
from netspec.ir.network import Network, Node
from netspec.layers.conv import Conv
from netspec.layers.dense import Dense
from netspec.layers.pool import Pool
from netspec.ops import ShapeError
from netspec.passes import Mode, optimize
from netspec.recipe.initializers import Normal, Ones, XavierUniform, Zeros
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from netspec.system.resources import specs_folder


def graph(text: str) -> Graph:
    return ns.parse(text).graph()


def shape(text: str) -> ops.Shape:
    g = graph(text)
    return g.shape(g.output)


def problems(text: str) -> list[tuple[str, int]]:
    return [(d.code, d.span.line if d.span else 0) for d in analyze(Source("t.net", text)).diagnostics]


# --- LeNet by hand -----------------------------------------------------------------------------------------------


LENET = "input 1x28x28\nconv 20 5x5 relu; pool 2\nconv 50 5x5 relu; pool 2\nfc 10 softmax"


def test_lenet() -> None:
    net = ns.parse(LENET)
    g = net.graph()
    rows = {c.name: (c.shape, c.parameters, c.flops, c.bytes) for c in g.costs(net)}
    conv1 = 20 * 24 * 24
    conv2 = 50 * 8 * 8
    assert rows == {
        # 2 FLOPs a tap, then one for the bias and one for relu; three values are kept.
        "conv_1": ((20, 24, 24), 20 * 25 + 20, conv1 * (2 * 25 + 1 + 1), 4 * 3 * conv1),
        "pool_1": ((20, 12, 12), 0, 20 * 12 * 12 * 4, 4 * 20 * 12 * 12),
        "conv_2": ((50, 8, 8), 50 * 20 * 25 + 50, conv2 * (2 * 500 + 2), 4 * 3 * conv2),
        "pool_2": ((50, 4, 4), 0, 50 * 4 * 4 * 4, 4 * 50 * 4 * 4),
        # flatten costs nothing, but is a value of its own.
        "fc_1": ((10,), 10 * 800 + 10, 2 * 8000 + 10 + 10, 4 * (800 + 30)),
    }
    assert g.parameter_count == 520 + 25_050 + 8_010 == 33_580
    assert g.flops == sum(r[2] for r in rows.values()) == 3_836_180
    assert g.activation_bytes == 4 * 784 + sum(r[3] for r in rows.values())
    assert g.loss == CrossEntropy()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("paddle_softmax", 7_850),
        ("paddle_mlp", 784 * 200 + 200 + 200 * 200 + 200 + 2010),
        ("paddle_lenet", 33_580 + 2 * 20 + 2 * 50),
        ("gluon_mlp", 784 * 128 + 128 + 128 * 64 + 64 + 650),
        ("gluon_lenet", 520 + 25_050 + 800 * 500 + 500 + 5010),
        ("blocks_mlp", 784 * 100 + 100 + 1010),
        ("lasagne_cnn", 832 + 32 * 32 * 25 + 32 + 512 * 256 + 256 + 2570),
        ("torch_cnn", 50 + 460 + 1820 + 7240 + 2 * (10 + 20 + 40) + 1960 * 200 + 200 + 200 * 500 + 500 + 5010),
    ],
)
def test_parameters_of_the_tutorials(name: str, count: int) -> None:
    assert ns.load(specs_folder() / "tutorials" / f"{name}.net").graph().parameter_count == count


# --- shapes by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "given", "expected"),
    [
        ("conv 4 3", "1x8x9", (4, 6, 7)),
        ("conv 4 3x5", "1x8x9", (4, 6, 5)),
        ("conv 4 3 stride=2", "1x8x9", (4, 3, 4)),
        ("conv 4 3 stride=2x3", "1x8x9", (4, 3, 3)),
        ("conv 4 3 pad=1", "1x8x9", (4, 8, 9)),
        ("conv 4 3 pad=2x0", "1x8x9", (4, 10, 7)),
        ("conv 4 3 same", "1x8x9", (4, 8, 9)),
        ("conv 4 4 same", "1x8x9", (4, 8, 9)),
        ("conv 4 3 same stride=2", "1x8x9", (4, 4, 5)),
        ("conv 4 1 same stride=3", "1x8x9", (4, 3, 3)),
        ("conv 4 3 dilation=2", "1x8x9", (4, 4, 5)),
        ("conv 4 3 same dilation=3", "1x8x9", (4, 8, 9)),
        ("conv 4 3 dilation=3x1 stride=2", "1x8x9", (4, 1, 4)),
        ("conv 6 3 groups=3", "3x8x9", (6, 6, 7)),
        ("conv 4 8x9", "1x8x9", (4, 1, 1)),
        ("pool 2", "3x7x8", (3, 3, 4)),
        ("pool 2 ceil", "3x7x8", (3, 4, 4)),
        ("pool 3 stride=2", "3x7x8", (3, 3, 3)),
        ("pool 3 stride=2 ceil", "3x7x8", (3, 3, 4)),
        ("pool 2x3 stride=1", "3x7x8", (3, 6, 6)),
        ("pool 3 stride=1 same", "3x7x8", (3, 7, 8)),
        ("pool 3 stride=2 pad=1", "3x7x8", (3, 4, 4)),
        # The last window must begin inside the input or its left padding, as in PyTorch.
        ("pool 1 stride=3 ceil", "3x7x8", (3, 3, 3)),
        ("pool 2 stride=3 pad=1 ceil", "3x7x8", (3, 3, 3)),
        ("avgpool 2 ceil", "3x7x8", (3, 4, 4)),
        ("avgpool 3 stride=2 same", "3x7x8", (3, 4, 4)),
        ("globalpool", "3x7x8", (3,)),
        ("flatten", "3x7x8", (168,)),
        ("flatten", "168", (168,)),
        ("fc 5", "3x7x8", (5,)),
        ("fc 5", "168", (5,)),
        ("batchnorm", "3x7x8", (3, 7, 8)),
        ("dropout 0.5", "3x7x8", (3, 7, 8)),
        ("tanh", "3x7x8", (3, 7, 8)),
    ],
)
def test_shape(line: str, given: str, expected: ops.Shape) -> None:
    assert shape(f"input {given}\n{line}\ntrain {{ loss mse }}") == expected


@pytest.mark.parametrize(
    ("line", "given", "parameters", "flops"),
    [
        ("conv 4 3", "2x8x8", 4 * 2 * 9 + 4, 144 * (2 * 18 + 1)),
        ("conv 4 3 nobias", "2x8x8", 4 * 2 * 9, 144 * 36),
        ("conv 4 3x5 stride=2 nobias", "2x8x8", 4 * 2 * 15, 4 * 3 * 2 * 60),
        ("conv 4 3 groups=2 nobias", "2x8x8", 4 * 1 * 9, 144 * 18),
        ("conv 4 3 dilation=2 nobias", "2x8x8", 4 * 2 * 9, 4 * 16 * 36),
        ("fc 5", "3x2x2", 5 * 12 + 5, 2 * 60 + 5),
        ("fc 5 nobias tanh", "12", 60, 120 + 5),
        ("batchnorm", "3x4x4", 6, 4 * 48),
        ("pool 2", "3x4x4", 0, 12 * 4),
        ("avgpool 3 stride=1", "3x4x4", 0, 12 * 9),
        ("globalpool", "3x4x4", 0, 48),
        ("globalpool max", "3x9", 0, 27),
        ("residual { relu }", "3x4x4", 0, 48 + 48),
        ("branch { relu } { relu } { relu } multiply", "3x4x4", 0, 3 * 48 + 2 * 48),
        ("deconv 2 3 stride=2 nobias", "3x4x4", 3 * 2 * 9, 2 * 16 * 3 * 2 * 9),
        ("deconv 2 3 stride=2 output_pad=1 nobias", "3x4x4", 3 * 2 * 9, 2 * 16 * 3 * 2 * 9),
        ("dropout 0.5", "12", 0, 0),
        ("flatten", "3x4x4", 0, 0),
        ("relu", "3x4x4", 0, 48),
    ],
)
def test_parameters_and_flops(line: str, given: str, parameters: int, flops: int) -> None:
    g = graph(f"input {given}\n{line}\ntrain {{ loss mse }}")
    assert (g.parameter_count, g.flops) == (parameters, flops)


def test_same_padding_puts_the_odd_zero_last() -> None:
    assert ops.same_padding((8, 9), (4, 3), (1, 2), (1, 1)) == ((1, 2), (1, 1))
    assert ops.same_padding((8, 8), (1, 1), (2, 2), (1, 1)) == ((0, 0), (0, 0))
    assert ops.same_padding((8, 8), (3, 3), (1, 1), (2, 3)) == ((2, 2), (3, 3))


def test_reshape_keeps_the_number_of_values() -> None:
    assert ops.Reshape((6,)).shape((1, 2, 3)) == (6,)
    with pytest.raises(ShapeError) as caught:
        ops.Reshape((7,)).shape((1, 2, 3))
    assert caught.value.code == "E0303"
    assert caught.value.message == "1x2x3 has 6 values, 7 has 7"


# --- parameters --------------------------------------------------------------------------------------------------


def test_parameters_know_role_fans_and_initializer() -> None:
    g = graph("input 4x8x8\ninit normal(0.1) bias=ones\nconv 6 3 groups=2 as c; batchnorm as b; fc 5 init=xavier as f")
    c, bias, f = (g.parameters[p] for p in ("c/kernel", "c/bias", "f/kernel"))
    assert (c.shape, c.role, c.fans, c.init) == ((6, 2, 3, 3), "kernel", (18, 54), Normal(std=0.1))
    assert (bias.shape, bias.role, bias.init) == ((6,), "bias", Ones())
    assert (f.shape, f.fans, f.init) == ((5, 216), (216, 5), XavierUniform())
    assert [(p.path, p.role, p.trainable, p.init) for p in g.parameters.values() if p.path.startswith("b/")] == [
        ("b/scale", "scale", True, Ones()),
        ("b/offset", "bias", True, Zeros()),
        ("b/mean", "state", False, Zeros()),
        ("b/variance", "state", False, Ones()),
    ]


def test_state_is_not_counted() -> None:
    assert graph("input 4\nbatchnorm").parameter_count == 8


def test_too_many_parameters_are_refused_without_allocating_anything() -> None:
    assert problems("input 1000000\nfc 1000000") == [("E0307", 2)]
    assert problems("input 1000000000\nfc 1000000000") == [("E0307", 2)]
    assert problems(f"input 1000\nfc {MAX_PARAMETERS // 1001}") == []
    assert problems(f"input 1000\nfc {MAX_PARAMETERS // 1001 + 1}") == [("E0307", 2)]
    assert problems("input 50000\n" + "fc 50000\n" * 3) == [("E0307", 3)]


def test_too_many_values_are_refused() -> None:
    assert problems("input 1x60000x60000\nconv 2 1 nobias") == [("E0307", 2)]
    assert problems("input 1x9x9\nconv 1 1 pad=1000000000 nobias") == [("E0307", 2)]


def test_an_input_too_large_is_refused() -> None:
    assert problems("input 1x1000000000x1000000000\nglobalpool\nfc 10")


# --- loss and logits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "loss", "fused"),
    [
        ("fc 3 softmax", CrossEntropy(), True),
        ("fc 3; softmax", CrossEntropy(), True),
        ("fc 3 sigmoid", BinaryCrossEntropy(), True),
        ("fc 3", MeanSquaredError(), False),
        ("fc 3 relu", MeanSquaredError(), False),
        ("conv 3 3; globalpool; softmax", CrossEntropy(), True),
        ("fc 3\ntrain { loss cross_entropy }", CrossEntropy(), False),
        ("fc 3 softmax\ntrain { loss mse }", MeanSquaredError(), False),
    ],
)
def test_the_loss_follows_from_the_last_layer(end: str, loss: object, fused: bool) -> None:
    g = graph(f"input 1x8x8\n{end}")
    assert g.loss == loss
    assert g.logits == g.output
    optimized = optimize(g, Mode.TRAINING)
    assert optimized.logits == (g.output - 1 if fused else g.output)
    assert optimized.output == g.output


def test_a_stated_loss_must_fit() -> None:
    assert problems("input 4\nfc 3 sigmoid\ntrain { loss cross_entropy }") == [("E0402", 2)]
    assert problems("input 4\nfc 3 softmax\ntrain { loss bce }") == [("E0402", 2)]
    assert problems("input 1x8x8\nconv 3 3 softmax") == [("E0305", 2)]


# --- mistakes ----------------------------------------------------------------------------------------------------


def trail(text: str) -> str:
    (problem,) = analyze(Source("t.net", text)).diagnostics
    (note,) = problem.notes
    return note


def test_trail() -> None:
    text = "input 1x12x12\nconv 20 5x5 relu; pool 2\nconv 50   5x5 relu # x\nfc 10"
    assert trail(text) == ("trail: input 1x12x12 → conv 20 5x5 relu → 20x8x8 → pool 2 → 20x4x4 → conv 50 5x5 relu")


def test_a_long_trail_shows_its_end() -> None:
    found = trail("input 1x64x64\n" + "pool 2\n" * 7 + "fc 3")
    assert found.startswith("trail: … → ")
    assert found.endswith("→ 1x2x2 → pool 2 → 1x1x1 → pool 2")


def test_what_depends_on_a_failed_node_stays_silent() -> None:
    assert problems("input 1x8x8\nconv 4 9\nconv 4 9\npool 99\nfc 10") == [("E0301", 2)]
    assert problems("input 1x8x8\nquux\nconv 4 9\nfc 10 softmax\ndata mnist") == [("E0201", 2)]


def test_mistakes_before_and_after_elaboration_come_together() -> None:
    assert problems("input 3x8x8\nconv 4 9\nfc 10\ndata mnits\ntrain { epochs 0 }") == [
        ("E0301", 2),
        ("E0401", 4),
        ("E0207", 5),
    ]


@pytest.mark.parametrize(
    ("text", "code", "fix"),
    [
        ("input 1x4x4\nconv 4 5", "E0301", "kernel of 4x4 or smaller"),
        ("input 1x4x4\nconv 4 5", "E0301", "pad=1"),
        ("input 1x4x4\nconv 4 9 pad=1", "E0301", "pad=3"),
        ("input 1x4x4\npool 5", "E0301", "window of 4x4 or smaller"),
        ("input 4\nconv 4 3", "E0302", "`reshape 1x2x2` before it"),
        ("input 3x4x4\nconv 4 3 groups=2", "E0309", "divides 3 and 4"),
        ("input 3x4x4\nflatten positions; conv 4 17", "E0301", "kernel of 16 or smaller"),
        ("input 3x4x4\nflatten positions; conv 4 2x3", "E0309", "write kernel=3"),
        ("input 3x4x4\nflatten positions; conv 4 3 pad=2x1", "E0309", "write pad=1"),
        ("input 3x4x4\nflatten positions; pool 2 stride=3x2", "E0309", "write stride=2"),
        ("input 3x4x4\nflatten positions; pixelshuffle 2", "E0302", "`reshape`"),
        ("input 16\ninstancenorm", "E0302", "`reshape 1x4x4` before it"),
        ("input 16\nupsample 2", "E0302", "`reshape 1x4x4` before it"),
        ("input 3x4x4\ndeconv 4 3 groups=2", "E0309", "divides 3 and 4"),
        ("input 3x4x4\ndeconv 4 3 stride=2 output_pad=2", "E0309", "smaller than the stride"),
        ("input 3x2x2\ndeconv 4 2 pad=2", "E0309", "smaller `pad`"),
        ("input 3x4x4\ngroupnorm 2", "E0309", "divides 3"),
        ("input 4\ngroupnorm 4", "E0309", "fewer groups"),
        ("input 1x4x4\nlayernorm", "E0309", "`layernorm all`"),
        ("input 3x4x4\npad 4 reflect", "E0309", "less than 4x4"),
        ("input 3x4x4\ncrop 5", "E0309", "smaller size"),
        ("input 3x4x4\ncrop 3 offset=2", "E0309", "smaller size"),
        ("input 3x4x4\npixelshuffle 2", "E0309", "that 4 divides"),
        ("input 3x5x4\npixelunshuffle 2", "E0309", "that 2 divides"),
        ("input 3x4x4\npermute 2x1", "E0309", "the numbers 0 to 2"),
        ("input 3x4x4\npermute 2x1x3", "E0309", "the numbers 0 to 2"),
        ("input 3x4x4\nconv 3 3 glu", "E0309", "an even number"),
        ("input 3x4x4\nreshape 4x4x4", "E0303", "a shape of 48 values"),
    ],
)
def test_the_fix_is_one(text: str, code: str, fix: str) -> None:
    (problem,) = analyze(Source("t.net", text)).diagnostics
    assert problem.code == code
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("conv 4 5", "conv 4 4"),
        ("conv 4 5", "conv 4 5 pad=1"),
        ("conv 4 9 pad=1", "conv 4 9 pad=3"),
        ("pool 5", "pool 4"),
    ],
)
def test_the_fix_helps(before: str, after: str) -> None:
    assert [code for code, _ in problems(f"input 1x4x4\n{before}")] == ["E0301"]
    assert problems(f"input 1x4x4\n{after}") == []


def test_without_a_text_the_node_is_named() -> None:
    layers = [("a", Conv(filters=4, kernel=3)), ("b", Pool(kernel=9)), ("c", Dense(units=3))]
    wired = zip(("input", "a", "b"), layers, strict=True)
    net = Network(input=(1, 8, 8), nodes=tuple(Node(name=n, layer=y, inputs=(i,)) for i, (n, y) in wired))
    with pytest.raises(SpecError) as caught:
        net.graph()
    (problem,) = caught.value.diagnostics
    assert problem.message == "b: the 9x9 window is larger than its input"
    assert problem.notes == ("trail: input 1x8x8 → conv 4 3 → 4x6x6 → pool 9",)


def test_tracing_is_a_pure_function() -> None:
    net = ns.load(specs_folder() / "lenet.net")
    assert net.graph() == net.graph()


@pytest.mark.parametrize(
    ("text", "shape", "flops"),
    [
        # 3 channels of 16 positions: 4 kernels of 3 channels x 5, at 12 places, and a bias for each output.
        ("flatten positions; conv 4 5", (4, 12), 2 * 4 * 12 * 3 * 5 + 4 * 12),
        # Each of 16 inputs of 3 channels meets a kernel of 8 x 3 x 3.
        ("deconv 8 3 stride=2 nobias", (8, 9, 9), 2 * 16 * 3 * 8 * 9),
        ("deconv 8 3 stride=3 pad=1 output_pad=2 dilation=2 nobias", (8, 14, 14), 2 * 16 * 3 * 8 * 9),
        ("depthwise 3 multiplier=2 nobias", (6, 2, 2), 2 * 6 * 4 * 9),
        ("upsample 2x3", (3, 8, 12), 0),
        ("upsample 2 bilinear", (3, 8, 8), 6 * 3 * 64),
        ("pad 1 channels=2; crop 3; permute 1x2x0; reshape 45", (45,), 0),
        ("pixelunshuffle 2; pixelshuffle 2; noise 0.1", (3, 4, 4), 0),
        ("scale bias", (3, 4, 4), 2 * 48),
        ("layernorm", (3, 4, 4), 7 * 48),
        ("groupnorm 3 noaffine", (3, 4, 4), 5 * 48),
    ],
)
def test_shapes_and_flops(text: str, shape: tuple[int, ...], flops: int) -> None:
    graph = ns.parse(f"input 3x4x4\n{text}\ntrain {{ loss mse }}").graph()
    assert graph.shape(graph.output) == shape
    assert graph.flops == flops
