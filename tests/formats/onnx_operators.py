"""Operators of ONNX for tests: their nodes, their input, their weights, their opset, and the spec that they become."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["OPERATORS", "Operator"]

_DRAWN = np.random.default_rng(0)
_IMAGE = "float[N, 4, 7, 8] x"


class Operator(NamedTuple):
    """Some nodes, and what they become."""

    body: str
    spec: str
    given: str = _IMAGE
    weights: dict[str, Any] = {}  # noqa: RUF012  # never changed
    opset: int = 17


def _normal(*shape: int) -> np.ndarray:
    return _DRAWN.normal(size=shape).astype(np.float32)


def _whole(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


OPERATORS = {
    # --- windows ---
    "asymmetric padding": Operator(
        "y = Conv <pads = [0, 1, 2, 0]> (x, w)",
        "input 4x7x8; pad 2x1; crop 9 offset=2x0; conv 5 3x3 nobias",
        weights={"w": _normal(5, 4, 3, 3)},
    ),
    "same, more after": Operator(
        'y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, w)',
        "input 4x7x8; conv 5 3x3 stride=2 pad=same nobias",
        weights={"w": _normal(5, 4, 3, 3)},
    ),
    "same, more before": Operator(
        'y = Conv <auto_pad = "SAME_LOWER", strides = [2, 2]> (x, w)',
        "input 4x7x8; pad 1x0; crop 8; conv 5 2x2 stride=2 nobias",
        weights={"w": _normal(5, 4, 2, 2)},
    ),
    "volumes": Operator(
        "c = Conv <strides = [1, 2, 1], pads = [1, 0, 1, 1, 0, 1]> (x, w)\n"
        "p = MaxPool <kernel_shape = [2, 2, 1], strides = [2, 2, 1]> (c)\n"
        "d = ConvTranspose <strides = [2, 2, 2]> (p, v)\nm = GlobalAveragePool (d)\ny = Flatten (m)",
        "input 4x5x7x6; conv 3 3x1x3 stride=1x2x1 pad=1x0x1 nobias; pool 2x2x1; deconv 2 2x2x2 stride=2 nobias; "
        "globalpool",
        given="float[N, 4, 5, 7, 6] x",
        weights={"w": _normal(3, 4, 3, 1, 3), "v": _normal(3, 2, 2, 2, 2)},
    ),
    "dilated groups": Operator(
        "y = Conv <dilations = [2, 1], group = 2, pads = [2, 1, 2, 1]> (x, w, b)",
        "input 4x7x8; conv 6 3x3 pad=2x1 dilation=2x1 groups=2",
        weights={"w": _normal(6, 2, 3, 3), "b": _normal(6)},
    ),
    "a bias behind": Operator(
        "c = Conv (x, w)\ny = Add (b, c)",
        "input 4x7x8; conv 5 3x3",
        weights={"w": _normal(5, 4, 3, 3), "b": _normal(1, 5, 1, 1)},
    ),
    "a bias behind a pooling": Operator(
        "c = Conv (x, w)\np = MaxPool <kernel_shape = [2, 2], strides = [2, 2], pads = [1, 0, 1, 0]> (c)\n"
        "q = AveragePool <kernel_shape = [2, 2]> (p)\nb1 = Add (q, b)\nd = Conv (b1, v)\n"
        "m = MaxPool <kernel_shape = [2, 1]> (d)\ny = Add (m, b)",
        "input 4x7x8; conv 5 3x3 nobias; pool 2 pad=1x0; avgpool 2x2 stride=1; scale bias; conv 5 1x1; "
        "pool 2x1 stride=1",
        weights={"w": _normal(5, 4, 3, 3), "b": _normal(1, 5, 1, 1), "v": _normal(5, 5, 1, 1)},
    ),
    "a border before": Operator(
        "p = Pad (x, e)\ny = Conv (p, w)",
        "input 4x7x8; conv 5 3x3 pad=same nobias",
        weights={"w": _normal(5, 4, 3, 3), "e": _whole(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    "each channel by itself": Operator(
        "y = Conv <group = 4> (x, w)",
        "input 4x7x8; depthwise 3x3 multiplier=2 nobias",
        weights={"w": _normal(8, 1, 3, 3)},
    ),
    "a sequence as an image of one row": Operator(
        "u = Unsqueeze (x, a)\nc = Conv <pads = [0, 1, 0, 1]> (u, w)\n"
        "p = MaxPool <kernel_shape = [1, 2], strides = [1, 2]> (c)\ny = Squeeze (p, a)",
        "input 3x9; conv 5 3 pad=same nobias; pool 2",
        given="float[N, 3, 9] x",
        weights={"a": _whole(2), "w": _normal(5, 3, 1, 3)},
    ),
    "transposed": Operator(
        "y = ConvTranspose <strides = [2, 2], pads = [1, 0, 2, 1], output_padding = [1, 1]> (x, w)",
        "input 4x7x8; deconv 5 3x3 stride=2 pad=1x0 nobias",
        weights={"w": _normal(4, 5, 3, 3)},
    ),
    "transposed to a size": Operator(
        "y = ConvTranspose <strides = [2, 2], output_shape = [14, 16]> (x, w)",
        "input 4x7x8; deconv 5 3x3 stride=2 pad=1 output_pad=1 nobias",
        weights={"w": _normal(4, 5, 3, 3)},
    ),
    "transposed, more cut off after": Operator(
        "y = ConvTranspose <strides = [2, 2], pads = [0, 0, 1, 1]> (x, w, b)",
        "input 4x7x8; deconv 5 3x3 stride=2; crop 14x16",
        weights={"w": _normal(4, 5, 3, 3), "b": _normal(5)},
    ),
    "maxima, padded after": Operator(
        "y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [0, 0, 1, 1]> (x)",
        "input 4x7x8; pad 1 mode=edge; crop 8x9 offset=1; pool 3x3 stride=2",
    ),
    "means, padded unevenly": Operator(
        "y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 0, 1], count_include_pad = 1> (x)",
        "input 4x7x8; pad 1; crop 8x9 offset=0x1; avgpool 3x3 stride=2",
    ),
    "means, same": Operator(
        'y = AveragePool <auto_pad = "SAME_UPPER", kernel_shape = [3, 3], strides = [2, 2]> (x)',
        "input 4x7x8; avgpool 3x3 stride=2 pad=same",
    ),
    "means, padded unevenly, which does not count": Operator(
        "y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 0, 1]> (x)",
        "input 4x7x8; pad 1; crop 8x9 offset=0x1; avgpool 3x3 stride=2; flatten; scale; reshape 4x3x4",
    ),
    "a mean of everything, padded after": Operator(
        "y = AveragePool <kernel_shape = [8, 8], pads = [0, 0, 1, 0]> (x)",
        "input 4x7x8; pad 1x0; crop 8 offset=1x0; avgpool 8x8 stride=1; times 1.1428571",
    ),
    "the last windows": Operator(
        "y = MaxPool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1> (x)", "input 4x7x8; pool 2 ceil"
    ),
    "a border of a number": Operator(
        "y = Pad (x, p, v)",
        "input 4x7x8; times 1 plus=-1.5; pad 1x2; crop 8x10 offset=0x2; times 1 plus=1.5",
        weights={"p": _whole(0, 0, 1, 0, 0, 0, 0, 2), "v": _number(1.5)},
    ),
    "a border below 0": Operator(
        "y = Pad (x, p)",
        "input 4x7x8; crop 4x8; pad 0x3; crop 4x11 offset=0x3",
        weights={"p": _whole(0, 0, -1, 0, 0, 0, -2, 3)},
    ),
    "a border of channels": Operator(
        "y = Pad (x, p)",
        "input 4x7x8; pad 1; pad channels=2 channels_before=1",
        weights={"p": _whole(0, 1, 1, 1, 0, 2, 1, 1)},
    ),
    # --- products ---
    "Gemm": Operator(
        "y = Gemm <alpha = 0.5, beta = 2.0> (x, w, b)",
        "input 6; fc 4",
        given="float[N, 6] x",
        weights={"w": _normal(6, 4), "b": _normal(1, 4)},
    ),
    "at each position": Operator(
        "m = MatMul (x, w)\ny = Add (m, b)",
        "input 5x6; permute 1x0; fc 4 pointwise; permute 1x0",
        given="float[N, 5, 6] x",
        weights={"w": _normal(6, 4), "b": _normal(4)},
    ),
    "weights that are computed": Operator(
        "n = ReduceL2 <axes = [1, 2, 3]> (w)\nd = Div (w, n)\np = Tanh (g)\ns = Mul (p, p)\nt = Add (s, g)\n"
        "u = Mul (t, t)\nv = Relu (u)\nq = Clip (v, low, high)\nk = Mul (d, q)\n"
        "a = ReduceL1 <axes = [0], keepdims = 0> (z)\no = ReduceSumSquare <axes = [0], keepdims = 0> (z)\n"
        "e = Sigmoid (a)\nb = Sum (e, a, o)\ny = Conv (x, k, b)",
        "input 4x7x8; conv 3 3x3",
        weights={
            "w": _normal(3, 4, 3, 3),
            "g": _normal(3, 1, 1, 1),
            "z": _normal(2, 3),
            "low": _number(0.1),
            "high": _number(0.9),
        },
    ),
    "shape arithmetic": Operator(
        "s = Shape (x)\nb = Gather <axis = 0> (s, zero)\nu = Unsqueeze (b, first)\n"
        "t = Concat <axis = 0> (u, minus)\nr = Reshape (x, t)\ny = MatMul (r, w)",
        "input 4x7x8; fc 3 nobias",
        weights={"zero": np.int64(0), "first": _whole(0), "minus": _whole(-1), "w": _normal(224, 3)},
        opset=13,
    ),
    "a vector at each position": Operator(
        "m = MatMul (v, x)\ny = Relu (m)",
        "input 5x6; fc 1 nobias pointwise relu; flatten",
        given="float[N, 5, 6] x",
        weights={"v": _normal(5)},
    ),
    # --- normalization ---
    "BatchNormalization": Operator(
        "y = BatchNormalization <epsilon = 0.001> (x, a, b, c, d)",
        "input 4x7x8; batchnorm epsilon=0.001",
        weights={"a": _normal(4), "b": _normal(4), "c": _normal(4), "d": abs(_normal(4)) + 0.5},
    ),
    "layer normalization, written out": Operator(
        "m = ReduceMean <axes = [-1]> (x)\nd = Sub (x, m)\nq = Pow (d, two)\nv = ReduceMean <axes = [-1]> (q)\n"
        "e = Add (v, small)\ns = Sqrt (e)\nz = Div (d, s)\ng = Mul (z, a)\ny = Add (g, b)",
        "input 5x6; permute 1x0; layernorm; permute 1x0",
        given="float[N, 5, 6] x",
        weights={"two": _number(2), "small": _number(1e-5), "a": _normal(6), "b": _normal(6)},
        opset=13,
    ),
    "layer normalization, written out with axes as inputs": Operator(
        "m = ReduceMean (x, last)\nd = Sub (x, m)\nq = Mul (d, d)\nv = ReduceMean (q, last)\n"
        "e = Add (v, small)\ns = Sqrt (e)\ny = Div (d, s)",
        "input 6; layernorm noaffine",
        given="float[N, 6] x",
        weights={"small": _number(1e-5), "last": _whole(-1)},
        opset=18,
    ),
    "GroupNormalization": Operator(
        "y = GroupNormalization <num_groups = 2, epsilon = 0.01> (x, a, b)",
        "input 4x7x8; groupnorm 2 epsilon=0.01",
        weights={"a": _normal(4), "b": _normal(4)},
        opset=21,
    ),
    "InstanceNormalization": Operator(
        "y = InstanceNormalization (x, a, b)",
        "input 4x7x8; instancenorm affine",
        weights={"a": _normal(4), "b": _normal(4)},
    ),
    "LRN": Operator(
        "y = LRN <size = 3, alpha = 0.1, beta = 0.5, bias = 2.0> (x)", "input 4x7x8; lrn 3 alpha=0.1 beta=0.5 k=2"
    ),
    # --- arithmetic ---
    "a scale and a bias": Operator(
        "m = Mul (x, a)\ny = Add (m, b)",
        "input 4x7x8; scale bias",
        weights={"a": _normal(4, 1, 1), "b": _normal(4, 1, 1)},
    ),
    "a number for each value": Operator(
        "y = Mul (x, a)", "input 4x7x8; flatten; scale; reshape 4x7x8", weights={"a": _normal(4, 7, 8)}
    ),
    "numbers": Operator(
        "a = Sub (one, x)\nb = Div (a, four)\nc = Max (b, low)\ne = Exp (c)\ny = Div (two, e)",
        "input 4x7x8; times -0.25 plus=0.25; clamp 0.1; exp; branch { times 0 plus=2 } { } divide",
        weights={"one": _number(1), "four": _number(4), "low": _number(0.1), "two": _number(2)},
    ),
    "a gate of channels": Operator(
        "g = GlobalAveragePool (x)\ns = Sigmoid (g)\ny = Mul (x, s)",
        "input 4x7x8; branch { } { globalpool; sigmoid } multiply",
    ),
    "channels that are added": Operator(
        "g = GlobalMaxPool (x)\ny = Add (g, x)",
        "input 4x7x8; branch { } { globalpool max; times -1 } subtract",
    ),
    "a gate of positions": Operator(
        "m = ReduceMax <axes = [1]> (x)\ny = Mul (m, x)",
        "input 4x7x8; branch {; flatten positions; permute 1x0; globalpool max; reshape 1x7x8; permute 1x0x2; "
        "upsample 4x1; permute 1x0x2; } { } multiply",
    ),
    "a value and itself, turned": Operator(
        "t = Transpose <perm = [0, 2, 1]> (x)\na = Add (x, t)\nb = Concat <axis = 1> (x, t)\n"
        "c = Concat <axis = 1> (a, b)\nm = Mean (x, t)\ny = Concat <axis = 1> (c, m)",
        "input 4x4; permute 1x0 as permute_layer; from input; add permute_layer as add_layer; from input; "
        "branch { } { permute 1x0 } concat as concat_layer; from add_layer; concat concat_layer as concat2; "
        "from input; average permute_layer as average_layer; from concat2; concat average_layer",
        given="float[N, 4, 4] x",
    ),
    "a mean of three": Operator(
        "a = Relu (x)\nb = Tanh (x)\ny = Mean (a, b, x)", "input 4x7x8; branch { relu } { tanh } { } average"
    ),
    "powers": Operator(
        "a = Abs (x)\nb = Pow (a, half)\nc = Pow (b, two)\ny = Pow (c, more)",
        "input 4x7x8; abs; sqrt; square; log; times 1.5; exp",
        weights={"half": _number(0.5), "two": _number(2), "more": _number(1.5)},
    ),
    "bounds": Operator(
        "a = Clip (x, , one)\nb = Clip (a, minus, one)\nc = Clip (b, minus)\nd = Clip (c, zero, six)\n"
        "y = Clip (d, zero)",
        "input 4x7x8; clamp max=1; hard_tanh; clamp -1; relu6; relu",
        weights={"zero": _number(0), "one": _number(1), "minus": _number(-1), "six": _number(6)},
    ),
    "bounds of old": Operator("y = Clip <min = -0.5, max = 2.0> (x)", "input 4x7x8; clamp -0.5 2", opset=7),
    # --- functions ---
    "functions": Operator(
        "a = ThresholdedRelu <alpha = 0.3> (x)\nb = Shrink <lambd = 0.2, bias = 0.2> (a)\nc = HardSigmoid (b)\n"
        "d = PRelu (c, s)\ne = LeakyRelu <alpha = 0.2> (d)\ny = Celu <alpha = 0.5> (e)",
        "input 4x7x8; threshold 0.3; softshrink 0.2; times 0.2 plus=0.5; clamp 0 1; prelu; leaky_relu 0.2; celu 0.5",
        weights={"s": _normal(4, 1, 1)},
    ),
    "softmax of old": Operator(
        "y = Softmax (x)", "input 3x4; flatten; softmax; reshape 3x4", given="float[N, 3, 4] x", opset=11
    ),
    "softmax of the last axis": Operator(
        "y = Softmax (x)", "input 4x7x8; permute 2x0x1; softmax; permute 1x2x0", opset=13
    ),
    "Gelu and Mish": Operator(
        'a = Gelu <approximate = "tanh"> (x)\nb = Gelu (a)\ny = Mish (b)',
        "input 4x7x8; gelu approximate; gelu; mish",
        opset=20,
    ),
    # --- what moves values ---
    "nothing": Operator("y = Identity (x)", "input 4x7x8; identity"),
    "bytes of a picture": Operator(
        "r, g, b = Split <axis = 1> (x)\nc = Concat <axis = 1> (b, g, r)\np = Pad (c, e, v)\n"
        "m = MaxPool <kernel_shape = [2, 2]> (p)\nf = Cast <to = 1> (m)\nd = Sub (f, mean)\ny = Conv (d, w)",
        "input 3x5x6; branch { channels 1 offset=2 } { channels 1 offset=1 } { channels 1 } concat; "
        "times 1 plus=-0.4; pad 0x1; times 1 plus=0.4; pool 2x2 stride=1; "
        "scale bias as preparation; conv 2 1x1 nobias; freeze preparation",
        given="uint8[N, 3, 5, 6] x",
        weights={
            "e": _whole(0, 0, 0, 1, 0, 0, 0, 1),
            "v": np.array(102, np.uint8),
            "mean": 99 + _normal(3, 1, 1),
            "w": _normal(2, 3, 1, 1),
        },
    ),
    "parts": Operator(
        "a, b = Split <axis = 1> (x)\nr = Relu (b)\ny = Concat <axis = 1> (r, a)",
        "input 4x7x8; branch { channels 2 offset=2; relu } { channels 2 } concat",
    ),
    "slices": Operator(
        "a = Slice (x, s, e, n, t)\ny = Relu (a)",
        "input 4x7x8; channels 3 offset=1; crop 7; pool 1x1 stride=1x2; relu",
        weights={"s": _whole(1, 0), "e": _whole(4, 9), "n": _whole(1, 3), "t": _whole(1, 2)},
    ),
    "one position": Operator(
        "g = Gather <axis = 2> (x, i)\ny = MatMul (g, w)",
        "input 4x5; take last; fc 3 nobias",
        given="float[N, 4, 5] x",
        weights={"i": np.int64(-1), "w": _normal(4, 3)},
    ),
    "positions behind each other": Operator(
        "a = Relu (x)\ny = Concat <axis = 3> (x, a)",
        "input 4x7x8; branch {; permute 2x0x1; } {; relu; permute 2x0x1; } concat; permute 1x2x0",
    ),
    "attributes that are inputs by now": Operator(
        "a = Slice <axes = [2], starts = [1], ends = [-1]> (x)\nb = Pad <pads = [0, 0, 0, 1, 0, 0, 0, 1]> (a)\n"
        "c = ReduceMax <axes = [3], keepdims = 1> (b)\nd = Squeeze <axes = [3]> (c)\ne = Unsqueeze <axes = [2]> (d)\n"
        "f, g = Split <axis = 1, split = [1, 3]> (e)\nh = Flatten (g)\ny = Softmax (h)",
        "input 4x7x8; crop 5x8; pad 0x1; reshape 20x10; globalpool max; channels 15 offset=5; softmax",
        opset=9,
    ),
    "values behind themselves": Operator(
        "y = Tile (x, t)",
        "input 2x3; branch { } { } concat; permute 1x0; branch { } { } { } concat; permute 1x0",
        given="float[N, 2, 3] x",
        weights={"t": _whole(1, 2, 3)},
    ),
    "dropout": Operator(
        "a, m = Dropout (x)\nb = Dropout (a, r)\ny = Dropout (b, zero)",
        "input 4x7x8; dropout 0.5; dropout 0.25",
        weights={"r": _number(0.25), "zero": _number(0)},
    ),
    "a mask of channels": Operator(
        "y = Where (m, x, c)",
        "input 3x2; scale bias",
        given="float[N, 3, 2] x",
        weights={"m": np.array([[True], [False], [True]]), "c": _number(7)},
    ),
    "DepthToSpace": Operator("y = DepthToSpace <blocksize = 2> (x)", "input 4x7x8; pixelshuffle 2"),
    "DepthToSpace, the other order": Operator(
        "y = DepthToSpace <blocksize = 2> (x)",
        "input 8x7x8; reshape 2x2x14x8; permute 2x0x3x1; reshape 2x14x16",
        given="float[N, 8, 7, 8] x",
    ),
    "SpaceToDepth": Operator(
        "y = SpaceToDepth <blocksize = 2> (x)",
        "input 3x6x8; reshape 9x2x4x2; permute 1x3x0x2; reshape 12x3x4",
        given="float[N, 3, 6, 8] x",
    ),
    "nearest values": Operator(
        'y = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, , s)',
        "input 4x7x8; upsample 2x3",
        weights={"s": np.array([1, 1, 2, 3], np.float32)},
    ),
    "sums": Operator(
        "y = ReduceSum <keepdims = 0> (x, n)",
        "input 4x7x8; permute 0x2x1; reshape 32x7; globalpool sum; reshape 4x8",
        weights={"n": _whole(2)},
        opset=13,
    ),
    "a vector of length 1": Operator(
        "n = ReduceL2 <axes = [1]> (x)\ny = Div (x, n)",
        "input 6; branch { } {; square; reshape 1x6; globalpool sum; sqrt; reshape 1x1; upsample 1x6; flatten; } "
        "divide",
        given="float[N, 6] x",
    ),
}
