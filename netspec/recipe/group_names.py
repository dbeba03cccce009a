"""Names of groups: `group "{}_*"` keeps together files of one patient, one day, one place; of arrays one names them.

`{}` stands for the group and `*` for anything, and each takes as little as it can. A pattern without a slash is of the
name of a file, one with slashes of its path within the folder of its class; without the ending in either case.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from netspec.diagnostics.diagnostic import listing
from netspec.recipe.array_facts import Wrong
from netspec.recipe.array_names import ArrayNames

__all__ = ["group_arrays", "group_of", "is_pattern", "pattern_wrong"]

_GROUP, _ANYTHING = "{}", "*"
_MOST = 2
_SHOWN = 10


def is_pattern(group: str) -> bool:
    """Return whether what `group` says is a pattern of names, and no name of a column or an array."""
    return _GROUP in group


def pattern_wrong(pattern: str) -> str | None:
    """Return what is wrong with a pattern, and what would be right; None where nothing is."""
    example = 'as in `group "{}_*"`, which takes what stands before the first _ of a name'
    if pattern.count(_GROUP) > 1:
        return f"the pattern of `group` has {_GROUP} more than once: it stands for the one part that names the group"
    if not pattern.replace(_GROUP, "").replace(_ANYTHING, ""):
        return f"the pattern of `group` does not say where the group ends; say it, {example}"
    if f"{_GROUP}{_ANYTHING}" in pattern or f"{_ANYTHING}{_GROUP}" in pattern:
        return f"between {_GROUP} and {_ANYTHING} stands what divides them, {example}"
    if pattern.count(_ANYTHING) > _MOST:
        return f"the pattern of `group` has {_ANYTHING} {pattern.count(_ANYTHING)} times: {_MOST} are the most"
    return None


def group_of(pattern: str, path: str) -> str | None:
    """Return the group of a file; None where its name is not as the pattern says.

    Args:
        pattern: with one `{}`.
        path: of the file within the folder of its class, parts separated by slashes.
    """
    folders, _, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    own = stem if dot and stem else name
    found = _expression(pattern).fullmatch(f"{folders}/{own}" if "/" in pattern and folders else own)
    return found[1] if found else None


@lru_cache(maxsize=4)
def _expression(pattern: str) -> re.Pattern[str]:
    words = {_GROUP: "([^/]+?)", _ANYTHING: ".*?"}
    return re.compile("".join(words.get(p, re.escape(p)) for p in re.split(r"(\{\}|\*)", pattern)), re.DOTALL)


def group_arrays(group: str, there: Collection[str], where: str) -> tuple[dict[str, str], Wrong | None]:
    """Return what the array of the groups of each part is called, `patient` or `patient_train`, or what is wrong.

    Args:
        group: the name that the spec says.
        there: the arrays that there are.
        where: what messages call them.
    """
    found, missing = ArrayNames({group: ""}, {}, {group: group}).chosen(there)
    keys = {part: key for (_, part), key in found.items()}
    if "train" in keys and not missing:
        return keys, None
    holds = listing(sorted(map(str, there))[:_SHOWN], "and") or "nothing"
    lost = missing[0] if keys else group
    fix = f"{group} has one name or whole number for each example, the same where they belong together"
    return {}, (f"{where} has no array {lost}, which `group` names; it holds {holds}", fix)
