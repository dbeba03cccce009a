"""MNIST, and the datasets that were published in its form: four IDX files of images and labels."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from netspec.data.arrays import idx
from netspec.data.builtin.published import Found, Published, PublishedFile, part
from netspec.data.types import Split

__all__ = ["FASHION_MNIST", "KMNIST", "MNIST"]


def _set(
    name: str, mirrors: tuple[str, ...], pins: tuple[tuple[int, str], ...], *, unpacked: bool = False
) -> Published:
    """Return a dataset of four files, each known by its size and SHA-256."""
    files = []
    for idx_name, (size, sha256) in zip(idx.NAMES, pins, strict=True):
        kept = idx_name if unpacked else f"{idx_name}.gz"
        urls = tuple(f"{mirror}{idx_name}.gz" for mirror in mirrors)
        files.append(PublishedFile(kept, urls, size, sha256, unpacked))

    def read(found: Found) -> tuple[Split, Split]:
        images, labels, test_images, test_labels = (
            _array(*each, dimensions) for each, dimensions in zip(found, (3, 1, 3, 1), strict=True)
        )
        train = part(name, images[:, None], labels, found[0][1])
        return train, part(name, test_images[:, None], test_labels, found[2][1])

    bundled = "digits" if name == "mnist" else ""
    return Published(name, name, tuple(files), read, loose=name == "mnist", fallback=bundled)


def _array(file: PublishedFile, path: Any, dimensions: int) -> NDArray[Any]:
    if file.unpacked:
        return idx.read_idx(path, dimensions=dimensions, sha256=file.sha256)
    with file.opened(path) as stream:
        return idx.read_stream(stream, path, path.stat().st_size, dimensions=dimensions)


# What is in the files is pinned, for mirrors wrap it with different gzips. Published are MD5s of it.
MNIST = _set(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    (
        (47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        (60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        (7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        (10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    unpacked=True,
)

# Sizes and SHA-256 of the packed files: TensorFlow Datasets 4.9.10, url_checksums/fashion_mnist.txt. torchvision pins
# the same files by MD5, as do the other mirrors: Keras, the authors' repository, Paddle.
FASHION_MNIST = _set(
    "fashion_mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://dataset.bj.bcebos.com/fashion_mnist/",
    ),
    (
        (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
)

# Sizes and SHA-256 of the packed files: TensorFlow Datasets 4.9.10, url_checksums/kmnist.txt. The second mirror is that
# of the authors' first release.
KMNIST = _set(
    "kmnist",
    (
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "https://storage.googleapis.com/kuzushiji-mnist/",
    ),
    (
        (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ),
)
