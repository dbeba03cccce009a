"""Writes a handful of made-up examples beside each spec of this folder, so that the spec runs as it is.

    python specs/own/make_data.py

Everything is drawn from a fixed seed: what lies here already comes out again.
"""

from __future__ import annotations

import csv
import io
import math
import random
import wave
import zipfile
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent
_OLD = (2020, 1, 1, 0, 0, 0)  # The date of all files in the archives: the same bytes each time.


def main() -> None:
    """Write all of it."""
    shapes(random.Random(1))
    cells(random.Random(2))
    plants(random.Random(3))
    flats(random.Random(4))
    story(random.Random(5))
    reviews(random.Random(6))
    waves(np.random.default_rng(7))
    fruit(random.Random(8))
    names(random.Random(9))
    weather(random.Random(10))
    sounds(np.random.default_rng(10))


def shapes(rng: random.Random, *, size: int = 24, count: int = 30) -> None:
    """Write shapes.zip: color pictures in one folder a class."""
    files = {}
    for kind in ("circle", "square", "triangle"):
        for number in range(count):
            files[f"{kind}/{number}.png"] = _png(_shape(rng, kind, size))
    _archive("shapes.zip", files)


def cells(rng: random.Random, *, size: int = 32, count: int = 16) -> None:
    """Write cells.zip: grey pictures of bright spots, and for each a mask of where they are."""
    files = {}
    for number in range(count):
        picture, mask = Image.new("L", (size, size), rng.randint(20, 60)), Image.new("L", (size, size))
        for _ in range(rng.randint(2, 4)):
            radius, x, y = rng.randint(3, 6), rng.randint(4, size - 4), rng.randint(4, size - 4)
            box = (x - radius, y - radius, x + radius, y + radius)
            ImageDraw.Draw(picture).ellipse(box, fill=rng.randint(120, 230))
            ImageDraw.Draw(mask).ellipse(box, fill=255)
        noisy = picture.point([min(255, max(0, value + rng.randint(-12, 12))) for value in range(256)])
        files[f"images/{number}.png"], files[f"masks/{number}.png"] = _png(noisy), _png(mask)
    _archive("cells.zip", files)


def plants(rng: random.Random, *, count: int = 150) -> None:
    """Write plants.csv: numbers, a category, a boolean and missing cells; the kind of plant is to be learned."""
    rows = []
    for _ in range(count):
        kind = rng.choice(("fern", "moss", "reed"))
        height = {"fern": 40, "moss": 6, "reed": 120}[kind] * math.exp(rng.gauss(0, 0.4))
        leaves = {"fern": 30, "moss": 200, "reed": 9}[kind] * math.exp(rng.gauss(0, 0.5))
        soil = rng.choice({"fern": ("forest", "bog"), "moss": ("forest", "rock"), "reed": ("bog", "bog", "sand")}[kind])
        shade = rng.random() < {"fern": 0.8, "moss": 0.7, "reed": 0.2}[kind]
        known = rng.random() > 0.06
        rows.append((f"{height:.1f}" if known else "", round(leaves), soil, "yes" if shade else "no", kind))
    _table("plants.csv", ("height", "leaves", "soil", "shade", "kind"), rows)


def flats(rng: random.Random, *, count: int = 500) -> None:
    """Write flats.csv: numbers, a category and a short text; the price is to be learned."""
    per_meter = {"old town": 9.0, "harbor": 7.5, "hill": 11.0, "east": 5.5}
    rows = []
    for _ in range(count):
        area, rooms, town = rng.randint(25, 140), rng.randint(1, 5), rng.choice(sorted(per_meter))
        words = rng.sample(("quiet", "sunny", "renovated", "dark", "noisy", "balcony", "garden"), 2)
        value = area * per_meter[town] + 40 * rooms + sum(_WORTH.get(word, 0) for word in words) + rng.gauss(0, 15)
        rows.append((area, rooms, town, f"{words[0]} flat, {words[1]}", f"{value:.0f}"))
    _table("flats.csv", ("area", "rooms", "town", "title", "price"), rows)


_WORTH = {"sunny": 60, "renovated": 90, "balcony": 50, "garden": 80, "dark": -60, "noisy": -80}


