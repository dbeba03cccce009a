"""What the tests of the pictures share: reading a picture back as pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


@pytest.fixture
def pixels_of(tmp_path: Path) -> Callable[[Callable[[Path], object]], Pixels]:
    """Draw into a fresh file, see that nothing else is left behind, and return (H, W, 3) pixels."""
    folder = tmp_path / "pictures"
    folder.mkdir()

    def draw(drawing: Callable[[Path], object]) -> Pixels:
        path = folder / "picture.png"
        assert drawing(path) == path
        assert [entry.name for entry in folder.iterdir()] == ["picture.png"]
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        with Image.open(path) as image:
            image.load()
            pixels = np.asarray(image.convert("RGB"))
        assert min(pixels.shape[:2]) >= 200
        assert max(pixels.shape[:2]) <= 8000
        assert np.ptp(pixels) > 50
        return pixels

    return draw


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
