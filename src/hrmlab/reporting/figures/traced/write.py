"""All figures of a trace, as PNG files in a folder of the user's."""

from pathlib import Path

from hrmlab.core.errors import UserError
from hrmlab.reporting.figures.traced.attention import draw_attention
from hrmlab.reporting.figures.traced.halting import draw_q_values
from hrmlab.reporting.figures.traced.seen import Seen
from hrmlab.reporting.figures.traced.solution import draw_solution
from hrmlab.reporting.figures.traced.states import draw_states
from hrmlab.runs.files import write_bytes

_FIGURES = {"solution": draw_solution, "q_values": draw_q_values, "states": draw_states, "attention": draw_attention}


def figures_folder(folder: Path) -> None:
    """Make the folder.

    Raises:
        UserError: it cannot be made or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"figures={folder} cannot hold pictures ({error.strerror}); name a folder that can be written") from None


def write_figures(seen: Seen, folder: Path, *, stem: str) -> list[Path]:
    """Write what can be drawn of a trace; what a model does not have (Q-values, attention, several states) is left out.

    Args:
        seen: the trace.
        folder: there already.
        stem: begins every file's name.

    Returns:
        the files that were written.
    """
    written = []
    for name, draw in _FIGURES.items():
        picture = draw(seen)
        if picture is not None:
            write_bytes(folder / f"{stem}_{name}.png", picture)
            written.append(folder / f"{stem}_{name}.png")
    return written
