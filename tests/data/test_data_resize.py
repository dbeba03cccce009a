import numpy as np

from netspec.data.builtin import digits
from netspec.data.resize import resize


def test_shapes_and_channels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 8, 9), np.uint8)
    larger = resize(images, (28, 30))
    assert (larger.shape, larger.dtype) == ((3, 2, 28, 30), np.uint8)
    np.testing.assert_array_equal(larger[1, 1], resize(images[1:2, 1:], (28, 30))[0, 0])


def test_the_right_size_is_left_alone() -> None:
    images = np.zeros((3, 1, 8, 9), np.uint8)
    assert resize(images, (8, 9)) is images


def test_flat_images_stay_flat() -> None:
    assert np.unique(resize(np.full((2, 1, 8, 8), 77, np.uint8), (28, 28))).tolist() == [77]


def test_shrinking_is_antialiased() -> None:
    checkers = np.indices((64, 64)).sum(0) % 2 * 255
    small = resize(checkers.astype(np.uint8)[None, None], (8, 8))
    assert np.abs(small.astype(int) - 127).max() < 30


def test_there_and_back_is_nearly_the_same() -> None:
    images = digits.load()[1].images
    back = resize(resize(images, (28, 28)), (8, 8))
    assert np.abs(back.astype(int) - images).mean() < 20
