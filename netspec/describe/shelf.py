"""The ready-made specs by what they are for: `netspec new --list` and docs/models.md."""

from __future__ import annotations

from pathlib import Path

from netspec.system.resources import ready_made

__all__ = ["KINDS", "shelf", "title"]

_TUTORIALS = "The networks of other libraries' tutorials"

KINDS = {
    "To begin with": "lenet mnist_fast mnist_best cifar10",
    "Classes of images": (
        "alexnet vgg11_bn vgg16 googlenet inception inception_v3 resnet18 resnet20 resnet50 densenet121 squeezenet "
        "mobilenet mobilenet_v2 mobilenet_v3_small shufflenet_v2 efficientnet_b0 convnext_tiny vit_tiny vit_b16 swin_t"
    ),
    "Classes of pixels": "unet",
    "Classes of films and volumes": "r3d_18",
    "Several labels, several answers": "multilabel multitask",
    "Several inputs": "siamese wide_and_deep",
    "Images from few numbers": "autoencoder vae",
    "Texts and other sequences": "lstm text_cnn bilstm_tagger transformer bert_base",
    "What comes next": "lstm_lm gpt2 wavenet encoder_decoder",
    _TUTORIALS: "blocks_mlp gluon_lenet gluon_mlp lasagne_cnn paddle_lenet paddle_mlp paddle_softmax torch_cnn",
}
"""What the specs are for → their names, in the order in which they are shown."""


def shelf() -> dict[str, dict[str, Path]]:
    """Return the ready-made specs by kind and name."""
    files = ready_made()
    return {kind: {name: files[name] for name in names.split()} for kind, names in KINDS.items()}


def title(path: Path) -> str:
    """Return what the first line of a spec says that it is."""
    with path.open(encoding="utf-8") as stream:
        return stream.readline().lstrip("# ").strip()
