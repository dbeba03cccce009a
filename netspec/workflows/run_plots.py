"""`run.plot`: the pictures of `netspec plot` as matplotlib figures, for notebooks and programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from netspec.diagnostics.diagnostic import DataError
from netspec.report.canvas import captured
from netspec.system.arguments import as_path
from netspec.workflows.pictures import Request, draw

if TYPE_CHECKING:
    from netspec.workflows.trained import Run

__all__ = ["Plots"]


class Plots:
    """The pictures of one run; each method returns a figure, which a notebook shows and `savefig` writes.

    Arguments are those of `netspec plot`: `data` and `split` choose other examples, `output` one of several outputs.
    All raise NetspecError where the model has nothing of the kind.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def curves(self) -> Figure:
        """Return loss and accuracy over the steps."""
        return self._figure("curves")

    def learning_rate(self) -> Figure:
        """Return the learning rate over the steps."""
        return self._figure("learning_rate")

    def network(self) -> Figure:
        """Return the network drawn."""
        return self._figure("network")

    def kernels(self) -> Figure:
        """Return the kernels of the first layer."""
        return self._figure("kernels")

    def features(self, image: Path | str, *, layer: str | None = None) -> Figure:
        """Return what each layer makes of an image file."""
        return self._figure("features", image=as_path(image, "image", "digit.png", DataError), layer=layer)

    def saliency(self, example: Path | str, *, layer: str | None = None, of: str | None = None) -> Figure:
        """Return what the answer to the example in a file hangs on; `of` names the class that is explained."""
        return self._figure("saliency", image=as_path(example, "example", "digit.png", DataError), layer=layer, of=of)

    def confusion(self, **of: Any) -> Figure:
        """Return which classes are taken for which."""
        return self._figure("confusion", **of)

    def roc(self, **of: Any) -> Figure:
        """Return ROC curves, and precision against recall."""
        return self._figure("roc", **of)

    def mistakes(self, **of: Any) -> Figure:
        """Return the most confident wrong answers."""
        return self._figure("mistakes", **of)

    def scatter(self, **of: Any) -> Figure:
        """Return predicted numbers against the true ones."""
        return self._figure("scatter", **of)

    def examples(self, **of: Any) -> Figure:
        """Return examples beside what is true and what is predicted."""
        return self._figure("examples", **of)

    def embeddings(self, *, method: str = "pca", layer: str | None = None, **of: Any) -> Figure:
        """Return examples as points, near each other where the model sees them as alike."""
        return self._figure("embeddings", method=method, layer=layer, **of)

    def _figure(self, picture: str, **asked: Any) -> Figure:
        with captured() as figures:
            draw(picture, Request(self._run.path, Path("figure.png"), opened=self._run, **asked))
        return figures[-1]
