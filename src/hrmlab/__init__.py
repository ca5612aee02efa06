"""hrmlab: fair, leak-checked comparisons of Hierarchical Reasoning Models with budget-matched baselines."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrmlab.workflows.opened import OpenedRun, open_run

__version__ = "0.1.0"
__all__ = ["OpenedRun", "__version__", "open_run"]


def __getattr__(name: str) -> Any:
    """``open_run`` and ``OpenedRun`` at first use: torch is imported only by those who ask for a model."""
    if name in ("OpenedRun", "open_run"):
        from hrmlab.workflows import opened

        return getattr(opened, name)
    raise AttributeError(f"module 'hrmlab' has no attribute '{name}'")
