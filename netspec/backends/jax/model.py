"""The compiled model users hold: init, forward, logits, loss, backward, apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, overload

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from netspec.backends.initial import draw
from netspec.backends.jax import devices
from netspec.backends.jax import precision as precision_of
from netspec.backends.jax.derive import derive
from netspec.backends.jax.emit import Batch, Tree, run_graph
from netspec.backends.jax.folding import Folding
from netspec.backends.jax.inputs.batches import as_inputs, as_targets
from netspec.backends.jax.inputs.call_arguments import (
    as_batch,
    as_train,
    require_key,
    require_variables,
    variable_shapes,
)
from netspec.backends.jax.inputs.prepare import prepare, scaling
from netspec.backends.jax.inputs.views import mean_of_views
from netspec.backends.jax.plans import Plans, Tune
from netspec.backends.jax.precision import own_type
from netspec.backends.jax.train.objective import loss_of, penalty
from netspec.backends.jax.variables import Variables
from netspec.describe.summary import network_summary
from netspec.diagnostics.diagnostic import DataError, NetspecError, listing
from netspec.graph.graph import Graph, GraphOutput
from netspec.ir.network import Network
from netspec.passes import Mode, optimize
from netspec.planning import Plan, Recorded
from netspec.planning.explain import Line
from netspec.system.arguments import as_switch, as_whole, require_kind

__all__ = ["Model", "Variables"]

Given: TypeAlias = "ArrayLike | Mapping[str, ArrayLike]"
"""What callers hand in: one array, or of several inputs or targets each by its name."""


class Model:
    """A network compiled for one device.

    Inputs `x` are (N, C, H, W), or (N, H, W) where there is one channel, or sequences (N, features, length), or
    (N, features). Bytes (uint8) are converted as the spec's `scale` or `normalize` says; floats are taken as they are,
    already scaled. Token numbers (N, length) are whole numbers of any type. All methods are compiled once for each
    batch size. Of several inputs `x` is a dictionary by their names, of several outputs what is returned, and of their
    targets `y` by those. Training (`train=True`) computes in the recipe's precision, inference in the model's own.
    Within `jax.enable_x64(True)`, variables of float64 make all of it compute in float64.

    Where the spec says `views`, `forward` and `logits` give the mean over the views of each image; `loss`, `backward`,
    `apply` and `features` see the image as it is.

    Inputs, targets, variables and keys that do not fit raise DataError; other arguments NetspecError. Pickled, a model
    is its network, and is compiled again where it is read.

    Attributes:
        network: what was declared.
        graph: the network as declared, in operations: its shapes, costs and nodes.
        training: what `loss`, `backward` and `apply` run, dropout on or off.
        inference: what `forward` and `logits` run; kernels that normalizations are folded into are worked out once for
            the same variables, and kept beside them.
        device: what computes.
        precision: what inference computes in.
        rates: what is expected where nothing was measured.

    `tune` gives measured times of a device for the operations of a plan; expected ones are used without. `recorded` are
    the plans of a run that goes on: they come before both.
    """

    def __init__(
        self,
        network: Network,
        graph: Graph,
        device: str | jax.Device | None = None,
        precision: str = "float32",
        tune: Tune | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        # A spec and a path are what `ns.compile` takes.
        require_kind(network, Network, "network", "a Network", "ns.compile(network) makes a Model of one")
        require_kind(graph, Graph, "graph", "a Graph", "give network.graph()")
        self.network = network
        self.precision = precision_of.resolve(precision)
        self.graph = graph
        self.training, self.inference = (optimize(graph, mode) for mode in (Mode.TRAINING, Mode.INFERENCE))
        self.device = devices.resolve(device)
        self._is_default = self.device == devices.resolve(None)
        self._plans = Plans(network, self.training, self.inference, self.device, tune, recorded)
        self.rates = self._plans.rates
        self._views = network.data.views if network.data else None
        self._fold = Folding(self.inference)
        self._variable_shapes = variable_shapes(graph)
        self._forward = jax.jit(self._pure_forward)
        self._logits = jax.jit(self.logits_of)
        self._loss = jax.jit(self._pure_loss, static_argnames="train")
        self._backward = jax.jit(self._pure_backward, static_argnames="train")
        self._features = jax.jit(self._pure_features, static_argnames="nodes")

    def __repr__(self) -> str:
        return network_summary(self.network, f"Model on {self.device.platform}, {self.precision}, of")

    def _repr_html_(self) -> str:
        from netspec.notebook.show import network_html  # noqa: PLC0415

        facts = [f"on {self.device.platform}, {self.precision}"]
        return network_html(self.network, self.graph, f"Model {self.network.name}".rstrip(), facts)

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        # Nothing in it changes but what it remembers: as of a function, one is enough.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Compiled again where it is read: on the device of that kind, the ways to compute as they are expected.
        return Model, (self.network, self.graph, None if self._is_default else self.device.platform, self.precision)

    def init(self, seed: int | None = None) -> Variables:
        """Return fresh variables.

        Args:
            seed: the recipe's own unless given. Each array depends on the seed and its own path only.
        """
        seed = self.network.recipe.seed if seed is None else seed
        seed = as_whole(seed, "seed", 0, least=0, most=2**128)
        trees: tuple[dict[str, dict[str, np.ndarray]], ...] = ({}, {})
        for p in self.graph.parameters.values():
            node, _, name = p.path.rpartition("/")
            trees[0 if p.trainable else 1].setdefault(node, {})[name] = draw(p, seed)
        return jax.device_put(Variables(*trees), self.device)  # type: ignore[arg-type]

    def forward(self, variables: Variables, x: Given) -> Any:
        """Return the network's outputs, (N, *output), dropout off: probabilities when it ends in softmax or sigmoid."""
        require_variables(variables, self._variable_shapes)
        return self._in_order(self._forward(variables, self._input(x, variables), self._fold(*variables)))

    def logits(self, variables: Variables, x: Given) -> Any:
        """Return what the loss reads: the outputs before a last softmax or sigmoid, (N, classes)."""
        require_variables(variables, self._variable_shapes)
        return self._in_order(self._logits(variables, self._input(x, variables), self._fold(*variables)))

    def loss(
        self,
        variables: Variables,
        x: Given,
        y: Given | None = None,
        *,
        train: bool = False,
        rng: jax.Array | None = None,
    ) -> jax.Array:
        """Return the mean loss of a batch, l2 penalty included; `y` is as for `backward`."""
        train = self._asked(variables, train, rng)
        inputs = self._input(x, variables)
        _refuse_empty(inputs)
        y = self._target(y, inputs, variables)
        return self._loss(variables.params, variables.state, inputs, y, train=train, rng=rng)[0]

    def backward(
        self,
        variables: Variables,
        x: Given,
        y: Given | None = None,
        *,
        train: bool = False,
        rng: jax.Array | None = None,
    ) -> tuple[jax.Array, Tree]:
        """Return the mean loss and its gradients, a tree like `variables.params`.

        Args:
            variables: the model's variables.
            x: a batch of inputs.
            y: class labels (N,), integers, or targets of the outputs' shape; of several outputs by the targets' names.
                Left out where the input is learned again, or the loss compares with nothing, as `triplet` and `kl`.
            train: drop values and normalize by the batch, as in training.
            rng: JAX key for dropout; needed with `train` when the network has dropout.

        Raises:
            NetspecError: when the loss or a gradient is not a finite number; not within a `jax.jit` of your own.
        """
        train = self._asked(variables, train, rng)
        inputs = self._input(x, variables)
        _refuse_empty(inputs)
        y = self._target(y, inputs, variables)
        loss, grads, finite = self._backward(variables.params, variables.state, inputs, y, train=train, rng=rng)
        if not isinstance(finite, jax.core.Tracer) and not finite:
            raise _not_finite(loss, grads)
        return loss, grads

    @overload
    def apply(
        self, variables: Variables, x: Any, train: Literal[False] = False, rng: jax.Array | None = None
    ) -> Any: ...

    @overload
    def apply(
        self, variables: Variables, x: Any, train: Literal[True], rng: jax.Array | None = None
    ) -> tuple[Any, Tree]: ...

    @overload
    def apply(self, variables: Variables, x: Any, train: bool, rng: jax.Array | None = None) -> Any: ...

    def apply(self, variables: Variables, x: Any, train: bool = False, rng: jax.Array | None = None) -> Any:
        """Run the pure function itself, for `jax.jit`, `jax.grad`, `jax.vmap` and optimizers of your own.

        Returns:
            The outputs, (N, *output); with `train`, a pair of the outputs and the new state (running averages).
        """
        train = self._asked(variables, train, rng)
        dtype = own_type(variables)
        x = prepare(as_inputs(x, self.graph, dtype), self.network, dtype)
        if train:
            _refuse_empty(x)
        asked = tuple(output.index for output in self.training.outputs)
        values, state = self._run(self.training, variables, x, asked, gradient=train, train=train, rng=rng)
        out = _by_output(self.training, values, _given)
        return (out, state) if train else out

    def features(self, variables: Variables, x: Given, nodes: Sequence[str] | None = None) -> dict[str, jax.Array]:
        """Return what nodes make of a batch, dropout off: node name → (N, *shape), the inputs first.

        Args:
            variables: the model's variables.
            x: a batch of inputs.
            nodes: the names of those that are asked for; all unless given.
        """
        require_variables(variables, self._variable_shapes)
        asked = tuple(self.graph.nodes) if nodes is None else tuple(nodes)
        for name in asked:
            if name not in self.graph.nodes:
                raise NetspecError(
                    f"the network has no layer {name!r}", f"there are {listing(list(self.graph.nodes), 'and')}"
                )
        found = self._features(variables, self._input(x, variables), nodes=asked)
        # Compiled functions return dictionaries in the order of their keys; people expect that of the layers.
        return {name: found[name] for name in asked}

    def behind(self, variables: Variables, index: int, value: jax.Array) -> Any:
        """Return what the loss reads, given a value of the graph that all of it follows from, dropout off. Pure.

        Args:
            variables: the model's variables.
            index: of the value, in `graph`.
            value: (N, *shape).
        """
        wanted = tuple(output.logits for output in self.graph.outputs)
        values, _ = self._run(self.graph, variables, value, wanted, begin=index)
        return _by_output(self.graph, values, _read_by_loss)

    def lower(self, batch: int) -> Any:
        """Return the forward function lowered for a batch size: `.as_text()` is its StableHLO."""
        batch, variables = as_batch(batch), self.init()
        return self._forward.lower(variables, self._zeros(batch), self._fold(*variables))

    def jaxpr(self, batch: int) -> str:
        """Return the forward function as JAX's own intermediate language."""
        batch, variables = as_batch(batch), self.init()
        return str(jax.make_jaxpr(self._pure_forward)(variables, self._zeros(batch), self._fold(*variables)))

    def plan(self, batch: int, *, gradient: bool) -> Plan:
        """Return how each operation is computed here: of `training` with gradients, or of `inference` without."""
        return self._plans.of_batch(as_batch(batch), gradient=as_switch(gradient, "gradient"))

    def plan_lines(self, batch: int, *, gradient: bool) -> list[str]:
        """Return how each operation is computed, as a run records it."""
        return self._plans.lines(batch, gradient=gradient)

    def explain(self, batch: int, *, gradient: bool) -> Iterator[Line]:
        """Yield a line for each operation of a plan: how it is computed, and why."""
        return self._plans.explain(as_batch(batch), gradient=as_switch(gradient, "gradient"))

    def _zeros(self, batch: int) -> Batch:
        made = {i.name: jnp.zeros((batch, *i.shape), jnp.int32 if i.tokens else jnp.float32) for i in self.graph.inputs}
        return made if len(made) > 1 else _leaf(made)

    # --- the pure functions that are compiled ---------------------------------------------------------------------

    def objective(
        self,
        params: Tree,
        state: Tree,
        x: Batch,
        y: Batch,
        train: bool,
        rng: jax.Array | None,
        counted: jax.Array | None = None,
        axis_name: str | None = None,
        frozen: frozenset[str] = frozenset(),
    ) -> tuple[jax.Array, tuple[Batch, Tree]]:
        """Return (mean loss with the l2 penalty, (logits, new state)); `x` of bytes or floats. Pure.

        Of several outputs the loss is the sum of theirs, each times its weight.

        The mean is over all examples, or over those that are `counted`, (N,) of 1 and 0. Where several devices share a
        batch, along `axis_name`, each has its own part of it: the loss is the mean over the devices, and so is its
        gradient. Batch normalization whose averages are `frozen` uses them.
        """
        x = prepare(x, self.network, own_type(params))
        variables, asked = Variables(params, state), tuple(output.logits for output in self.training.outputs)
        values, new_state = self._run(
            self.training, variables, x, asked, gradient=True, train=train, rng=rng, axis_name=axis_name, frozen=frozen
        )
        logits = _by_output(self.training, values, _read_by_loss)
        mean = loss_of(self.training, x, logits, y, counted, axis_name)
        return mean + penalty(self.graph, params, self.network.recipe.l2), (logits, new_state)

    def targets(self, x: Batch, y: Batch | None) -> Any:
        """Return what the outputs are compared with: the labels, or the inputs themselves. Pure."""
        return prepare(x, self.network) if self.network.reconstructs else y

    def _run(
        self,
        graph: Graph,
        variables: Variables,
        x: Batch,
        wanted: tuple[int, ...],
        *,
        gradient: bool = False,
        train: bool = False,
        derived: dict[str, jax.Array] | None = None,
        rng: jax.Array | None = None,
        axis_name: str | None = None,
        begin: int = 0,
        frozen: frozenset[str] = frozenset(),
    ) -> tuple[Any, Tree]:
        """Run a graph in the precision of training or of inference; running averages stay float32."""
        if _is_empty(x):
            # No kernel is asked what it makes of nothing.
            return {v: jnp.zeros((0, *graph.shape(v)), jnp.float32) for v in wanted}, variables.state
        # Derived from float32, whatever the precision.
        derived = derive(graph, *variables) if derived is None else derived
        precision = self.network.recipe.precision if train else self.precision
        params, x, derived = precision_of.narrowed((variables.params, x, derived), precision)
        plan = self._plans.of(graph, self._count(x), gradient)
        values, state = run_graph(
            graph,
            params,
            variables.state,
            x,
            wanted=wanted,
            plan=plan,
            train=train,
            rng=rng,
            derived=derived,
            axis_name=axis_name,
            begin=begin,
            frozen=frozen,
        )
        return precision_of.widened(values), state

    def _count(self, x: Batch) -> int:
        """Return for how many examples it is planned how they are computed: the recipe's batch where that is open."""
        count = _leaf(x).shape[0]
        return count if isinstance(count, int) else self.network.recipe.batch

    def _pure_forward(self, variables: Variables, x: Batch, folded: dict[str, jax.Array]) -> Batch:
        return self._infer(_given, variables, x, folded)

    def logits_of(self, variables: Variables, x: Batch, folded: dict[str, jax.Array] | None = None) -> Any:
        """Return the logits; `x` of bytes or floats; folded kernels are worked out unless given. Pure."""
        return self._infer(_read_by_loss, variables, x, folded)

    def _infer(
        self,
        value_of: Callable[[GraphOutput], int],
        variables: Variables,
        x: Batch,
        folded: dict[str, jax.Array] | None,
    ) -> Batch:
        """Return values of inference: where there are views, what follows from the mean of their logits."""
        graph, x = self.inference, prepare(x, self.network, own_type(variables))

        def infer(x: Batch, *values: int, begin: int = 0) -> Mapping[int, jax.Array]:
            made, _ = self._run(graph, variables, x, values, derived=folded, begin=begin)
            return made

        if self._views is None or isinstance(x, dict) or _is_empty(x):
            return _by_output(graph, infer(x, *map(value_of, graph.outputs)), value_of)
        value, logits = value_of(graph.outputs[0]), graph.logits
        _, background = scaling(self.network.data)
        mean = mean_of_views(lambda view: infer(view, logits)[logits], x, self._views, background)
        return mean if value == logits else infer(mean, value, begin=logits)[value]

    def _pure_loss(
        self, params: Tree, state: Tree, x: Batch, y: Batch, *, train: bool, rng: jax.Array | None
    ) -> tuple[jax.Array, tuple[Batch, Tree]]:
        return self.objective(params, state, x, y, train, rng)

    def _pure_backward(
        self, params: Tree, state: Tree, x: Batch, y: Batch, *, train: bool, rng: jax.Array | None
    ) -> tuple[jax.Array, Tree, jax.Array]:
        """Return the loss, its gradients, and whether all of them are finite numbers."""
        objective = jax.value_and_grad(self._pure_loss, has_aux=True)
        (loss, _), grads = objective(params, state, x, y, train=train, rng=rng)
        return loss, grads, jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((loss, grads))]).all()

    def activations(
        self, variables: Variables, x: Batch, rng: jax.Array, frozen: frozenset[str] = frozenset()
    ) -> dict[str, jax.Array]:
        """Return what every node makes of a batch in training, as declared: before any pass. Pure."""
        x = prepare(x, self.network, own_type(variables))
        nodes = self.graph.nodes
        wanted = tuple(nodes.values())
        values, _ = self._run(self.graph, variables, x, wanted, gradient=True, train=True, rng=rng, frozen=frozen)
        return {name: values[index] for name, index in nodes.items()}

    def _pure_features(self, variables: Variables, x: Batch, *, nodes: tuple[str, ...]) -> dict[str, jax.Array]:
        x = prepare(x, self.network, own_type(variables))
        asked = {name: self.graph.nodes[name] for name in nodes}
        values, _ = self._run(self.graph, variables, x, tuple(asked.values()))
        return {name: values[index] for name, index in asked.items()}

    # --- what callers hand in -------------------------------------------------------------------------------------

    def _input(self, x: Given, variables: Variables) -> Any:
        x = as_inputs(x, self.graph, own_type(variables))
        if self._is_default and all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(x)):
            # The compiled function takes it there itself, in a fraction of the time.
            return x
        return jax.device_put(x, self.device)

    def _target(self, y: Given | None, inputs: Batch, variables: Variables) -> Any:
        count = _leaf(inputs).shape[0]
        if y is None and self.network.reconstructs:
            return self.targets(inputs, None)
        if y is None and self.network.compares_nothing:
            return jnp.zeros(count)
        if y is None:
            raise DataError("y is missing: the loss compares the outputs with it", "give class labels (N,), or targets")
        return jax.device_put(as_targets(y, count, self.graph, own_type(variables)), self.device)

    def _in_order(self, made: Batch) -> Any:
        """Return outputs as they were declared: compiled functions return dictionaries in the order of their keys."""
        return {output.name: made[output.name] for output in self.graph.outputs} if isinstance(made, dict) else made

    def _asked(self, variables: Variables, train: bool, rng: jax.Array | None) -> bool:
        """Return whether to compute as in training, all that does not hang on the inputs checked."""
        require_variables(variables, self._variable_shapes)
        require_key(rng)
        train = as_train(train)
        if train and rng is None and any(o.op.draws for o in self.graph.operations):
            raise DataError("training with dropout needs randomness", "pass rng=jax.random.key(0)")
        return train


