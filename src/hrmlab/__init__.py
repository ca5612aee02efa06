"""hrmlab: fair, leak-checked comparisons of Hierarchical Reasoning Models with budget-matched baselines.

import hrmlab

run = hrmlab.open_run("outputs/...")  # a run directory, with its weights
print(run.solve("1.3..41..14.4..1"))  # an answer
hrmlab.metrics("outputs/quick")  # what was measured while the runs of a folder trained, as a pandas table
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrmlab.runs.tables import metrics
    from hrmlab.workflows.open_run import open_run
    from hrmlab.workflows.opened import OpenedRun

__version__ = "0.1.0"
__all__ = ["OpenedRun", "__version__", "metrics", "open_run"]

_HOMES = {"OpenedRun": "hrmlab.workflows.opened", "open_run": "hrmlab.workflows.open_run", "metrics": "hrmlab.runs.tables"}


def __getattr__(name: str) -> Any:
    """What is offered, at first use: torch is imported only by those who ask for a model, pandas by those who ask for a table."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hrmlab' has no attribute '{name}'")
