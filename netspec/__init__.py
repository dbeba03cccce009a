"""netspec: a short text file becomes a trained, compiled, reusable JAX model.

    import netspec as ns

    net = ns.load("specs/lenet.net")          # validated and frozen; ns.parse(text) likewise
    model = ns.compile(net)                   # jit-compiled
    for event in ns.train(net, epochs=1):     # Started, Step, Epoch, Finished …
        print(event)
    fitted = ns.fit(net, epochs=1)            # the same with a progress bar
    run = ns.open("runs/lenet/001")           # a run folder or a .safetensors file
    run.predict(images)

Everything up to `compile` works without importing JAX. Whatever a user can do wrong is a `NetspecError` that says
what was wrong, where, and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.diagnostic import (
    DataError,
    DatasetUnavailableError,
    DeviceError,
    Diagnostic,
    ModelFileError,
    NetspecError,
    RunError,
    SpecError,
)

if TYPE_CHECKING:
    import jax

    from netspec.backends.jax.model import Model, Variables
    from netspec.data.for_network import Data
    from netspec.data.types import Dataset
    from netspec.graph.graph import Graph
    from netspec.ir.network import Network
    from netspec.training.events import (
        Epoch,
        Evaluated,
        Event,
        Finished,
        Notice,
        Result,
        Rewound,
        Saved,
        Started,
        Step,
        Stopped,
        Weights,
        measurements,
    )
    from netspec.training.recovery import NonFiniteLossError
    from netspec.workflows.fit import Fitted
    from netspec.workflows.predictions import Evaluation, Prediction
    from netspec.workflows.replay import Replay
    from netspec.workflows.trained import Run

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "Dataset",
    "DatasetUnavailableError",
    "DeviceError",
    "Diagnostic",
    "Epoch",
    "Evaluated",
    "Evaluation",
    "Event",
    "Finished",
    "Fitted",
    "Graph",
    "Model",
    "ModelFileError",
    "NetspecError",
    "Network",
    "NonFiniteLossError",
    "Notice",
    "Prediction",
    "Replay",
    "Result",
    "Rewound",
    "Run",
    "RunError",
    "Saved",
    "SpecError",
    "Started",
    "Step",
    "Stopped",
    "Variables",
    "Weights",
    "__version__",
    "compile",
    "fit",
    "keep_memory",
    "load",
    "measurements",
    "open",
    "parse",
    "replay",
    "resume",
    "save_model",
    "trace",
    "train",
]

# Names that are imported when first used, so that checking a spec does not import JAX.
_LAZY = {
    "Dataset": "netspec.data.types",
    "Epoch": "netspec.training.events",
    "Evaluated": "netspec.training.events",
    "Evaluation": "netspec.workflows.predictions",
    "Event": "netspec.training.events",
    "Finished": "netspec.training.events",
    "Fitted": "netspec.workflows.fit",
    "Graph": "netspec.graph.graph",
    "Model": "netspec.backends.jax.model",
    "Network": "netspec.ir.network",
    "NonFiniteLossError": "netspec.training.recovery",
    "Notice": "netspec.training.events",
    "Prediction": "netspec.workflows.predictions",
    "Replay": "netspec.workflows.replay",
    "Result": "netspec.training.events",
    "Rewound": "netspec.training.events",
    "Run": "netspec.workflows.trained",
    "Saved": "netspec.training.events",
    "Started": "netspec.training.events",
    "Step": "netspec.training.events",
    "Stopped": "netspec.training.events",
    "Variables": "netspec.backends.jax.model",
    "Weights": "netspec.training.events",
    "keep_memory": "netspec.backends.host_memory",
    "measurements": "netspec.training.events",
}


def load_ipython_extension(shell: Any) -> None:
    """Make the cell magic `%%netspec` known to a notebook: `%load_ext netspec`."""
    from netspec.notebook.magic import register  # noqa: PLC0415

    register(shell)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'netspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    # What an interpreter completes: those names too that are imported when first used.
    return sorted({*globals(), *__all__})


def load(path: str | Path, *, let: Mapping[str, Any] | None = None, set: Mapping[str, Any] | None = None) -> Network:
    """Read a .net file.

    Args:
        path: the file. Paths in it are relative to its folder, for `train` too.
        let: values for names the spec defines with `let`, such as `{"width": 32}`.
        set: values for settings, such as `{"train.epochs": 1}`.

    Raises:
        SpecError: with everything that is wrong with the spec.
        NetspecError: when there is no such file, or an override does not fit.
    """
    from netspec.compiler import analyze, load_source, require  # noqa: PLC0415
    from netspec.system.arguments import as_path  # noqa: PLC0415

    lets, sets = _overrides(let, set)
    file = as_path(path, "path", "specs/lenet.net")
    if isinstance(path, str) and ("\n" in path or ";" in path) and not _is_there(file):
        raise NetspecError("path must be that of a file, not the text of a spec", "ns.parse(text) reads a text")
    source = load_source(file)
    return require(analyze(source, lets=lets, sets=sets))[0].read_from(source.folder)


def parse(
    text: str,
    *,
    name: str = "network",
    let: Mapping[str, Any] | None = None,
    set: Mapping[str, Any] | None = None,
) -> Network:
    """Read a spec from a text; arguments and errors as for `load`."""
    from netspec.compiler import analyze, require  # noqa: PLC0415
    from netspec.diagnostics.diagnostic import Source  # noqa: PLC0415
    from netspec.system.arguments import as_text, require_kind  # noqa: PLC0415

    require_kind(text, str, "text", "the text of a spec", "ns.load(path) reads a file")
    if text.endswith(".net") and len(text.split()) == 1:
        raise NetspecError(f"text must be a spec, not the name of a file, {text!r}", f"ns.load({text!r}) reads a file")
    lets, sets = _overrides(let, set)
    name = as_text(name, "name", "network")
    return require(analyze(Source(f"{name}.net", text), lets=lets, sets=sets, name=name))[0]


def compile(  # noqa: A001
    network: Network | str | Path,
    device: str | jax.Device | None = None,
    *,
    precision: str = "float32",
    autotune: bool | None = None,
) -> Model:
    """Compile a network for a device.

    Args:
        network: what to compile; the path of a .net file and the text of a spec are taken too.
        device: `cpu`, `gpu`, a `jax.Device`, or JAX's default.
        precision: what inference computes in, `float32` or `bfloat16`; training computes in that of the recipe.
        autotune: measure the ways to compute each operation when a batch size is first met, and remember the times
            in the user's cache; as the network's `compile { autotune on }` says unless given.

    Raises:
        NetspecError: when there is no such precision, or the network is none.
        SpecError: with everything that is wrong with a spec; when the shapes of a network made in Python do not fit.
        DeviceError: when there is no such device.
    """
    from netspec.system.arguments import as_switch  # noqa: PLC0415
    from netspec.workflows.read_network import network_of  # noqa: PLC0415

    network, graph, _ = network_of(network)
    autotune = None if autotune is None else as_switch(autotune, "autotune")
    from netspec.workflows.compiling import compile_network  # noqa: PLC0415

    return compile_network(network, device, precision, autotune=autotune, graph=graph)


def trace(network: Network | str | Path) -> Graph:
    """Return the graph of a network: its operations with shapes, parameters, FLOPs and bytes. JAX is not imported.

    Args:
        network: what to trace; the path of a .net file and the text of a spec are taken too.

    Raises:
        NetspecError: when it is no network.
        SpecError: with everything that is wrong with a spec; when the shapes of a network made in Python do not fit.
    """
    from netspec.workflows.read_network import network_of  # noqa: PLC0415

    return network_of(network)[1]


def train(
    network: Network | str | Path,
    data: Data | None = None,
    *,
    epochs: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    device: str | jax.Device | None = None,
    devices: int | None = None,
    out: str | Path | None = None,
    log_every: int | None = None,
    autotune: bool | None = None,
    stop: Callable[[], bool] | None = None,
    weights: str | Path | None = None,
    variables: Variables | Mapping[str, Any] | None = None,
) -> Iterator[Event]:
    """Train a network, one event at a time.

    Args:
        network: what to train, as for `compile`; its `train { }` is the recipe.
        data: a dataset's name or path, or arrays (x_train, y_train, x_test, y_test); what the network names otherwise.
        epochs: instead of the recipe's.
        batch: instead of the recipe's, in examples.
        lr: learning rate, instead of the recipe's.
        seed: instead of the recipe's.
        device: `cpu`, `gpu`, a `jax.Device`, or JAX's default.
        devices: how many of them share each batch, instead of the recipe's number.
        out: a new folder to keep the run in; nothing is written without.
        log_every: steps between two Step events.
        autotune: as for `compile`.
        stop: asked again and again between steps; once it says True, a checkpoint is saved, and Stopped is the last.
        weights: a run folder, a model file, or a `.safetensors` file to start from, in place of the network's
            `weights`; by name and shape.
        variables: trained arrays to start from in place of both: `run.variables`, or `{"conv_1/kernel": array}`.

    Yields:
        Weights, where it starts from some: which arrays were taken. Then
        Started, Step, Evaluated, Epoch, Saved and Finished events; the last one has `.result`, `.model`, `.variables`.
        Rewound where the recipe goes back from a number that is not finite.

    Raises:
        NetspecError: at once, when an argument is not what it should be; all others when the events are asked for.
        SpecError: at once too, with everything that is wrong with a spec.
        DataError: when the data cannot be had or does not fit.
        DeviceError: when there are not as many devices.
        NonFiniteLossError: when the loss is no longer a number.
        RunError: when the run folder cannot be written, or there are no such weights.
        ModelFileError: when the weights are damaged, or those of another network.
    """
    from netspec.system.arguments import as_function, as_number, as_path, as_switch, as_whole  # noqa: PLC0415
    from netspec.workflows.read_network import network_of  # noqa: PLC0415

    declared, graph, base = network_of(network, data)
    whole = {"epochs": (epochs, 3, 1), "batch": (batch, 64, 1), "seed": (seed, 0, 0), "devices": (devices, 2, 1)}
    settings = {name: str(as_whole(n, name, eg, least)) for name, (n, eg, least) in whole.items() if n is not None}
    if lr is not None:
        settings["lr"] = str(as_number(lr, "lr", 0.001))
    folder = None if out is None else as_path(out, "out", "runs/mine", RunError)
    steps = None if log_every is None else as_whole(log_every, "log_every", 50)
    tunes = None if autotune is None else as_switch(autotune, "autotune")
    stops = None if stop is None else as_function(stop, "stop", "lambda: False")
    start = None if weights is None else as_path(weights, "weights", "runs/lenet/001", RunError)
    from netspec.workflows import train as session  # noqa: PLC0415

    return session.train(
        declared,
        data,
        graph=graph,
        out=folder,
        settings=settings,
        device=device,
        base=base,
        log_every=steps,
        autotune=tunes,
        stop=stops,
        weights=start,
        variables=variables,
    )


def fit(
    network: Network | str | Path,
    data: Data | None = None,
    *,
    epochs: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    device: str | jax.Device | None = None,
    devices: int | None = None,
    out: str | Path | None = None,
    log_every: int | None = None,
    autotune: bool | None = None,
    weights: str | Path | None = None,
    variables: Variables | Mapping[str, Any] | None = None,
    progress: bool = True,
    plot: bool = False,
) -> Fitted:
    """Train a network to the end, with a progress bar, and return what came out of it.

    Args:
        network: what to train, as for `train`.
        data: as for `train`; all other arguments too, but for the last two.
        epochs: instead of the recipe's.
        batch: instead of the recipe's, in examples.
        lr: learning rate, instead of the recipe's.
        seed: instead of the recipe's.
        device: `cpu`, `gpu`, a `jax.Device`, or JAX's default.
        devices: how many of them share each batch.
        out: a new folder to keep the run in; nothing is written without. An interrupted one goes on with `resume`.
        log_every: steps between two moves of the bar.
        autotune: as for `compile`.
        weights: a run folder, a model file, or a `.safetensors` file to start from.
        variables: trained arrays to start from.
        progress: show the bar and the lines of the epochs; nothing is printed without.
        plot: draw charts of the loss and of the first metric above the bar, in a terminal of 80 columns or more.

    Returns:
        The figures of `Result`, such as `test_accuracy`; the `model`, its trained `variables`, the run `folder`, and
        the `history`, an `Epoch` for each epoch.

    Raises:
        NetspecError: as `train` and its events do.
    """
    from netspec.system.arguments import as_switch  # noqa: PLC0415

    shown, plots = as_switch(progress, "progress"), as_switch(plot, "plot")
    if plots and not shown:
        raise NetspecError("plot=True draws above the bar, which progress=False leaves out", "leave one of the two out")
    events = train(
        network,
        data,
        epochs=epochs,
        batch=batch,
        lr=lr,
        seed=seed,
        device=device,
        devices=devices,
        out=out,
        log_every=log_every,
        autotune=autotune,
        weights=weights,
        variables=variables,
    )
    from netspec.workflows.fit import fitted  # noqa: PLC0415

    if not shown:
        return fitted(events, lambda event: None)
    from netspec.terminal.progress import Progress  # noqa: PLC0415

    with Progress(quiet=False, plot=plots) as bar:
        return fitted(events, bar.show)


def resume(
    run: str | Path,
    data: Data | None = None,
    *,
    epochs: int | None = None,
    set: Mapping[str, Any] | None = None,
    accept_changes: bool = False,
    device: str | jax.Device | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Event]:
    """Go on with a run where it stopped, from its newest checkpoint, to the bits of a run that was never stopped.

    Args:
        run: the run folder.
        data: where its data is now, or the arrays it learned from; it must be the same.
        epochs: train on, to so many in all.
        set: other settings from here on, such as `{"train.optimizer.lr": 1e-4}`.
        accept_changes: take a spec.net that was edited, or other data.
        device: as for `train`.
        stop: as for `train`.

    Yields:
        What `train` does; `Started.step` says how many steps were taken before.

    Raises:
        RunError: when there is nothing to go on with: the folder is no run, the run is complete, its spec.net was
            changed, another process trains there.
        DataError: when the data cannot be had, or is not that of the run.
        ModelFileError: when the checkpoint does not fit the changed network.
    """
    from netspec.system.arguments import as_function, as_path, as_switch, as_whole  # noqa: PLC0415

    folder = as_path(run, "run", "runs/lenet/001", RunError)
    settings = {} if epochs is None else {"epochs": str(as_whole(epochs, "epochs", 20))}
    _, sets = _overrides(None, set)
    accepts = as_switch(accept_changes, "accept_changes")
    stops = None if stop is None else as_function(stop, "stop", "lambda: False")
    from netspec.workflows import resume as resuming  # noqa: PLC0415

    return resuming.resume(
        folder,
        data,
        settings=settings,
        sets=sets,
        accept_changes=accepts,
        device=device,
        stop=stops,
    )


def replay(
    run: str | Path,
    data: Data | None = None,
    *,
    out: str | Path | None = None,
    device: str | jax.Device | None = None,
) -> Replay:
    """Train a run again from its own record, and compare all measurements and weights.

    Args:
        run: the run folder; an unfinished run is compared as far as it got.
        data: where its data is now, or the arrays it learned from; it must be the same.
        out: a new folder to keep the second training in.
        device: as for `train`.

    Raises:
        RunError: when the folder is no run, has measured nothing, or was resumed with changes.
        DataError: when the data cannot be had, or is not that of the run.
    """
    from netspec.system.arguments import as_path  # noqa: PLC0415

    folder = as_path(run, "run", "runs/lenet/001", RunError)
    place = None if out is None else as_path(out, "out", "runs/again", RunError)
    from netspec.workflows import replay as replaying  # noqa: PLC0415

    events = replaying.replay(folder, data, out=place, device=device)
    return next(found for found in events if isinstance(found, replaying.Replay))


def open(path: str | Path, device: str | jax.Device | None = None) -> Run:  # noqa: A001
    """Open a trained model: a run folder or a .safetensors file.

    Args:
        path: what to open; of a folder, the model after the best epoch.
        device: as for `compile`.

    Raises:
        RunError: when there is none.
        DeviceError: when there is no such device.
        ModelFileError: when the file is damaged, not netspec's, or does not fit its own spec.
    """
    from netspec.workflows.trained import open_run  # noqa: PLC0415

    return open_run(path, device)


def save_model(path: str | Path, model: Model, variables: Variables, *, labels: Sequence[str] = ()) -> Path:
    """Write the variables of a training loop of your own as a model file, which `open` and `netspec predict` take.

    Args:
        path: the file, whose name ends in `.safetensors`.
        model: whose variables they are.
        variables: all of its arrays.
        labels: the names of the classes, in the order of the outputs.

    Raises:
        DataError: when the variables are not those of the model, or have numbers that are not finite.
        RunError: when the file cannot be written.
    """
    from netspec.workflows.save import save_model as save  # noqa: PLC0415

    return save(path, model, variables, labels)


def _overrides(let: Mapping[str, Any] | None, set: Mapping[str, Any] | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return what replaces values of `let`, and settings by path, as the texts that the language writes them as."""
    from netspec.system.arguments import as_texts  # noqa: PLC0415

    return as_texts(let, "let", '{"width": 32}'), as_texts(set, "set", '{"train.epochs": 1}')


def _is_there(path: Path) -> bool:
    """Return whether there is a file of that name."""
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False
