"""Figures whose PDF is made in a tenth of the time: letters of Type 3 instead of TrueType, which journals ask for and reports have.

Making fonts takes two thirds of a report's time, and no test but one looks at them (``tests/unit/reporting/test_figures.py``).
"""

from hrmlab.reporting.figures.drawing import STYLE

TYPE, QUICK_TYPE = "pdf.fonttype", 3


def draw_quick_figures() -> None:
    """From now on in this process, and in those forked from it."""
    STYLE[TYPE] = QUICK_TYPE
