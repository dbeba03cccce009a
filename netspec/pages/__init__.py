"""Runs as pages: one self-contained HTML file of a run, or of several side by side."""

from netspec.pages.facts import Answers, ClassFigures, Mistake, Row, RunFacts, Scatter, Sentence, Word
from netspec.pages.page import page
from netspec.pages.series import series_of
from netspec.pages.spec_view import SpecLine, spec_lines

__all__ = [
    "Answers",
    "ClassFigures",
    "Mistake",
    "Row",
    "RunFacts",
    "Scatter",
    "Sentence",
    "SpecLine",
    "Word",
    "page",
    "series_of",
    "spec_lines",
]
