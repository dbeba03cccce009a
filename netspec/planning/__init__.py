"""How each operation is computed and how each value lies in memory, decided before anything runs, without JAX.

- `layouts`: the three ways in which a batch of values can lie in memory.
- `problem`: one operation at one batch size: its sizes, what names it in a cache, which ways there are to compute it.
- `cost`: what each way is expected to take, from the work and the bytes it moves.
- `plan`: the choice for a whole graph: a strategy for each operation, a layout for each value.
- `explain`: a plan as a person reads it.
"""

from netspec.planning.layouts import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, LAYOUTS, Layout
from netspec.planning.plan import Choice, Plan, Timings, Wishes, make_plan, problems
from netspec.planning.problem import STRATEGIES, Problem, Way

__all__ = [
    "BATCH_LAST",
    "CHANNELS_FIRST",
    "CHANNELS_LAST",
    "LAYOUTS",
    "STRATEGIES",
    "Choice",
    "Layout",
    "Plan",
    "Problem",
    "Timings",
    "Way",
    "Wishes",
    "make_plan",
    "problems",
]
