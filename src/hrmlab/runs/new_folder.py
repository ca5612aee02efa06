"""A folder that appears whole or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hrmlab.core.errors import UserError


@contextmanager
def new_folder(folder: Path, *, key: str = "out") -> Iterator[Path]:
    """A draft to be filled, which takes the place of ``folder`` when the context ends without an error.

    Args:
        folder: new, or empty.
        key: by which the user named it, for the sentence.

    Raises:
        UserError: the folder holds something already, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{key}={folder} is there already and is not an empty folder; name a new one")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as outer:
            draft = Path(outer) / "written"
            draft.mkdir()
            yield draft
            if folder.exists():
                folder.rmdir()
            draft.replace(folder)
    except OSError as error:
        raise UserError(f"{key}={folder} cannot be written ({error.strerror}); name a folder that can") from None
