"""How each operation is computed and how each value lies in memory, decided before anything runs, without JAX.

- `layouts`: the three ways in which a batch of values can lie in memory.
- `op_instance`: one operation at one batch size: its sizes, its name in a cache, its strategies.
- `cost`: what each strategy is expected to take, from the work and the bytes it moves.
- `rates`: how fast each strategy is, as measured, by version of JAX.
- `plan`: the choice for a whole graph: a strategy for each operation, a layout for each value.
- `explain`: a plan as a person reads it.
- `record`: a plan as a run records it, and read back.
"""

from netspec.planning.layouts import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, LAYOUTS, Layout
from netspec.planning.op_instance import STRATEGIES, OpInstance, Strategy
from netspec.planning.plan import Decision, Overrides, Plan, Timings, make_plan, op_instances
from netspec.planning.rates import Rates, rates_here
from netspec.planning.record import Recorded

__all__ = [
    "BATCH_LAST",
    "CHANNELS_FIRST",
    "CHANNELS_LAST",
    "LAYOUTS",
    "STRATEGIES",
    "Decision",
    "Layout",
    "OpInstance",
    "Overrides",
    "Plan",
    "Rates",
    "Recorded",
    "Strategy",
    "Timings",
    "make_plan",
    "op_instances",
    "rates_here",
]
