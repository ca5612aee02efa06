"""The one reader of text files that users give: UTF-8, plain or gzipped, every refusal a sentence."""

import gzip
import zlib
from pathlib import Path

from hrmlab.core.errors import UserError


def read_text(path: Path, *, what: str) -> str:
    """The text of a file, without its byte order mark.

    Args:
        what: the file should be, for messages, e.g. ``a CSV file``.

    Raises:
        UserError: the file is missing, unreadable, damaged or not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give the path of {what} (relative to {Path.cwd()}, or absolute)") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give the path of {what} in it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{path} is a damaged gzip file ({error}); copy or download it again") from error
    elif path.suffix == ".gz":
        raise UserError(f"{path} ends in .gz but is not a gzip file; compress it again, or rename it if it is plain text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UserError(f"{path}, line {line} of the file: it is not UTF-8 text; save it as {what} in UTF-8") from error
