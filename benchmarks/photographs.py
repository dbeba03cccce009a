"""How well a model of MNIST reads photographs: its own test images as ink on paper, in bad light, and elsewhere.

    NETSPEC_DATA=… python benchmarks/photographs.py runs/mnist_fast/001 --count 200 --sheet sheet.png

Each test image is enlarged, turned a little, put somewhere on a large sheet, lit, and saved as a JPEG as a phone would.
The same pictures are read as they are (as `netspec predict --as-is` does), and with what is drawn looked for and
framed.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

import netspec as ns
from netspec.data import load
from netspec.data.files.images import read_picture
from netspec.recipe.catalog import find

SCENES = ("plain", "gradient", "shadow", "dim", "ruled", "blue pen", "chalk", "far away", "noise", "specks")


def photograph(digit: NDArray[np.uint8], scene: str, rng: np.random.Generator) -> bytes:
    """Return a JPEG of a digit, (28, 28) bright on black, in one of the `SCENES`."""
    width, height = [(900, 1200), (1200, 900), (800, 800)][rng.integers(3)]
    share = 0.12 if scene == "far away" else rng.uniform(0.3, 0.6)
    side = int(share * min(width, height) * 28 / 20)
    large = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC).rotate(rng.uniform(-8, 8))
    # Ink has hard edges.
    large = large.filter(ImageFilter.GaussianBlur(side / 60)).point(lambda v: max(0, min(255, (v - 90) * 6)))
    canvas = Image.new("L", (width, height))
    canvas.paste(large, (int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))))
    ink: NDArray[Any] = np.asarray(canvas, np.float32) / 255
    paper: NDArray[Any] = np.full((height, width), rng.uniform(0.8, 0.95), np.float32)
    if scene == "ruled":
        lines = Image.new("L", (width, height))
        draw = ImageDraw.Draw(lines)
        for y in range(40, height, 60):
            draw.line([(0, y), (width, y + 6)], fill=90, width=3)
        paper = paper * (1 - np.asarray(lines, np.float32) / 255)
    if scene == "specks":
        dots = Image.new("L", (width, height))
        draw = ImageDraw.Draw(dots)
        for _ in range(25):
            x, y, r = (int(rng.integers(low, high)) for low, high in ((0, width), (0, height), (1, 4)))
            draw.ellipse([x - r, y - r, x + r, y + r], fill=200)
        paper = paper * (1 - np.asarray(dots, np.float32) / 255)
    pixels = 0.15 + 0.7 * ink if scene == "chalk" else paper * (1 - (0.45 if scene == "blue pen" else 0.85) * ink)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    along = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)).astype(np.float32)
    light = {
        "gradient": 0.6 + 0.55 * along,
        "shadow": np.where(along > rng.uniform(-0.2, 0.2), 1.0, 0.45),
        "dim": np.full_like(along, 0.4),
        "chalk": 0.9 + 0.3 * along,
    }.get(scene, 0.95 + 0.1 * along)
    blurred = np.asarray(
        Image.fromarray((np.clip(light, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(6))
    )
    pixels = pixels * (blurred / 255) + rng.normal(0, 0.06 if scene == "noise" else 0.01, pixels.shape)
    gray = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
    stream = io.BytesIO()
    gray.convert("RGB").save(stream, "JPEG", quality=85)
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run folder or model file of MNIST")
    parser.add_argument("--count", type=int, default=200, help="photographs of each scene")
    parser.add_argument("--sheet", type=Path, help="where some of them are drawn, as they are and as they are framed")
    asked = parser.parse_args()
    run = ns.open(asked.run)
    test, rng = load(["mnist"]).test, np.random.default_rng(0)
    rows = []
    totals = np.zeros(2)
    print(f"{'scene':<10} {'as is':>9} {'framed':>9}")
    for scene in SCENES:
        chosen = rng.integers(0, len(test), asked.count)
        shots = [photograph(test.images[i, 0], scene, rng) for i in chosen]
        right = []
        for like in (None, find("mnist")):
            read = [read_picture(s, (1, 28, 28), like=like, name="photograph").pixels for s in shots]
            answers = run.probabilities(np.stack(read)).argmax(axis=1)
            right.append(float((answers == test.labels[chosen]).mean()))
            rows.append((shots[:10], read[:10]))
        totals += right
        print(f"{scene:<10} {right[0]:>9.1%} {right[1]:>9.1%}")
    print(f"{'all':<10} {totals[0] / len(SCENES):>9.1%} {totals[1] / len(SCENES):>9.1%}")
    if asked.sheet:
        draw_sheet(rows[1::2], asked.sheet)


def draw_sheet(rows: list[tuple[list[bytes], list[NDArray[np.uint8]]]], path: Path) -> None:
    """Draw ten photographs of each scene, what was made of each under it."""
    sheet = Image.new("L", (10 * 120, len(rows) * 190), 128)
    for r, (shots, read) in enumerate(rows):
        for c, (shot, pixels) in enumerate(zip(shots, read, strict=True)):
            small = Image.open(io.BytesIO(shot)).convert("L")
            small.thumbnail((112, 112))
            sheet.paste(small, (c * 120 + 4, r * 190 + 4))
            sheet.paste(
                Image.fromarray(pixels[0]).resize((64, 64), Image.Resampling.NEAREST), (c * 120 + 4, r * 190 + 120)
            )
    sheet.save(path)


if __name__ == "__main__":
    main()
