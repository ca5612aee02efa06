"""Reports whose figures are composed but not painted: white pictures of the right size in a hundredth of the time.

Painting (layout, PNG, PDF) takes two thirds of a report's time, and few tests look at pictures. Those of a report's whole form (the
shared ones, the frozen one, the page in a browser) paint, and so does one test of each kind of figure that these do not have. This
holds for all tests of a process, wherever they stand: who needs a picture says ``@painted_figures()``.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib.figure import Figure
from PIL import Image

from hrmlab.reporting.figures import drawing

_PAINTED = drawing._as_files


def draw_quick_figures() -> None:
    """From now on in this process, and in those forked from it."""
    drawing._as_files = _white


@contextmanager
def painted_figures() -> Iterator[None]:
    """Real pictures within, but with letters of Type 3 in PDFs instead of TrueType, which take most of the time.

    ``tests/unit/reporting/test_figures.py`` alone makes the fonts that journals ask for.
    """
    before, font = drawing._as_files, drawing.STYLE["pdf.fonttype"]
    drawing._as_files, drawing.STYLE["pdf.fonttype"] = _PAINTED, 3
    try:
        yield
    finally:
        drawing._as_files, drawing.STYLE["pdf.fonttype"] = before, font


def _white(figure: Figure) -> tuple[bytes, bytes]:
    width, height = (round(inches * drawing.DOTS_PER_INCH) for inches in figure.get_size_inches())
    buffer = io.BytesIO()
    Image.new("P", (width, height), 255).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue(), b"%PDF-1.4\n%%EOF\n"