def _leaf(x: Batch) -> jax.Array:
    """Return one of the arrays of a batch: all have as many rows."""
    return next(iter(x.values())) if isinstance(x, dict) else x


def _given(output: GraphOutput) -> int:
    return output.index


def _read_by_loss(output: GraphOutput) -> int:
    return output.logits


def _by_output(graph: Graph, values: Mapping[int, jax.Array], value_of: Callable[[GraphOutput], int]) -> Any:
    """Return the value of the one output, or of several each by its name."""
    if len(graph.outputs) == 1:
        return values[value_of(graph.outputs[0])]
    return {output.name: values[value_of(output)] for output in graph.outputs}


def _is_empty(x: Batch) -> bool:
    """Return whether a batch has no examples; one of which it is open how many it has is not empty."""
    count = _leaf(x).shape[0]
    return isinstance(count, int) and not count


def _refuse_empty(x: Batch) -> None:
    """Raise DataError where there is nothing to take the mean of."""
    if _is_empty(x):
        raise DataError("the batch is empty: there is nothing to take a mean of", "give at least one example")


def _not_finite(loss: jax.Array, grads: Tree) -> NetspecError:
    """Return the error that names what is no finite number."""
    wrong = [f"{node}/{name}" for node, own in grads.items() for name, a in own.items() if not jnp.isfinite(a).all()]
    what = f"the gradient of {wrong[0]}" if jnp.isfinite(loss) else "the loss"
    return NetspecError(f"{what} is not a finite number", "check the inputs' scale and the variables")
