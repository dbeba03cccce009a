"""`run.plot`: the pictures of `netspec plot` as matplotlib figures, for notebooks and programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from netspec.diagnostics.diagnostic import DataError
from netspec.report.canvas import captured
from netspec.system.arguments import as_path, as_text
from netspec.workflows.pictures import Request, draw

if TYPE_CHECKING:
    from netspec.data.for_network import Data
    from netspec.workflows.trained import Run

__all__ = ["Plots"]


class Plots:
    """The pictures of one run; each method returns a figure, which a notebook shows and `savefig` writes.

    Arguments are those of `netspec plot`: `data` and `split` choose other examples, `output` one of several outputs.
    All raise NetspecError where the model has nothing of the kind.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __repr__(self) -> str:
        """Return the names of the pictures."""
        names = [name for name in vars(type(self)) if not name.startswith("_")]
        return f"Pictures of {self._run.path}: {', '.join(f'{name}()' for name in names)}"

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

    def features(self, image: Path | str, *, layer: str | None = None, as_is: bool = False) -> Figure:
        """Return what each layer makes of an image file; `as_is` does not look for what is drawn in it."""
        file = as_path(image, "image", "digit.png", DataError)
        return self._figure("features", image=file, layer=layer, as_is=as_is)

    def saliency(
        self,
        example: Path | str,
        *,
        layer: str | None = None,
        of: str | None = None,
        output: str | None = None,
        as_is: bool = False,
    ) -> Figure:
        """Return what the answer to the example in a file hangs on; `of` names the class that is explained."""
        file = as_path(example, "example", "digit.png", DataError)
        return self._figure("saliency", image=file, layer=layer, of=of, output=output, as_is=as_is)

    def confusion(self, *, data: Data | None = None, split: str | None = None, output: str | None = None) -> Figure:
        """Return which classes are taken for which."""
        return self._figure("confusion", data=data, split=split, output=output)

    def roc(self, *, data: Data | None = None, split: str | None = None, output: str | None = None) -> Figure:
        """Return ROC curves, and precision against recall."""
        return self._figure("roc", data=data, split=split, output=output)

    def mistakes(self, *, data: Data | None = None, split: str | None = None, output: str | None = None) -> Figure:
        """Return the most confident wrong answers."""
        return self._figure("mistakes", data=data, split=split, output=output)

    def scatter(self, *, data: Data | None = None, split: str | None = None, output: str | None = None) -> Figure:
        """Return predicted numbers against the true ones."""
        return self._figure("scatter", data=data, split=split, output=output)

    def examples(self, *, data: Data | None = None, split: str | None = None, output: str | None = None) -> Figure:
        """Return examples beside what is true and what is predicted."""
        return self._figure("examples", data=data, split=split, output=output)

    def embeddings(
        self,
        *,
        method: str = "pca",
        layer: str | None = None,
        data: Data | None = None,
        split: str | None = None,
        output: str | None = None,
    ) -> Figure:
        """Return examples as points, near each other where the model sees them as alike; by pca, tsne or umap."""
        return self._figure("embeddings", method=method, layer=layer, data=data, split=split, output=output)

    def _figure(self, picture: str, **asked: Any) -> Figure:
        for name, example in (("layer", "conv_1"), ("of", "3"), ("output", "class"), ("method", "pca")):
            if asked.get(name) is not None:
                as_text(asked[name], name, example)
        with captured() as figures:
            draw(picture, Request(self._run.path, Path("figure.png"), opened=self._run, **asked))
        return figures[-1]
