"""Writes ResNet-20 and MobileNet as Darknet cfg and Caffe prototxt, formats that have no loops and no functions.

    python benchmarks/conciseness/write_flat.py

Both formats must have every layer written out. This program saves the typing and nothing else: its output is what a
person had to write, with whatever equals the format's default left out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["FILES", "Caffe", "Darknet", "mobilenet", "resnet20"]

FOLDER = Path(__file__).parent


class Darknet:
    """Layers follow each other; `relu` is an option of the layer; a layer is named by its distance."""

    def __init__(self, name: str, channels: int, size: int) -> None:
        self.text = f"# {name}, made by write_flat.py\n"
        self.layers = -1
        self._section("net", channels=channels, height=size, width=size)

    def conv_bn(self, filters: int, size: int, stride: int = 1, groups: int = 1, *, relu: bool = True) -> None:
        """Add a convolution; its normalization is an option, and `pad=1` means half the kernel."""
        options: dict[str, object] = {"batch_normalize": 1, "filters": filters}
        if size > 1:
            options |= {"size": size, "pad": 1}
        if stride > 1:
            options["stride"] = stride
        if groups > 1:
            options["groups"] = groups
        self._section("convolutional", **options, activation="relu" if relu else "linear")

    def residual(self, filters: int, stride: int) -> None:
        """Add two convolutions and the way around them."""
        before = self.layers
        self.conv_bn(filters, 3, stride)
        self.conv_bn(filters, 3, relu=False)
        body = self.layers
        if stride > 1:
            self._section("route", layers=before - self.layers - 1)
            self.conv_bn(filters, 1, stride, relu=False)
            before = body
        self._section("shortcut", **{"from": before - self.layers - 1}, activation="relu")

    def classify(self, classes: int) -> None:
        """Add the average of each channel, the fully connected layer and the softmax."""
        self._section("avgpool")
        self._section("connected", output=classes, activation="linear")
        self._section("softmax")

    def _section(self, name: str, **options: object) -> None:
        self.text += "\n".join(["", f"[{name}]", *(f"{k}={v}" for k, v in options.items()), ""])
        self.layers += 1


class Caffe:
    """Every layer is named and names what it reads; normalization takes two layers, done in place like the relu."""

    def __init__(self, name: str, channels: int, size: int) -> None:
        self.text = f'# Made by write_flat.py\nname: "{name}"\n'
        shape = [f"      dim: {n}" for n in (1, channels, size, size)]
        self._layer("data", "Input", [], "data", ["  input_param {", "    shape {", *shape, "    }", "  }"])
        self.top = "data"
        self.count = 0

    def conv_bn(self, filters: int, size: int, stride: int = 1, groups: int = 1, *, relu: bool = True) -> None:
        """Add a convolution, its normalization, and perhaps the relu."""
        self.count += 1
        name = f"conv{self.count}"
        options = [f"num_output: {filters}", f"kernel_size: {size}"]
        options += [f"pad: {size // 2}"] * (size > 1) + [f"stride: {stride}"] * (stride > 1)
        options += [f"group: {groups}"] * (groups > 1) + ["bias_term: false"]
        self._layer(name, "Convolution", [self.top], name, _message("convolution_param", options))
        self._layer(f"bn{self.count}", "BatchNorm", [name], name)
        self._layer(f"scale{self.count}", "Scale", [name], name, _message("scale_param", ["bias_term: true"]))
        if relu:
            self._layer(f"relu{self.count}", "ReLU", [name], name)
        self.top = name

    def residual(self, filters: int, stride: int) -> None:
        """Add two convolutions and the way around them."""
        before = self.top
        self.conv_bn(filters, 3, stride)
        self.conv_bn(filters, 3, relu=False)
        body = self.top
        if stride > 1:
            self.top = before
            self.conv_bn(filters, 1, stride, relu=False)
            before = self.top
        name = f"sum{self.count}"
        self._layer(name, "Eltwise", [body, before], name)
        self._layer(f"{name}_relu", "ReLU", [name], name)
        self.top = name

    def classify(self, classes: int) -> None:
        """Add the average of each channel, the fully connected layer and the softmax."""
        self._layer(
            "pool", "Pooling", [self.top], "pool", _message("pooling_param", ["pool: AVE", "global_pooling: true"])
        )
        self._layer("fc", "InnerProduct", ["pool"], "fc", _message("inner_product_param", [f"num_output: {classes}"]))
        self._layer("prob", "Softmax", ["fc"], "prob")

    def _layer(self, name: str, kind: str, bottoms: list[str], top: str, more: list[str] | None = None) -> None:
        wires = [f'  bottom: "{b}"' for b in bottoms] + [f'  top: "{top}"']
        self.text += "\n".join(["layer {", f'  name: "{name}"', f'  type: "{kind}"', *wires, *(more or []), "}", ""])


def _message(name: str, options: list[str]) -> list[str]:
    return [f"  {name} {{", *(f"    {o}" for o in options), "  }"]


def resnet20(net: Darknet | Caffe) -> str:
    """Return the text of ResNet-20."""
    net.conv_bn(16, 3)
    for filters in (16, 32, 64):
        for i in range(3):
            net.residual(filters, stride=2 if filters > 16 and i == 0 else 1)
    net.classify(10)
    return net.text


def mobilenet(net: Darknet | Caffe) -> str:
    """Return the text of MobileNet v1."""
    net.conv_bn(32, 3, 2)
    channels = 32
    strided = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for filters, stride in strided:
        net.conv_bn(channels, 3, stride, groups=channels)
        net.conv_bn(filters, 1)
        channels = filters
    net.classify(1000)
    return net.text


FILES: dict[str, Callable[[], str]] = {
    "resnet20.cfg": lambda: resnet20(Darknet("ResNet-20", 3, 32)),
    "resnet20.prototxt": lambda: resnet20(Caffe("ResNet-20", 3, 32)),
    "mobilenet.cfg": lambda: mobilenet(Darknet("MobileNet", 3, 224)),
    "mobilenet.prototxt": lambda: mobilenet(Caffe("MobileNet", 3, 224)),
}

if __name__ == "__main__":
    for file, text in FILES.items():
        (FOLDER / file).write_text(text(), encoding="utf-8")
