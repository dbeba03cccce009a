"""The networks of `specs/models` with less in them: every kind of layer stays, widths, depths and images shrink."""

from __future__ import annotations

from typing import Any

import netspec as ns
from netspec.system.resources import specs_folder

__all__ = ["LETS", "SPECS", "small"]

SPECS = {path.stem: path for path in sorted((specs_folder() / "models").glob("*.net"))}

LETS: dict[str, dict[str, Any]] = {
    "bert_base": {"width": 12, "heads": 3, "layers": 2, "classes_of_texts": 3},
    "bilstm_tagger": {"vocabulary": 60},
    "convnext_tiny": {"width": 8},
    "densenet121": {"growth": 4},
    "encoder_decoder": {"vocabulary": 40, "length": 10, "width": 16, "heads": 4, "layers": 2},
    "gpt2": {"vocabulary": 50, "length": 12, "width": 12, "heads": 3, "layers": 2},
    "lstm_lm": {"vocabulary": 60, "width": 12},
    "resnet50": {"second": 1, "third": 2},
    "siamese": {"width": 4, "code": 16},
    "swin_t": {"width": 24},
    "text_cnn": {"vocabulary": 60},
    "unet": {"width": 4, "size": 188},
    "vit_b16": {"width": 24, "heads": 3, "layers": 2},
    "wavenet": {"length": 600, "width": 6, "skip": 10, "stacks": 1},
}
"""What is said in place of a `let`."""

IMAGES = {
    "inception_v3": (3, 96, 96),
    "multitask": (3, 32, 32),
    "r3d_18": (3, 4, 32, 32),
    "vgg16": (3, 32, 32),
    "vgg11_bn": (3, 32, 32),
}
"""Smaller ones than those of 64x64 pixels that networks for ImageNet get here, or larger."""


def small(name: str) -> ns.Network:
    """Return a network of `specs/models` that is quick to run."""
    network = ns.load(SPECS[name], let=LETS.get(name, {}))
    if name in IMAGES or (len(network.inputs) == 1 and network.input[1:] in {(224, 224), (128, 128)}):
        return network.model_copy(update={"input": IMAGES.get(name, (3, 64, 64))})
    return network