def story(rng: random.Random, *, sentences: int = 600) -> None:
    """Write story.txt: sentences of few words, for a language model."""
    who, does = ("the fox", "the owl", "the old fisher", "a child", "the cat"), ("sees", "follows", "hears", "finds")
    what = ("the moon", "a lantern", "the river", "a red boat", "the fox", "an open door")
    when = ("at night", "in the rain", "by the mill", "before dawn", "again")
    lines = [f"{rng.choice(who)} {rng.choice(does)} {rng.choice(what)} {rng.choice(when)}." for _ in range(sentences)]
    (FOLDER / "story.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def reviews(rng: random.Random, *, count: int = 60) -> None:
    """Write reviews.zip: short texts in one folder a class."""
    about = ("the film", "this book", "the meal", "our hotel", "the play")
    praise = ("wonderful", "a joy", "worth every minute", "better than I hoped", "great")
    blame = ("dull", "a waste of time", "far too long", "worse than the last", "awful")
    files = {}
    for kind, words in (("good", praise), ("bad", blame)):
        for number in range(count):
            text = f"{rng.choice(about)} was {rng.choice(words)}. {rng.choice(about)} was {rng.choice(words)}, really."
            files[f"{kind}/{number}.txt"] = text.encode()
    _archive("reviews.zip", files)


def waves(rng: np.random.Generator, *, count: int = 240, length: int = 48) -> None:
    """Write waves.npz: sequences of two features, examples x features x length, with names of classes."""
    names = np.array(["saw", "sine", "square"])
    y = rng.integers(0, 3, count)
    turns = rng.uniform(2, 5, (count, 1)) * np.linspace(0, 1, length) + rng.uniform(0, 1, (count, 1))
    forms = np.stack([2 * (turns % 1) - 1, np.sin(2 * np.pi * turns), np.sign(np.sin(2 * np.pi * turns))])
    x = np.stack([forms[y, np.arange(count)], forms[y, np.arange(count)] ** 2], axis=1)
    x += rng.normal(0, 0.1, x.shape)
    np.savez_compressed(FOLDER / "waves.npz", x=x.astype("float16"), y=names[y])


def fruit(rng: random.Random, *, size: int = 24, count: int = 60) -> None:
    """Write fruit.csv, with a column of file names of the pictures in fruit/, and numbers to be learned."""
    (FOLDER / "fruit").mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        radius, ripe = rng.randint(4, 11), rng.random()
        picture = Image.new("RGB", (size, size), (235, 235, 225))
        box = (size / 2 - radius, size / 2 - radius, size / 2 + radius, size / 2 + radius)
        ImageDraw.Draw(picture).ellipse(box, fill=(round(80 + 150 * ripe), round(170 - 120 * ripe), 40))
        name = f"fruit/{number}.png"
        (FOLDER / name).write_bytes(_png(picture))
        rows.append((name, rng.choice(("north", "south")), f"{radius**3 * 0.4 + rng.gauss(0, 5):.0f}"))
    _table("fruit.csv", ("picture", "field", "grams"), rows)


def sounds(rng: np.random.Generator, *, rate: int = 4000, length: int = 2000, count: int = 18) -> None:
    """Write sounds.zip: WAV files of 8 bits in one folder a class: tones that rise, that fall, and noise."""
    time = np.arange(length) / length
    files = {}
    for kind in ("falling", "noise", "rising"):
        for number in range(count):
            low, high, loud = rng.uniform(200, 500), rng.uniform(900, 1500), rng.uniform(0.3, 0.8)
            pitch = low + (high - low) * (time if kind == "rising" else 1 - time)
            tone = np.sin(2 * np.pi * np.cumsum(pitch) / rate) + 0.03 * rng.normal(size=length)
            wave_form = loud * (0.4 * rng.normal(size=length) if kind == "noise" else tone)
            # Each begins later: before that it is silent.
            wave_form[: rng.integers(0, length // 4)] = 0
            files[f"{kind}/{number}.wav"] = _wav(np.clip(wave_form, -1, 1), rate)
    _archive("sounds.zip", files)


def names(rng: random.Random, *, count: int = 300) -> None:
    """Write names.conll: sentences, each word with a label for persons, places and times; some words may be several."""
    made: dict[str, str] = {}
    while len(made) < count:
        words: list[str] = []
        labels: list[str] = []
        for piece in rng.choice(_PATTERNS).split():
            kind = _KINDS.get(piece)
            own = kind(rng) if kind else [piece]
            words += own
            labels += [f"{'I' if at else 'B'}-{piece}" for at in range(len(own))] if kind else ["O"]
        lines = [f"{word}\t{label}" for word, label in zip(words, labels, strict=True)]
        made.setdefault(" ".join(words), "\n".join(lines))
    (FOLDER / "names.conll").write_text("\n\n".join(made.values()) + "\n", encoding="utf-8")


_PATTERNS = (
    "PER lives in LOC .",
    "PER and PER left LOC TIME .",
    "TIME PER sails from LOC to LOC .",
    "Has PER ever seen LOC ?",
    "The ferry to LOC leaves TIME .",
    "PER was born in LOC TIME .",
    "In LOC the market opens TIME .",
    "We met PER near LOC .",
    "TIME nobody lives in LOC .",
    "Give PER the map of LOC , please .",
    "PER , who came from LOC , sold the boat TIME .",
    "The road from LOC ends at the house of PER .",
    "PER will meet you TIME .",
    "May we visit PER in LOC ?",
    "The hill was green and the rose was red .",
    "Nobody saw the boat .",
)
_FIRST = ("Alva", "Bram", "Cleo", "Doran", "Edda", "Falk", "Gesa", "Hanno", "Ilka", "Joris", "May", "Rose", "Tilda")
_LAST = ("Brandt", "Dale", "Hill", "Korel", "Lund", "March", "Nyberg", "Osten", "Pohl", "Stone", "Varga", "Winter")
_PLACES = ("Arven", "Belmar", "Corsa", "Dale", "Elmira", "Fjorn", "Grava", "Hollin", "Ista", "Kestrel", "Luma", "Marn")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SEASONS = ("spring", "summer", "autumn", "winter", "March", "May", "June", "October")


def _person(rng: random.Random) -> list[str]:
    return [rng.choice(_FIRST), *([rng.choice(_LAST)] if rng.random() < 0.5 else [])]


def _place(rng: random.Random) -> list[str]:
    name = rng.choice(_PLACES)
    return rng.choice(([name], [name], ["Port", name], [name, "Hill"], ["New", name], ["Lake", name]))


def _time(rng: random.Random) -> list[str]:
    day, season, part = rng.choice(_DAYS), rng.choice(_SEASONS), rng.choice(("morning", "night"))
    return rng.choice((["on", day], ["on", day, part], ["in", season], ["in", "early", season], ["before", "noon"]))


_KINDS = {"PER": _person, "LOC": _place, "TIME": _time}


def _shape(rng: random.Random, kind: str, size: int) -> Image.Image:
    """Return a picture of one shape, with a place, a size and colors of its own."""
    dark = [rng.randint(0, 90) for _ in range(3)]
    picture = Image.new("RGB", (size, size), (dark[0], dark[1], dark[2]))
    half, x, y = rng.uniform(5, 9), size / 2 + rng.uniform(-3, 3), size / 2 + rng.uniform(-3, 3)
    color = (rng.randint(130, 255), rng.randint(130, 255), rng.randint(130, 255))
    draw = ImageDraw.Draw(picture)
    if kind == "circle":
        draw.ellipse((x - half, y - half, x + half, y + half), fill=color)
    elif kind == "square":
        draw.rectangle((x - half, y - half, x + half, y + half), fill=color)
    else:
        draw.polygon([(x, y - half), (x - half, y + half), (x + half, y + half)], fill=color)
    return picture


def weather(rng: random.Random, *, count: int = 1000) -> None:
    """Write weather.csv: a day in each row; tomorrow's temperature follows from today's, its wind, and the season."""
    rows = []
    wind, beside, first = "west", 0.0, date(2022, 1, 1)
    for day in range(count):
        season = 10 - 9 * math.cos(2 * math.pi * (day - 20) / 365.25)
        rain = rng.random() < {"west": 0.6, "south": 0.4, "north": 0.3, "east": 0.1}[wind]
        pressure = f"{1015 - 8 * rain + rng.gauss(0, 4):.0f}" if rng.random() > 0.03 else ""
        values = (f"{season + beside:.1f}", pressure, wind, "yes" if rain else "no")
        rows.append((first + timedelta(day), *values))
        beside = 0.75 * beside + {"north": -2, "south": 2}.get(wind, 0) + rng.gauss(0, 1)
        wind = wind if rng.random() < 0.6 else rng.choice(("north", "east", "south", "west"))
    _table("weather.csv", ("date", "temperature", "pressure", "wind", "rain"), rows)


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _wav(samples: np.ndarray, rate: int) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, 1, rate, 0, "NONE", ""))
        file.writeframes((127 * samples + 128).round().astype(np.uint8).tobytes())
    return stream.getvalue()


def _archive(name: str, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(FOLDER / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, _OLD), content, zipfile.ZIP_DEFLATED)


def _table(name: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
