"""Import of Caffe's files: what they compute, by NumPy, and how the specs read that people get."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.formats.reading import ModelImportError
from netspec.workflows.import_model import Imported, import_model
from tests.formats.caffe_twin import caffemodel, conv, layer, lrn, pool, prototxt, softmax

RNG = np.random.default_rng(3)


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32) * 0.3


def imported(
    folder: Path, net: list[Any], *, weights: bytes | None = None, solver: str = "", **options: Any
) -> Imported:
    """Import a network that is written into a folder."""
    (folder / "twin.prototxt").write_text(prototxt(net))
    files = [folder / "twin.prototxt"]
    if weights is not None:
        (folder / "twin.caffemodel").write_bytes(weights)
        files.append(folder / "twin.caffemodel")
    if solver:
        (folder / "solver.prototxt").write_text(solver)
        files.append(folder / "solver.prototxt")
    return import_model(files, out=folder / "twin.net", force=True, **options)


def body(made: Imported) -> str:
    """Return the layers of a spec, without its first lines."""
    return made.spec.read_text().split("\n\n", 1)[1]


def logits(made: Imported, x: Any) -> Any:
    assert made.model is not None
    run = ns.open(made.model)
    return np.asarray(run.model.forward(run.variables, x))


def data(shape: str, transform: str = "scale: 1") -> Any:
    """Return a data layer whose source is not a dataset that netspec has."""
    return layer(
        "Data", "data", "", "data label", f'transform_param {{ {transform} }} data_param {{ source: "x" {shape} }}'
    )


def test_layers_compute_what_caffe_computes(tmp_path: Path) -> None:
    k1, b1, k2, k3, b3 = normal(8, 3, 3, 3), normal(8), normal(8, 4, 3, 3), normal(8, 8, 1, 1), normal(8)
    mean, variance, factor = normal(8), np.abs(normal(8)) + 0.5, np.float32([2.5])
    gamma, beta = normal(8), normal(8)
    fc, fb = normal(10, 12 * 3 * 3), normal(10)
    net = [
        layer("Data", "data", "", "data label", "transform_param { scale: 0.01 }"),
        layer("Convolution", "c1", "data", "c1", "convolution_param { num_output: 8 kernel_size: 3 pad: 1 }", k1, b1),
        layer("BatchNorm", "n1", "c1", "c1", "", mean * factor, variance * factor, factor),
        layer("Scale", "s1", "c1", "c1", "scale_param { bias_term: true }", gamma, beta),
        layer("ReLU", "r1", "c1", "c1", "relu_param { negative_slope: 0.1 }"),
        layer("Pooling", "p1", "c1", "p1", "pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }"),
        layer("LRN", "l1", "p1", "l1", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 }"),
        layer(
            "Convolution", "c2", "l1", "c2",
            "convolution_param { num_output: 8 kernel_size: 3 pad: 2 dilation: 2 group: 2 bias_term: false }", k2,
        ),
        layer("Convolution", "c3", "l1", "c3", "convolution_param { num_output: 8 kernel_size: 1 }", k3, b3),
        layer("Eltwise", "e1", "c2 c3", "e1", "eltwise_param { operation: SUM }"),
        layer("Slice", "cut", "e1", "left right", "slice_param { slice_point: 4 }"),
        layer("Eltwise", "e2", "left right", "e2", "eltwise_param { operation: PROD }"),
        layer("Concat", "cat", "e2 e1", "cat"),
        layer("Pooling", "p2", "cat", "p2", "pooling_param { pool: AVE kernel_size: 3 stride: 3 pad: 1 }"),
        layer("Dropout", "d", "p2", "p2", "dropout_param { dropout_ratio: 0.4 }"),
        layer("InnerProduct", "fc", "p2", "fc", "inner_product_param { num_output: 10 transpose: true }", fc.T, fb),
        layer("SoftmaxWithLoss", "loss", "fc label", "loss"),
        layer("Accuracy", "top", "fc label", "top", "include { phase: TEST }"),
    ]  # fmt: skip
    made = imported(tmp_path, net, weights=caffemodel(net), shape=(3, 10, 11))
    x = RNG.integers(0, 256, (4, 3, 10, 11)).astype(np.uint8)

    y = conv(x[:, ::-1] * 0.01, k1, b1, 1, 1)  # blue first
    shape = (1, 8, 1, 1)
    y = (y - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + 1e-5) * gamma.reshape(shape) + beta.reshape(shape)
    y = pool(np.where(y > 0, y, 0.1 * y), 3, 2, 1, "MAX")
    y = lrn(y, 5, 0.5, 0.75)
    y = conv(y, k2, None, 1, 2, 2, 2) + conv(y, k3, b3, 1, 0)
    y = pool(np.concatenate([y[:, :4] * y[:, 4:], y], 1), 3, 3, 1, "AVE")
    expected = softmax(y.reshape(4, -1) @ fc.T + fb)
    np.testing.assert_allclose(logits(made, x), expected, rtol=2e-5, atol=1e-6)
    assert not made.unknown
    assert body(made) == (
        "conv 8 3x3 pad=same; batchnorm leaky_relu(0.1) momentum=0.999\n"
        "pool 3x3 stride=2 pad=1 ceil; lrn 5 alpha=0.5\n"
        "residual { conv 8 3x3 pad=2 dilation=2 groups=2 nobias } { conv 8 1x1 }\n"
        "branch { branch { channels 4 } { channels 4 offset=4 } multiply } { } concat\n"
        "avgpool 3 pad=1 ceil count_padding; dropout 0.4\n"
        "fc 10 softmax\n"
    )


def test_more_layers_compute_what_caffe_computes(tmp_path: Path) -> None:
    deconv, db, slope = normal(3, 4, 2, 2), normal(4), np.abs(normal(4))
    gate, gb, alone, shift = normal(4, 4, 1, 1), normal(4), normal(4), normal(4)
    mean, variance, fc, fb = normal(4), np.abs(normal(4)) + 0.5, normal(6, 4 * 4 * 4), normal(6)
    twice = "num_output: 4 kernel_size: 2 stride: 2"
    net = [
        data("", "scale: 0.01"),
        layer("Power", "w", "data", "w", "power_param { scale: 0.5 shift: -0.2 }"),
        layer("Deconvolution", "d", "w", "d", f"convolution_param {{ {twice} }}", deconv, db),
        layer("PReLU", "p", "d", "d", "", slope),
        layer("BatchNorm", "n", "d", "n", "", mean, variance, np.float32([1])),
        layer("Pooling", "g", "n", "g", "pooling_param { pool: AVE global_pooling: true }"),
        layer("Convolution", "gate", "g", "gate", "convolution_param { num_output: 4 kernel_size: 1 }", gate, gb),
        layer("Sigmoid", "s", "gate", "gate"),
        layer("Scale", "se", "n gate", "se", "scale_param { axis: 0 }"),
        layer("ELU", "e", "se", "e"),
        layer("TanH", "t", "se", "t"),
        layer("AbsVal", "a", "se", "a"),
        layer("BNLL", "b", "se", "b"),
        layer("Eltwise", "max", "e t a", "max", "eltwise_param { operation: MAX }"),
        layer("Eltwise", "minus", "max b", "minus", "eltwise_param { operation: SUM coeff: 1 coeff: -1 }"),
        layer("Scale", "alone", "minus", "alone", "scale_param { bias_term: true }", alone, shift),
        layer("Exp", "exp", "alone", "exp", "exp_param { scale: 0.1 }"),
        layer("Crop", "crop", "exp data", "crop", "crop_param { axis: 2 offset: 1 offset: 2 }"),
        layer("Flatten", "flat", "crop", "flat"),
        layer("InnerProduct", "fc", "flat", "fc", "inner_product_param { num_output: 6 }", fc, fb),
        layer("EuclideanLoss", "loss", "fc label", "loss"),
    ]  # fmt: skip
    # The first layer is no convolution: nothing in the network can hold the order of colors.
    with pytest.raises(ModelImportError, match="the first layer is no plain convolution"):
        imported(tmp_path, net, weights=caffemodel(net), shape=(3, 4, 4))
    net[0]["type"], net[0]["top"] = "Input", ["data"]
    net[0]["text"] = "input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } }"
    net[-1]["type"], net[-1]["bottom"] = "Split", ["fc"]
    with pytest.raises(ModelImportError, match="no file says how pixels become numbers"):
        imported(tmp_path, net, weights=caffemodel(net))
    made = imported(tmp_path, net, weights=caffemodel(net), partial=True)

    def each(a: Any) -> Any:
        return a.reshape(1, 4, 1, 1)

    x = RNG.normal(size=(2, 3, 4, 4)).astype(np.float32)
    w = x * 0.5 - 0.2
    y = np.einsum("nchw,coij->nohiwj", w, deconv).reshape(2, 4, 8, 8) + each(db)
    y = np.where(y > 0, y, each(slope) * y)
    y = (y - each(mean)) / np.sqrt(each(variance) + 1e-5)
    y = y / (1 + np.exp(-(y.mean((2, 3)) @ gate[:, :, 0, 0].T + gb)))[:, :, None, None]
    most = np.maximum(np.maximum(np.where(y > 0, y, np.exp(y) - 1), np.tanh(y)), np.abs(y))
    y = np.exp(0.1 * ((most - np.log1p(np.exp(y))) * each(alone) + each(shift)))
    expected = y[:, :, 1:5, 2:6].reshape(2, -1) @ fc.T + fb
    np.testing.assert_allclose(logits(made, x), expected, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("legacy", [False, True])
def test_means_and_blue_first_are_put_into_the_weights(tmp_path: Path, pad: int, legacy: bool) -> None:
    kernel, bias, fc, fb = normal(4, 3, 3, 3), normal(4), normal(5, 4), normal(5)
    text = "mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.017 mirror: true crop_size: 7"
    net = [
        data("", text),
        layer(
            "Convolution",
            "c",
            "data",
            "c",
            f"convolution_param {{ num_output: 4 kernel_size: 3 pad: {pad} }}",
            kernel,
            bias,
        ),
        layer("Pooling", "p", "c", "p", "pooling_param { pool: AVE global_pooling: true }"),
        layer("InnerProduct", "f", "p", "f", "inner_product_param { num_output: 5 }", fc, fb),
        layer("SoftmaxWithLoss", "loss", "f label", "loss"),
    ]
    made = imported(tmp_path, net, weights=caffemodel(net[1:], legacy=legacy))
    x = RNG.integers(0, 256, (2, 3, 7, 7)).astype(np.uint8)
    y = (x[:, ::-1].astype(float) - np.array([104, 117, 123]).reshape(1, 3, 1, 1)) * 0.017
    expected = softmax(conv(y, kernel, bias, 1, pad).mean((2, 3)) @ fc.T + fb)
    np.testing.assert_allclose(logits(made, x), expected, rtol=2e-5, atol=1e-6)
    assert ("freeze preparation" in made.spec.read_text()) == bool(pad)


def test_old_layers_and_solvers_are_read(tmp_path: Path) -> None:
    (tmp_path / "old.prototxt").write_text(
        'name: "old"\ninput: "data"\ninput_dim: 1 input_dim: 1 input_dim: 28 input_dim: 28\n'
        'layers { bottom: "data" top: "c" name: "c" type: CONVOLUTION blobs_lr: 0 blobs_lr: 0\n'
        "  convolution_param { num_output: 4 kernel_h: 3 kernel_w: 5 stride: 2 weight_filler < type: 'msra' > } }\n"
        'layers { bottom: "c" top: "f" name: "f" type: INNER_PRODUCT blobs_lr: 10 blobs_lr: 20\n'
        "  inner_product_param { num_output: 3 weight_filler { type: 'msra' } } }\n"
        'layers { bottom: "f" top: "prob" name: "prob" type: SOFTMAX }\n'
    )
    (tmp_path / "solver.prototxt").write_text(
        'base_lr: 0.1 lr_policy: "poly" power: 2 momentum: 0.9 max_iter: 100 solver_type: NESTEROV clip_gradients: 5'
    )
    made = import_model([tmp_path / "old.prototxt", tmp_path / "solver.prototxt"], out=tmp_path / "old.net")
    assert made.spec.read_text() == (
        "# old, from Caffe: 1,939 parameters.\ninput 1x28x28\ninit he_normal\n\n"
        "conv 4 3x5 stride=2 as c\nfc 3 softmax as f\n\nfreeze c\nrate f 10\n\n"
        "train {\n  optimizer sgd lr=0.1 momentum=0.9 nesterov\n  schedule polynomial 2\n  batch 64\n  clip 5\n}\n"
    ).replace("\n\nfreeze", "\nfreeze")


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ('lr_policy: "step" stepsize: 938 gamma: 0.5', "step 1 factor=0.5"),
        ('lr_policy: "multistep" stepvalue: 938 stepvalue: 1407 gamma: 0.1', 'multistep "1 1.5" factor=0.1'),
        ('lr_policy: "inv" gamma: 0.0001 power: 0.75', "inverse 0.0938 power=0.75"),
        ('lr_policy: "exp" gamma: 0.999', "exponential 0.3912262"),
        ('lr_policy: "poly" power: 1', "polynomial 1"),
        ('lr_policy: "fixed"', ""),
    ],
)
def test_policies_become_schedules(tmp_path: Path, policy: str, line: str) -> None:
    net = [
        layer(
            "Data",
            "d",
            "",
            "data label",
            'data_param { source: "mnist_lmdb" batch_size: 64 } transform_param { scale: 0.00390625 }',
        ),
        layer("InnerProduct", "f", "data", "f", "inner_product_param { num_output: 10 }"),
        layer("SoftmaxWithLoss", "loss", "f label", "loss"),
    ]
    made = imported(tmp_path, net, solver=f"base_lr: 0.01 max_iter: 1876 {policy}")
    text = made.spec.read_text()
    assert "epochs 2" in text
    assert "data mnist { scale divisor=256 }" in text
    assert (f"schedule {line}" in text) if line else "schedule" not in text


@pytest.mark.parametrize(
    ("solver", "lines"),
    [
        ('type: "Adam" momentum: 0.9 weight_decay: 0.5', ["optimizer adam lr=0.01 weight_decay=0.5 kernels"]),
        ('type: "Adam" momentum: 0.8 momentum2: 0.99 delta: 1e-7', ["adam lr=0.01 beta1=0.8 beta2=0.99 epsilon=1e-7"]),
        # A penalty of l2 has twice the weight as its slope.
        ('type: "AdaGrad" weight_decay: 0.5', ["optimizer adagrad lr=0.01 epsilon=1e-8", "l2 0.25"]),
        ('type: "RMSProp" rms_decay: 0.98', ["optimizer rmsprop lr=0.01 decay=0.98 epsilon=1e-8"]),
        ('type: "AdaDelta" momentum: 0.95 delta: 1e-6', ["optimizer adadelta lr=0.01 rho=0.95 epsilon=1e-6"]),
    ],
)
def test_solvers_become_optimizers(tmp_path: Path, solver: str, lines: list[str]) -> None:
    net = [
        layer("Data", "d", "", "data label", 'data_param { source: "mnist" batch_size: 64 }'),
        layer(
            "InnerProduct",
            "f",
            "data",
            "f",
            "param { decay_mult: 1 } param { decay_mult: 0 } inner_product_param { num_output: 10 }",
        ),
        layer("SoftmaxWithLoss", "loss", "f label", "loss"),
    ]
    text = imported(tmp_path, net, solver=f"base_lr: 0.01 {solver}").spec.read_text()
    assert all(line in text for line in lines), text


def test_a_dataset_is_named_only_if_the_classes_are_its_own(tmp_path: Path) -> None:
    net = [
        layer("Data", "d", "", "data label", 'data_param { source: "my_mnist_lmdb" }'),
        layer("InnerProduct", "f", "data", "f", "inner_product_param { num_output: 3 }"),
        layer("SoftmaxWithLoss", "loss", "f label", "loss"),
    ]
    text = imported(tmp_path, net).spec.read_text()
    assert "fc 3 softmax" in text
    assert "\ndata " not in text


@pytest.mark.parametrize(
    ("policy", "named"),
    [('"sigmoid"', "sigmoid"), ('"multistep" stepvalue: 20 stepvalue: 10', "multistep"), ('"exp" gamma: 3', "exp")],
)
def test_a_policy_without_an_equal_is_named(tmp_path: Path, policy: str, named: str) -> None:
    net = [
        layer("Data", "d", "", "data label", 'data_param { source: "mnist" batch_size: 64 }'),
        layer("InnerProduct", "f", "data", "f", "inner_product_param { num_output: 10 }"),
        layer("SoftmaxWithLoss", "loss", "f label", "loss"),
    ]
    with pytest.raises(ModelImportError, match=f"lr_policy '{named}'"):
        imported(tmp_path, net, solver=f"base_lr: 0.01 max_iter: 9 lr_policy: {policy}")


MODELS = "models/caffe"
PUBLISHED = {
    "bvlc_alexnet_deploy": 60_965_224,
    "bvlc_googlenet_train_val": 13_378_280,
    "cifar10_cifar10_quick_train_test": 145_578,
    "mnist_lenet": 431_080,
    "mnist_lenet_train_test": 431_080,
    "mnist_mnist_autoencoder": 2_837_314,
}


GIVEN = os.environ.get("NETSPEC_DATA", "")


def shared(name: str) -> Path:
    """Return a file of the published models, or skip the test."""
    path = Path(GIVEN) / MODELS / name
    if not path.is_file():
        pytest.skip(f"{MODELS}/{name} is not in NETSPEC_DATA")
    return path


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_their_parameters(tmp_path: Path, name: str) -> None:
    made = import_model([shared(f"{name}.prototxt")], out=tmp_path / "a.net")
    assert made.parameters == PUBLISHED[name]
    assert not made.unknown
    assert ns.load(made.spec).graph()


def test_googlenet_is_a_block_and_its_uses(tmp_path: Path) -> None:
    text = import_model([shared("bvlc_googlenet_train_val.prototxt")], out=tmp_path / "a.net").spec.read_text()
    assert len(text.splitlines()) < 60
    assert "block inception(c1, c2, c3, c4, c5, c6) {" in text
    assert "inception 384 192 384 48 128 128 as inception_5b" in text


@pytest.mark.mnist
def test_the_trained_lenet_is_as_good_as_it_was(tmp_path: Path, mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("mnist_lenet.prototxt", "lenet_iter_10000.caffemodel", "mnist_lenet_solver.prototxt")
    made = import_model([shared(name) for name in names], out=tmp_path / "lenet.net")
    assert made.model is not None
    monkeypatch.setenv("NETSPEC_DATA", str(mnist.parent))
    # Caffe's own tutorial reports about 99.1 %.
    found = ns.open(made.model).evaluate("mnist")
    assert found.accuracy == pytest.approx(0.9914, abs=1e-4)
