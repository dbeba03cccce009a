"""Values that do not fit: reported where each comes from, which is the line, the use of a block, or `--let`."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from netspec.diagnostics.diagnostic import Diagnostic, Related, Span
from netspec.elaborate.bound_arguments import BoundArguments
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import LabelledWord
from netspec.elaborate.suggestions import held_value, value_text
from netspec.schema.definition import Parameter
from netspec.schema.types import LARGEST, LARGEST_FLOAT, SMALLEST_FLOAT
from netspec.syntax import ast

__all__ = ["blame_override", "blame_use", "report_invalid", "report_unfit"]


def report_unfit(context: Context, bound: BoundArguments, parameter: Parameter, value: ast.Value, span: Span) -> None:
    """Report a value that does not fit, where it comes from."""
    name = value.text if isinstance(value, ast.Word) else ""
    if blame_override(context, name, parameter, parameter.expects, span):
        return
    if name in context.given:
        blame_use(context, bound, name, parameter, parameter.expects, span)
        return
    message = f"`{parameter.name}` must be {parameter.expects}, not {held_value(value, bound.scope)}"
    context.report(Diagnostic("E0207", message, span, label=parameter.description))


def blame_override(context: Context, name: str, parameter: Parameter, expects: str, span: Span) -> bool:
    """Report the value of a name that does not fit, once, where it comes from `--let`; return whether it does."""
    if name not in context.overridden or name in context.given:
        return False
    if name not in context.blamed:
        context.blamed.add(name)
        shown = value_text(context.scope[name])
        message = f"--let {name}={shown} does not fit: `{parameter.name}` must be {expects}"
        context.report(Diagnostic("E0207", message, span, label=parameter.description))
    return True


def blame_use(
    context: Context, bound: BoundArguments, name: str, parameter: Parameter, expects: str, span: Span
) -> None:
    """Report, where a block is used, the value of its parameter that does not fit a line in it; once."""
    given = context.given[name]
    if given.span in context.blamed:
        return
    context.blamed.add(given.span)
    value = context.scope[name]
    shown = f"the layer `{value.text}`" if isinstance(value, LabelledWord) else f"`{value_text(value)}`"
    message = f"`{name}` of `{given.block}` is {shown}, but `{bound.name.text}` needs {expects}"
    here = Related(span, f"`{parameter.name}` here")
    # The mistake is the use itself: only the uses around it are further places.
    uses, context.uses = context.uses, context.uses[:-1]
    context.report(Diagnostic("E0207", message, given.span, fix=given.fix(), related=(here,)))
    context.uses = uses


def report_invalid(context: Context, bound: BoundArguments, invalid: ValidationError, *, failed: bool) -> None:
    """Report what Pydantic refuses, once for each argument; what holds of them together, only where all else is right.

    Args:
        context: where it is noted.
        bound: the arguments.
        invalid: what Pydantic says of them.
        failed: whether something else is wrong with them, which is reported already.
    """
    reported: set[str] = set()
    for problem in invalid.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if name in reported or problem["type"] == "missing":
            continue
        reported.add(name)
        if name:
            _report_refused(context, bound, bound.parameters[name], problem)
            failed = True
        elif not failed:
            context.error("E0207", problem["msg"].removeprefix("Value error, "), bound.name.span)
            failed = True


def _report_refused(context: Context, bound: BoundArguments, parameter: Parameter, problem: ErrorDetails) -> None:
    value, span = bound.written[parameter.name], bound.spans[parameter.name]
    excess = _excess(problem)
    if excess is None:
        report_unfit(context, bound, parameter, value, span)
        return
    size, fix = excess
    message = f"`{parameter.name}` is too {size}: {held_value(value, bound.scope)}"
    context.error("E0207", message, span, label=parameter.description, fix=fix)


def _excess(problem: ErrorDetails) -> tuple[str, str] | None:
    """Return in which way a number is beyond what can be computed with, and what would be right; None where it is not.

    Args:
        problem: what Pydantic says of it.
    """
    match problem["type"], problem.get("ctx", {}):
        case "less_than_equal", {"le": limit} if limit in {LARGEST, LARGEST_FLOAT}:
            return "large", "" if limit == LARGEST else f"float32 holds numbers up to {LARGEST_FLOAT:.1e}"
        case "value_error", {"error": error} if "float32" in str(error):
            return "large", f"float32 holds numbers up to {LARGEST_FLOAT:.1e}"
        case "greater_than_equal", {"ge": limit} if limit == SMALLEST_FLOAT and problem["input"] > 0:
            return "small", f"float32 holds numbers from {SMALLEST_FLOAT:.1e}"
        case "greater_than_equal", {"ge": limit} if limit == -LARGEST_FLOAT:
            return "small", f"float32 holds numbers from -{LARGEST_FLOAT:.1e}"
    return None
