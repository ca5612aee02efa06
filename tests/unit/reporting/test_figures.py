"""What a figure's files must be for a paper."""

import subprocess
import sys

import pytest

MADE = """
from matplotlib.figure import Figure
from hrmlab.reporting.figures.drawing import STYLE, as_picture
import matplotlib
with matplotlib.rc_context(STYLE):
    figure = Figure()
    figure.subplots().set_title("accuracy − 5 points")
    picture = as_picture(figure, stem="result", topic="result", shows="a title", caption="")
print(picture.pdf.count(b"/Type3"), picture.pdf.count(b"/FontFile2"))
"""


@pytest.mark.slow
def test_letters_in_a_pdf_are_truetype() -> None:
    """In a process of its own, for the other tests draw letters that are made faster."""
    made = subprocess.run([sys.executable, "-c", MADE], capture_output=True, text=True, check=True)
    three, truetype = map(int, made.stdout.split())
    assert three == 0
    assert truetype > 0
