"""The conciseness table is current, and its texts are the same networks: parameters layer by layer, shapes, values."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import sys
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.syntax import tables

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks" / "conciseness"))

import as_it_came
import count
import write_flat
from count import FOLDER, LANGUAGES, NETWORKS, WOVEN, net_tokens, python_tokens, read, used_blocks

PARAMETERS = {
    "lenet": 33_580,
    "resnet20": 272_474,
    "mobilenet": 4_231_976,
    "unet": 31_030_658,
    "gpt2": 124_439_808,
    "two_heads": 32 * (3 * 9 + 1) + 64 * (32 * 9 + 1) + 128 * (64 * 9 + 1) + 129 * 6,
}
OUTPUTS = {"lenet": 10, "resnet20": 10, "mobilenet": 1000}
SMALLER = {"unet": ["64", "128", "256", "512", "1024"], "gpt2": ["768", "3072", "50257", "1024"], "two_heads": []}
"""Of these numbers a network that is run has a sixteenth."""

Shape = tuple[int, ...]


@dataclass
class Flat:
    """What a reader of a flat format finds: the sizes of the trained arrays in order, and the shapes of the values."""

    sizes: list[int] = field(default_factory=list)
    shape: Shape = ()

    def conv(self, shape: Shape, filters: int, kernel: int, stride: int, pad: int, groups: int) -> Shape:
        channels, height, width = shape
        assert channels % groups == filters % groups == 0
        self.sizes.append(filters * channels // groups * kernel**2)
        return filters, (height + 2 * pad - kernel) // stride + 1, (width + 2 * pad - kernel) // stride + 1


def cfg(text: str) -> Flat:
    """Read a Darknet cfg with Darknet's defaults."""
    found, shapes = Flat(), list[Shape]()
    for name, body in re.findall(r"^\[(\w+)\]\n((?:\w+=.*\n)*)", text, re.MULTILINE):
        options = dict(line.split("=") for line in body.splitlines())

        def whole(key: str, default: int | None = None, options: dict[str, str] = options) -> int:
            value = options.pop(key, default)
            assert value is not None, key
            return int(value)

        assert options.pop("activation", "linear") in {"relu", "linear"}
        if name == "net":
            shape: Shape = (whole("channels"), whole("height"), whole("width"))
        elif name == "convolutional":
            filters, size, normalized = whole("filters"), whole("size", 1), whole("batch_normalize", 0)
            pad = size // 2 if whole("pad", 0) else 0
            shape = found.conv(shape, filters, size, whole("stride", 1), pad, whole("groups", 1))
            found.sizes += [filters] * (2 if normalized else 1)
        elif name == "maxpool":
            stride = whole("stride")
            size = whole("size", stride)
            shape = (shape[0], *((n + size - 1 - size) // stride + 1 for n in shape[1:]))
        elif name == "avgpool":
            shape = shape[:1]
        elif name == "route":
            shape = shapes[len(shapes) + whole("layers")]
        elif name == "shortcut":
            assert shapes[len(shapes) + whole("from")] == shape
        elif name == "connected":
            outputs = whole("output")
            found.sizes += [outputs * prod(shape), outputs]
            shape = (outputs,)
        else:
            assert name == "softmax"
        assert not options, (name, options)
        if name != "net":
            shapes.append(shape)
    found.shape = shape
    return found


def messages(text: str) -> dict[str, list[Any]]:
    """Read protocol buffers' text form."""
    tokens = iter(re.findall(r'"[^"]*"|[\w.]+|[{}]', re.sub(r"#.*", "", text)))

    def message() -> dict[str, list[Any]]:
        fields: dict[str, list[Any]] = {}
        for name in tokens:
            if name == "}":
                break
            value = next(tokens)
            fields.setdefault(name, []).append(message() if value == "{" else value.strip('"'))
        return fields

    return message()


def prototxt(text: str) -> Flat:
    """Read a Caffe prototxt with Caffe's defaults."""
    found, blobs = Flat(), dict[str, Shape]()
    for layer in messages(text)["layer"]:
        [kind], [top] = layer["type"], layer["top"]
        [options] = [v[0] for k, v in layer.items() if k.endswith("_param")] or [{}]
        bottoms = [blobs[name] for name in layer.get("bottom", [])]

        def whole(key: str, default: int | None = None, options: dict[str, Any] = options) -> int:
            [value] = options.get(key, [default])
            return int(value)

        shape: Shape
        if kind == "Input":
            shape = tuple(map(int, options["shape"][0]["dim"]))[1:]
        elif kind == "Convolution":
            filters = whole("num_output")
            geometry = whole("kernel_size"), whole("stride", 1), whole("pad", 0)
            shape = found.conv(bottoms[0], filters, *geometry, whole("group", 1))
            found.sizes += [filters] * (options.get("bias_term") != ["false"])
        elif kind == "Scale":
            assert options == {"bias_term": ["true"]}
            shape = bottoms[0]
            found.sizes += [shape[0]] * 2
        elif kind == "Pooling":
            if "global_pooling" in options:
                shape = (bottoms[0][0], 1, 1)
            else:
                size, stride = whole("kernel_size"), whole("stride", 1)
                shape = (bottoms[0][0], *(-(-(n - size) // stride) + 1 for n in bottoms[0][1:]))
        elif kind == "InnerProduct":
            shape = (whole("num_output"),)
            found.sizes += [shape[0] * prod(bottoms[0]), shape[0]]
        else:
            assert kind in {"ReLU", "BatchNorm", "Eltwise", "Softmax"}
            assert len(set(bottoms)) == 1
            shape = bottoms[0]
        blobs[top] = found.shape = shape
    return found


def graph(network: str) -> ns.Graph:
    return ns.load(FOLDER / f"{network}.net").graph()


def sizes(network: str) -> list[int]:
    """Return the sizes of the trained arrays of the spec, in order."""
    return [p.size for p in graph(network).parameters.values() if p.trainable]


def test_the_page_is_current() -> None:
    assert count.PAGE.read_text(encoding="utf-8") == count.page()


def test_the_published_files_are_those_that_are_recorded() -> None:
    rows = json.loads(count.IMPORTED.read_text(encoding="utf-8"))
    assert {row["file"]: row["title"] for row in rows} == as_it_came.FILES


@pytest.mark.parametrize("name", as_it_came.FILES)
def test_published_files_and_their_specs_have_the_recorded_counts(name: str) -> None:
    path = Path(os.environ.get("NETSPEC_DATA", "")) / "models" / name
    if not path.is_file():
        pytest.skip(f"models/{name} is not in NETSPEC_DATA")
    rows = {row["file"]: row for row in json.loads(count.IMPORTED.read_text(encoding="utf-8"))}
    assert as_it_came.counted(path, name)._asdict() == rows[name]


@pytest.mark.parametrize("file", write_flat.FILES)
def test_the_written_files_are_current(file: str) -> None:
    assert (FOLDER / file).read_text(encoding="utf-8") == write_flat.FILES[file]()


@pytest.mark.parametrize("network", NETWORKS)
def test_the_spec_is_the_network_of_the_paper(network: str) -> None:
    found = graph(network)
    assert found.parameter_count == PARAMETERS[network]
    assert found.shape(found.output) == (OUTPUTS[network],)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("reader", "language"), [(cfg, "cfg"), (prototxt, "prototxt")])
def test_the_flat_formats_have_the_same_parameters_layer_by_layer(network: str, reader: Any, language: str) -> None:
    found = reader(read(network, language))
    assert found.sizes == sizes(network)
    assert found.shape == (OUTPUTS[network],)


@pytest.mark.parametrize("network", [*NETWORKS, *WOVEN])
@pytest.mark.parametrize("language", ["torch.py", "keras.py"])
def test_the_programs_define_the_network(network: str, language: str) -> None:
    *_, last = ast.parse(read(network, language)).body
    assert isinstance(last, ast.Assign)
    assert ast.unparse(last.targets[0]) == network


@pytest.mark.parametrize("network", NETWORKS)
def test_the_spec_computes_what_pytorch_computes(torch: Any, network: str) -> None:
    generator = torch.Generator().manual_seed(0)
    twin = runpy.run_path(str(FOLDER / f"{network}.torch.py"))[network].eval()
    assert sum(p.numel() for p in twin.parameters()) == PARAMETERS[network]

    # Nothing stays 0 or 1, so that a swapped or forgotten array shows; and kernels are as large as He et al. 2015 have
    # them, for with PyTorch's own the last layers of MobileNet would see next to nothing of the image.
    arrays = {k: v for k, v in twin.state_dict().items() if not k.endswith("num_batches_tracked")}
    for array in arrays.values():
        if array.ndim == 1:
            array.add_(0.1 * torch.rand(array.shape, generator=generator))
        else:
            array.normal_(0, (2 / prod(array.shape[1:])) ** 0.5, generator=generator)
    # Small images do for MobileNet: its weights are the same at every size.
    model = ns.compile(ns.parse(read(network, "net").replace("224x224", "64x64")))
    # Both list their arrays in the order of the layers.
    trees: dict[bool, dict[str, dict[str, Any]]] = {True: {}, False: {}}
    for parameter, array in zip(model.graph.parameters.values(), arrays.values(), strict=True):
        node, _, name = parameter.path.rpartition("/")
        assert parameter.shape == tuple(array.shape), parameter.path
        trees[parameter.trainable].setdefault(node, {})[name] = array.numpy()

    shape = model.graph.input
    images = torch.rand((2, *shape), generator=generator)
    with torch.no_grad():
        expected = twin.double()(images.double()).numpy()
    found = np.asarray(model.logits(ns.Variables(trees[True], trees[False]), images.numpy()))
    assert found.shape == expected.shape == (2, OUTPUTS[network])
    # What tells the two images apart must agree too, not only the large part that they share.
    for ours, theirs in ((found, expected), (found[0] - found[1], expected[0] - expected[1])):
        assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("network", WOVEN)
def test_the_woven_spec_has_the_parameters_of_the_paper(network: str) -> None:
    assert graph(network).parameter_count == PARAMETERS[network]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("network", WOVEN)
def test_the_woven_spec_computes_what_pytorch_computes(torch: Any, network: str, tmp_path: Path) -> None:
    """Widths are smaller in both texts; weights go across by the names of PyTorch's layers, in the spec's order."""

    def less(text: str) -> str:
        for number in SMALLER[network]:
            text = re.sub(rf"\b{number}\b", str(int(number) // 16), text)
        return text

    (tmp_path / "twin.py").write_text(less(read(network, "torch.py")))
    twin = runpy.run_path(str(tmp_path / "twin.py"))[network].eval()
    arrays = dict(twin.named_parameters())
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for array in arrays.values():
            array.normal_(0, 0.1 if array.ndim == 1 else (2 / prod(array.shape[1:])) ** 0.5, generator=generator)
    model = ns.compile(ns.parse(less(read(network, "net"))))
    tree: dict[str, dict[str, Any]] = {}
    for parameter, array in zip(model.graph.parameters.values(), sorted(arrays, key=_place), strict=True):
        node, _, name = parameter.path.rpartition("/")
        found = arrays[array].detach().numpy()
        found = found.T if "positions" in array else found
        assert parameter.shape == found.shape, (parameter.path, array)
        tree.setdefault(node, {})[name] = found

    if network == "gpt2":
        x = torch.randint(0, model.graph.tokens, (2, 64), generator=generator)
    else:
        x = torch.rand((2, *model.graph.input), generator=generator)
    with torch.no_grad():
        outputs = twin.double()(x if network == "gpt2" else x.double())
    expected = outputs if isinstance(outputs, tuple) else (outputs.mT if network == "gpt2" else outputs,)
    found = model.logits(ns.Variables(tree, {}), x.numpy().astype(np.int32 if network == "gpt2" else np.float32))
    found = list(found.values()) if isinstance(found, dict) else [found]
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(np.asarray(ours) - theirs.numpy()).max() < 1e-4 * np.abs(theirs.numpy()).max()


def _place(name: str) -> tuple[int, int]:
    """Return where a parameter of PyTorch's stands in the spec: its encoder layers list their norms at the end."""
    order = ["norm1", "self_attn", "norm2", "linear1", "linear2"]
    found = re.match(r"layers\.layers\.(\d+)\.(\w+)", name)
    if found:
        return 1 + int(found[1]), order.index(found[2])
    return (100, 0) if name.startswith("layers.norm") else (0, 0)


# --- counting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [*(read(n, "net") for n in (*NETWORKS, *WOVEN)), "a x5 5x5 (k)x(k) -1..1 1e-3 2.5 # x", "x y(0.1) as z"]
)
def test_spec_tokens_are_those_of_the_lexer_of_netspec(text: str) -> None:
    found = [str(t) for t in tables.build().lex(text) if str(t) != "\n"]
    assert net_tokens(text) == found


def test_python_tokens_are_without_layout() -> None:
    text = "def f(x):  # a comment\n\n    return x // 2.5, 'a b'\n"
    assert python_tokens(text) == ["def", "f", "(", "x", ")", ":", "return", "x", "//", "2.5", ",", "'a b'"]


@pytest.mark.parametrize(
    ("text", "language", "lines", "tokens"),
    [
        ("# a\n\n[net]\nwidth=28\n", "cfg", 2, 6),
        ('layer { # a\n  name: "a b"\n}\n', "prototxt", 3, 6),
        ("conv 20 5x5 relu; pool 2\n", "net", 1, 9),
    ],
)
def test_counts(text: str, language: str, lines: int, tokens: int) -> None:
    assert language in LANGUAGES
    assert count.count(text, language) == count.Count(lines, tokens)


def test_used_blocks_are_those_named() -> None:
    assert used_blocks("conv_bn 16\n") == ""
    assert re.findall(r"^block (\w+)", used_blocks("include blocks\nconv_bn 16\n"), re.MULTILINE) == ["conv_bn"]
