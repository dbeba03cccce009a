"""What all tests share: no network, a repeatable Hypothesis, `--update` for golden files, and the real MNIST."""

from __future__ import annotations

import base64
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from netspec import report
from netspec.diagnostics.diagnostic import RunError
from netspec.workflows import own_report

settings.register_profile(
    "netspec",
    deadline=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("netspec")

_NO_MNIST = "the real MNIST is not here: set NETSPEC_DATA to a folder that holds mnist/ (four IDX files)"
_GIVEN = os.environ.get("NETSPEC_DATA", "")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files to what the code says now")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return no workers for `--update`: several cases stand in one file, which two processes must not write at once."""
    return 0 if config.getoption("--update") else None


_PROGRAMS = "JAX_COMPILATION_CACHE_DIR"
_UNOPTIMIZED = "JAX_DISABLE_MOST_OPTIMIZATIONS"


def _keep_programs() -> str:
    """Keep compiled programs for the length of this session: many tests, and processes they start, need the same ones.

    Each worker has a folder of its own, since JAX does not write them in one piece. Processes that tests start use it
    too, but for those that are killed or are to have a cache of their own.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        os.environ[_PROGRAMS] = str(Path(os.environ[_PROGRAMS]) / worker)
        return ""
    os.environ[_PROGRAMS] = tempfile.mkdtemp(prefix="netspec-tests-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    return os.environ[_PROGRAMS]


# At once: JAX reads these variables when it is imported, which a conftest.py further down may do.
_MADE = _keep_programs()


def pytest_configure(config: pytest.Config) -> None:
    """Compile all quick tests without most of XLA's optimizations, and all tests of a session with slow ones with them.

    A quick test runs what it compiles a few times, and compiling takes most of its time. What netspec chooses is the
    same. Slow tests run before a release, and compile as users do.
    """
    quick = "not slow" in config.getoption("markexpr")
    # For the processes that a test starts, and for this one.
    os.environ[_UNOPTIMIZED] = "1" if quick else "0"
    if jax := sys.modules.get("jax"):
        jax.config.update("jax_disable_most_optimizations", quick)
    vars(report)["draw_curves"] = _draw_no_curves
    vars(own_report)["write_own_report"] = _write_no_report
    os.fsync = _flush_nothing


def _draw_no_curves(records: Iterable[Mapping[str, Any]], path: Path, *, title: str) -> Path:
    """Write a picture of one pixel where a training ends: drawing curves takes as long as a small training.

    What is drawn anew or elsewhere is drawn. Modules that look at the curves of trainings use `real_curves`.
    """
    if Path(path).name != "curves.png" or Path(path).exists():
        from netspec.report.curves import draw_curves  # noqa: PLC0415

        return draw_curves(records, path, title=title)
    from netspec.report.history import read_history  # noqa: PLC0415

    history = read_history(records)
    if not history.loss and not history.accuracy:
        raise RunError("the run has no finite loss or accuracy to draw", "train for at least one step")
    path.write_bytes(_PIXEL)
    return path


_draw_no_curves.__name__ = "draw_curves"

_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def real_curves() -> Iterator[None]:
    """Draw the curves of each training of a module, as netspec does."""
    drawing = vars(report).pop("draw_curves")
    yield
    vars(report)["draw_curves"] = drawing


_WRITTEN = own_report.write_own_report


def _write_no_report(folder: Path, dataset: Any, device: Any) -> str:
    """Write a page of one word where a training ends: a report takes as long as a small training."""
    with suppress(OSError):
        (folder / "report.html").write_text("report\n", encoding="utf-8")
    return ""


@pytest.fixture
def real_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the report of each training of a test, as netspec does."""
    monkeypatch.setattr(own_report, "write_own_report", _WRITTEN)


def _flush_nothing(file: int) -> None:
    """Stand in for `os.fsync`: no test pulls the plug, and waiting for the disk took a fifth of a small training."""


def pytest_unconfigure() -> None:
    if _MADE:
        shutil.rmtree(_MADE, ignore_errors=True)


@pytest.fixture
def compiled_as_by_users() -> Iterator[None]:
    """Compile one test with all of XLA's optimizations: what is fused, and computed anew, is what users run."""
    import jax  # noqa: PLC0415

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


_MOST_GROWTH = 600 << 20  # bytes


@pytest.fixture(scope="module", autouse=True)
def forgotten_programs() -> Iterator[None]:
    """Let JAX forget, after a module, the programs that it keeps in memory: a worker would grow to gigabytes.

    Only where the process has grown much since: each test traces the smallest operations anew after it.
    """
    yield
    if (jax := sys.modules.get("jax")) and _memory() > _after_forgetting[0] + _MOST_GROWTH:
        jax.clear_caches()
        gc.collect()
        _after_forgetting[0] = _memory()


def _memory() -> int:
    """Return the bytes of memory that this process has; very many where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 60


_after_forgetting = [0]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let garbage collections pass over the tests themselves."""
    del session
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_torch(item):
            item.add_marker(pytest.mark.torch)
    if mnist_folder() is None:
        for item in items:
            if item.get_closest_marker("mnist"):
                item.add_marker(pytest.mark.skip(reason=_NO_MNIST))


def _needs_torch(item: pytest.Item) -> bool:
    """Return whether a test asks for the `torch` fixture, or stands in a module that imports PyTorch as a whole."""
    return isinstance(item, pytest.Function) and ("torch" in item.fixturenames or hasattr(item.module, "torch"))


def mnist_folder() -> Path | None:
    """Return the folder with the four IDX files of the real MNIST, packed or not; None when NETSPEC_DATA has none."""
    names = [f"{s}-{k}-ubyte" for s in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]
    for folder in (Path(_GIVEN) / "mnist", Path(_GIVEN)) if _GIVEN else ():
        if all((folder / n).is_file() or (folder / f"{n}.gz").is_file() for n in names):
            return folder
    return None


_HERE = Path(__file__).parent
_WITHOUT_JAX = [_HERE.parent / line for line in (_HERE / "without_jax.txt").read_text(encoding="utf-8").split()]


@contextmanager
def _jax_refused(path: Path) -> Iterator[None]:
    """Let `import jax` fail in the folders of the tier without it, also where other tests have imported it before."""
    with pytest.MonkeyPatch.context() as patch:
        if any(map(path.is_relative_to, _WITHOUT_JAX)):
            patch.setitem(sys.modules, "jax", None)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    with _jax_refused(collector.path if isinstance(collector, pytest.Module) else _HERE):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    with _jax_refused(item.path):
        return (yield)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_OFFLINE", "1")


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, the oracle. Tests that need it ask for it here, or as a module by `pytest.importorskip("torch")`."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update"))


@pytest.fixture
def mnist() -> Path:
    """The folder of the real MNIST; tests that use it carry the `mnist` marker."""
    folder = mnist_folder()
    if folder is None:
        pytest.skip(_NO_MNIST)
    return folder
