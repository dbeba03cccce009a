"""A Description as the text of a spec that a person would have written."""

from netspec.formats.spec_text.match import matched
from netspec.formats.spec_text.write import Written, written

__all__ = ["Written", "matched", "written"]
