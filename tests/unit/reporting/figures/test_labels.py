"""Labels beside panels stay beside them."""

import pytest
from matplotlib.figure import Figure

from hrmlab.reporting.figures.drawing import label_rows


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("Test exact accuracy (%)", 1),
        ("Validation next-token accuracy (%)", 1),
        ("Test accuracy of whole answers under given tokens (%)", 2),
    ],
)
def test_a_label_longer_than_its_panel_is_broken(label: str, lines: int) -> None:
    panels = list(Figure().subplots(1, 2))
    label_rows(panels, label)
    first, second = (panel.get_ylabel() for panel in panels)
    assert first.replace("\n", " ") == label
    assert len(first.split("\n")) == lines
    assert second == ""
