"""Where classes of the user's own are found: in the configuration folder given with ``--config-dir``, or beside it."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from hrmlab.core.errors import UserError


def make_importable(folder: str | Path) -> None:
    """Put a folder and its parent at the end of the import path, where they hide no installed package."""
    folder = Path(folder).resolve()
    added = [str(path) for path in (folder, folder.parent) if str(path) not in sys.path]
    if added:
        sys.path.extend(added)
        importlib.invalidate_caches()


def holds_any(folder: Path, targets: Sequence[str]) -> bool:
    """Whether the module of one of the dotted paths lies in the folder or beside it."""
    return any(path.parent in (folder, folder.parent) for target in targets if (path := _outermost(target)) is not None)


def find_again(python_path: str, targets: Sequence[str]) -> None:
    """Make the classes of a run importable that was started with ``--config-dir``.

    Raises:
        UserError: the folder is gone, and the classes are nowhere else.
    """
    if Path(python_path).is_dir():
        make_importable(python_path)
    missing = next((target for target in targets if _outermost(target) is None), None)
    if missing is not None:
        module = missing.partition(".")[0]
        raise UserError(
            f"python_path={python_path} and the folder above it hold no module {module}, which the run needs for {missing}; put it back, "
            f"or set PYTHONPATH to the folder that holds {module}"
        )


def _outermost(target: str) -> Path | None:
    """The file or folder of the outermost module of a dotted path. The import system is asked; nothing is run."""
    try:
        spec = importlib.util.find_spec(target.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    locations = list(spec.submodule_search_locations or [])
    return Path(locations[0]) if locations else Path(spec.origin) if spec.origin else None
