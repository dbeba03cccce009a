"""Caffe's layers in netspec's terms: one function for each type, with Caffe's own defaults and rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netspec.formats.caffe.message import Message
from netspec.formats.sketch import Sketch, make
from netspec.layers.base import Layer
from netspec.layers.resize import Crop
from netspec.ops import Shape
from netspec.recipe import initializers as init

__all__ = ["LAYERS", "REFUSED", "NotUnderstoodError", "arranged", "filler"]


class NotUnderstoodError(Exception):
    """A layer that is not understood: what of it, and what could stand for it."""

    def __init__(self, what: str, instead: str = "") -> None:
        super().__init__(what)
        self.what, self.instead = what, instead


def filler(made: Message | None, sketch: Sketch) -> init.Initializer | None:
    """Return the initializer of a filler; None where there is none, or it has no equal here (which is noted)."""
    if made is None:
        return None
    kind, norm = made.get("type", "constant"), made.get("variance_norm", "FAN_IN")
    if made.get("sparse", -1) >= 0:
        sketch.note(
            f"kernels begin with only {made.get('sparse')} inputs a unit that are not 0 (`sparse`); here all do alike"
        )
    if kind == "constant":
        value = float(made.get("value", 0.0))
        return init.Constant(value=_short(value)) if value else init.Zeros()
    if kind == "xavier" and norm in {"FAN_IN", "AVERAGE"}:
        return init.LecunUniform() if norm == "FAN_IN" else init.XavierUniform()
    if kind == "msra" and norm == "FAN_IN":
        return init.HeNormal()
    if kind == "gaussian" and made.get("std", 1.0) > 0:
        return init.Normal(std=_short(made.get("std", 1.0)), mean=_short(made.get("mean", 0.0)))
    if kind == "uniform" and made.get("min", 0.0) < made.get("max", 1.0):
        return init.Uniform(range=(_short(made.get("min", 0.0)), _short(made.get("max", 1.0))))
    sketch.note(f"{made.place}: the filler {kind!r} has no equal here; the network's default stands for it")
    return None


def _short(value: float) -> float:
    """Return a number that was stored in 32 bits as it was written: 0.01, not 0.009999999776."""
    return float(f"{value:.7g}")


def sizes(part: Message, name: str, default: int | None) -> tuple[int, int]:
    """Return height and width of an argument that is one number, two, or `name_h` and `name_w`."""
    stem = name.removesuffix("_size")
    if f"{stem}_h" in part or f"{stem}_w" in part:
        found = [part.get(f"{stem}_h", default), part.get(f"{stem}_w", default)]
    else:
        found = list(part.all(name)) or [default]
        found = found * 2 if len(found) == 1 else found
    if len(found) != 2 or any(n is None or n < 0 or n > 1_000_000 for n in found):
        raise NotUnderstoodError(f"its {name} is no height and width")
    return int(found[0]), int(found[1])


def _positive(part: Message, name: str, default: int | None = None) -> int:
    value = part.get(name, default)
    if not isinstance(value, int) or not 0 < value < 10**9:
        raise NotUnderstoodError(f"its {name} is no number of 1 and more")
    return value


def _convolution(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    part = layer.part("convolution_param", "Convolution")
    if part.get("axis", 1) != 1:
        raise NotUnderstoodError("its channels are not the first axis")
    filters, groups = _positive(part, "num_output"), _positive(part, "group", 1)
    kernel, stride = sizes(part, "kernel_size", None), sizes(part, "stride", 1)
    pad, dilation = sizes(part, "pad", 0), sizes(part, "dilation", 1)
    common: dict[str, Any] = {
        "bias": part.get("bias_term", True),
        "init": filler(part.get("weight_filler"), sketch),
        "bias_init": filler(part.get("bias_filler"), sketch),
    }
    transposed = layer.get("type") == "Deconvolution"
    if len(xs[0]) == 1 and kernel == (1, 1) and groups == 1 and not transposed and not any(pad):
        # On what a global pooling leaves, a convolution of 1x1 is a fully connected layer.
        return make("fc", units=filters, **common)
    common |= {"kernel": kernel, "stride": stride, "dilation": dilation, "pad": pad if any(pad) else "valid"}
    if not transposed and groups > 1 and groups == xs[0][0] and filters % groups == 0:
        return make("depthwise", multiplier=filters // groups, **common)
    return make("deconv" if transposed else "conv", filters=filters, groups=groups, **common)


def _inner_product(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs
    part = layer.part("inner_product_param", "InnerProduct")
    if part.get("axis", 1) != 1:
        raise NotUnderstoodError("it keeps some axes apart", "`fc N pointwise` is a product at each position")
    return make(
        "fc",
        units=_positive(part, "num_output"),
        bias=part.get("bias_term", True),
        init=filler(part.get("weight_filler"), sketch),
        bias_init=filler(part.get("bias_filler"), sketch),
    )


def _pooling(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del sketch
    part = layer.part("pooling_param", "Pooling")
    method = part.get("pool", "MAX")
    if method == "STOCHASTIC":
        raise NotUnderstoodError("stochastic pooling", "`pool` or `avgpool`")
    if part.get("global_pooling", False):
        return make("globalpool", mode="max" if method == "MAX" else "avg")
    kernel, stride, pad = sizes(part, "kernel_size", None), sizes(part, "stride", 1), sizes(part, "pad", 0)
    up = part.get("round_mode", "CEIL") == "CEIL"
    if (
        up
        and not any(pad)
        and any(k < s and -(-(n - k) // s) * s >= n for n, k, s in zip(xs[0][1:], kernel, stride, strict=False))
    ):
        raise NotUnderstoodError("its last windows lie outside of the image", "a stride no larger than the window")
    fields: dict[str, Any] = {"kernel": kernel, "stride": stride, "pad": pad if any(pad) else "valid", "ceil": up}
    if method == "AVE":
        return make("avgpool", count_padding=any(pad), **fields)
    return make("pool", **fields)


def _relu(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    slope = layer.part("relu_param", "ReLU").get("negative_slope", 0.0)
    if slope < 0:
        raise NotUnderstoodError(f"a slope of {slope:g} below 0")
    return make("leaky_relu", slope=_short(slope)) if slope else make("relu")


def _lrn(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    part = layer.part("lrn_param", "LRN")
    if part.get("norm_region", "ACROSS_CHANNELS") != "ACROSS_CHANNELS":
        raise NotUnderstoodError(
            "normalization within channels", "`lrn` goes across them; newer networks use `batchnorm`"
        )
    numbers = {name: _short(part.get(name, default)) for name, default in (("alpha", 1.0), ("beta", 0.75), ("k", 1.0))}
    return make("lrn", size=_positive(part, "local_size", 5), **numbers)


def _dropout(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    rate = layer.part("dropout_param", "Dropout").get("dropout_ratio", 0.5)
    if not 0 <= rate < 1:
        raise NotUnderstoodError(f"a dropout_ratio of {rate:g}")
    return make("dropout", rate=_short(rate))


def _batch_norm(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    part = layer.part("batch_norm_param", "BatchNorm")
    kept = part.get("moving_average_fraction", 0.999)
    return make("batchnorm", epsilon=_short(part.get("eps", 1e-5)), momentum=_short(kept) if 0 <= kept < 1 else 0.999)


def _scale(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del sketch
    part = layer.part("scale_param", "Scale")
    axis = part.get("axis", 1)
    if len(xs) == 2:
        if axis not in {0, 1} or len(xs[1]) not in {1, len(xs[0])}:
            raise NotUnderstoodError("it multiplies along other axes than channels")
        return make("multiply")
    if axis != 1 or part.get("num_axes", 1) != 1:
        raise NotUnderstoodError("it has a number for something else than each channel", "`scale bias`")
    return make("scale", bias=part.get("bias_term", False))


def _softmax(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    if layer.part("softmax_param", "Softmax").get("axis", 1) not in {1, -1}:
        raise NotUnderstoodError("a softmax along another axis than the channels", "`permute` before it")
    return make("softmax")


def _eltwise(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del sketch
    part = layer.part("eltwise_param", "Eltwise")
    operation = part.get("operation", "SUM")
    factors = [float(f) for f in part.all("coeff")] or [1.0] * len(xs)
    if operation != "SUM":
        return make({"PROD": "multiply", "MAX": "maximum"}[operation])
    if len(factors) == len(xs) and set(factors) == {1.0}:
        return make("add")
    if factors == [1.0, -1.0]:
        return make("subtract")
    raise NotUnderstoodError("a sum with coefficients", "`times` before `add`")


def _concat(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del sketch
    part = layer.part("concat_param", "Concat")
    axis = part.get("axis", part.get("concat_dim", 1))
    if axis != 1 and not (axis == -1 and len(xs[0]) == 1):
        raise NotUnderstoodError(f"it concatenates along axis {axis}", "`concat` joins channels")
    return make("concat")


def _power(layer: Message, xs: list[Shape], sketch: Sketch) -> list[Layer]:
    del xs, sketch
    part = layer.part("power_param", "Power")
    power, scale, shift = (float(part.get(n, d)) for n, d in (("power", 1.0), ("scale", 1.0), ("shift", 0.0)))
    made = [make("times", factor=_short(scale), plus=_short(shift))] if scale != 1 or shift else []
    if power in {0.5, 2.0}:
        made.append(make("sqrt" if power == 0.5 else "square"))
    elif power != 1:
        raise NotUnderstoodError(f"the power {power:g}", "`square` and `sqrt`")
    return made


def _exp(layer: Message, xs: list[Shape], sketch: Sketch) -> list[Layer]:
    del xs, sketch
    kind = layer.get("type")
    part = layer.part("exp_param" if kind == "Exp" else "log_param", "Exp")
    if part.get("base", -1.0) != -1:
        raise NotUnderstoodError(f"the base {part.get('base'):g}", "the natural one")
    scale, shift = float(part.get("scale", 1.0)), float(part.get("shift", 0.0))
    before = [make("times", factor=_short(scale), plus=_short(shift))] if scale != 1 or shift else []
    return [*before, make("exp" if kind == "Exp" else "log")]


def _flatten(layer: Message, xs: list[Shape], sketch: Sketch) -> list[Layer]:
    del sketch
    part = layer.part("flatten_param", "Flatten")
    if part.get("axis", 1) != 1 or part.get("end_axis", -1) != -1:
        raise NotUnderstoodError("it flattens some axes only", "`flatten positions`, or `reshape`")
    return [] if len(xs[0]) == 1 else [make("flatten")]


def _reshape(layer: Message, xs: list[Shape], sketch: Sketch) -> list[Layer]:
    del sketch
    part = layer.part("reshape_param", "Reshape")
    dims = list(part.part("shape", "Shape").all("dim"))
    if part.get("axis", 0) or part.get("num_axes", -1) != -1 or not dims or dims[0] not in {0, -1}:
        raise NotUnderstoodError("it reshapes the batch, or some axes only", "`reshape`")
    wanted = [xs[0][i] if n == 0 and i < len(xs[0]) else n for i, n in enumerate(dims[1:])]
    total = 1
    for n in xs[0]:
        total *= n
    known = 1
    for n in wanted:
        known *= n if n > 0 else 1
    if (
        wanted.count(-1) > 1
        or any(n == 0 or n < -1 for n in wanted)
        or (dims[0] == -1 and -1 in wanted)
        or total % known
    ):
        raise NotUnderstoodError("its shape does not fit", "`reshape`")
    shape = tuple(total // known if n == -1 else n for n in wanted)
    if len(shape) > 1 and all(n == 1 for n in shape[1:]):
        shape = shape[:1]
    if len(shape) not in {1, 2, 3}:
        raise NotUnderstoodError(f"a value of {len(shape)} axes", "at most channels x height x width")
    return [] if shape == xs[0] else [make("flatten") if len(shape) == 1 else make("reshape", shape=shape)]


def _crop(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del sketch
    part = layer.part("crop_param", "Crop")
    offsets = list(part.all("offset")) or [0]
    offsets = offsets * 2 if len(offsets) == 1 else offsets
    if part.get("axis", 2) != 2 or len(offsets) != 2 or len(xs[0]) != 3 or len(xs) != 2 or len(xs[1]) != 3:
        raise NotUnderstoodError("it crops other axes than rows and columns", "`crop`")
    return Crop(size=xs[1][1:], offset=(offsets[0], offsets[1]))


def _clip(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    part = layer.part("clip_param", "Clip")
    low, high = part.get("min"), part.get("max")
    if (low, high) == (0.0, 6.0):
        return make("relu6")
    return make("clamp", min=low, max=high)


def _swish(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    if layer.part("swish_param", "Swish").get("beta", 1.0) != 1:
        raise NotUnderstoodError("a swish with a factor", "`silu`")
    return make("silu")


def _prelu(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    part = layer.part("prelu_param", "PReLU")
    begin = part.part("filler", "Filler").get("value", 0.25)
    return make("prelu", init=_short(begin), shared=part.get("channel_shared", False))


def _elu(layer: Message, xs: list[Shape], sketch: Sketch) -> Layer:
    del xs, sketch
    return make("elu", alpha=_short(layer.part("elu_param", "ELU").get("alpha", 1.0)))


def _plain(name: str) -> Callable[[Message, list[Shape], Sketch], Layer]:
    return lambda layer, xs, sketch: make(name)


LAYERS: Mapping[str, Callable[[Message, list[Shape], Sketch], Layer | list[Layer]]] = {
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "InnerProduct": _inner_product,
    "Pooling": _pooling,
    "LRN": _lrn,
    "Dropout": _dropout,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "ReLU": _relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Sigmoid": _plain("sigmoid"),
    "TanH": _plain("tanh"),
    "AbsVal": _plain("abs"),
    "BNLL": _plain("softplus"),
    "Swish": _swish,
    "Clip": _clip,
    "Power": _power,
    "Exp": _exp,
    "Log": _exp,
    "Softmax": _softmax,
    "Eltwise": _eltwise,
    "Concat": _concat,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Crop": _crop,
}
"""What is understood, by type."""

REFUSED: Mapping[str, str] = {
    "MVN": "`instancenorm` is nearly that",
    "Threshold": "`threshold` keeps x above it, Caffe's gives 1",
    "Bias": "`scale bias`",
    "Tile": "",
    "SPP": "`avgpool` of several sizes, flattened and concatenated",
    "Reduction": "`globalpool`",
    "Embed": "`embedding`",
    "LSTM": "`lstm`",
    "RNN": "`rnn`",
    "Python": "no code from a file is run: write the layer in netspec's own",
    "Im2col": "`conv` does it by itself",
}
"""What is not understood, with what could stand for it; what is in neither is not known at all."""


def arranged(kind: str, layer: Layer, blobs: list[Any]) -> dict[str, Any]:
    """Return the arrays of a layer by their names here, from its blobs in Caffe's order."""
    name = layer.canonical()
    if kind == "BatchNorm":
        if len(blobs) != 3:
            raise NotUnderstoodError(f"{len(blobs)} blobs, and batch normalization has 3")
        factor = float(blobs[2].reshape(-1)[0]) if blobs[2].size else 0.0
        factor = 1 / factor if factor else 0.0
        return {"mean": blobs[0].reshape(-1) * factor, "variance": blobs[1].reshape(-1) * factor}
    wanted = {"scale": ["scale", "bias"], "prelu": ["slope"], "batchnorm": ["scale", "offset"]}.get(
        name, ["kernel", "bias"]
    )
    if getattr(layer, "bias", True) is False:
        wanted = wanted[:1]
    if name == "batchnorm" and len(blobs) == 1:
        wanted = wanted[:1]
    if len(blobs) != len(wanted):
        raise NotUnderstoodError(f"{len(blobs)} blobs in the weights, and the layer has {len(wanted)}")
    return dict(zip(wanted, blobs, strict=True))
