import subprocess
import sys

from netspec.recipe.catalog import DATASETS, find


def test_names_and_aliases_are_unique() -> None:
    words = [word for info in DATASETS for word in (info.name, *info.aliases)]
    assert len(words) == len(set(words))
    assert words == [word.lower() for word in words]


def test_found_in_any_case() -> None:
    assert find("MNIST") is find("mnist")
    assert find("mnist").test == 10_000  # type: ignore[union-attr]
    assert find("nist") is None


def test_the_facts_need_no_numpy() -> None:
    script = "import sys, netspec.recipe.catalog; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_reading_data_needs_no_jax() -> None:
    script = "import sys, netspec.data; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
