"""One synthetic study and its report, shared by the tests of reporting."""

from pathlib import Path

import pytest

from hrmlab.reporting.report import Report, make_report
from quick_figures import draw_quick_figures, painted_figures
from run_factory import make_study

draw_quick_figures()


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output root with the study ``quick``; read only."""
    root = tmp_path_factory.mktemp("outputs")
    make_study(root)
    return root


@pytest.fixture(scope="session")
@painted_figures()
def report(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of ``quick``."""
    return make_report(study="quick", output_root=outputs, reports_root=tmp_path_factory.mktemp("reports"))
