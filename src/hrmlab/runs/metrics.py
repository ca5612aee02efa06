"""metrics.csv: one measured value per row, appended as training goes and cut back when a run resumes from a checkpoint."""

from collections.abc import Mapping
from pathlib import Path

from hrmlab.core.notices import notice
from hrmlab.runs import files

HEADER = "step,seconds,metric,value\n"


class MetricsWriter:
    """Appends rows ``step,seconds,metric,value``; every append is flushed, so a killed run loses at most one torn line.

    Args:
        path: the file; made with its header when absent. A torn last line of a killed process is removed, and so is every line that is
            no row, after saying how many.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists() or self.path.stat().st_size == 0:
            files.write_text(self.path, HEADER)
        else:
            self._rewrite()
        self._file = self.path.open("a", encoding="utf-8", newline="")

    def append(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Add the values measured after ``step`` optimizer steps and ``seconds`` of training time."""
        for name in values:
            if any(character in name for character in ',"\r\n'):
                raise ValueError(f"metric name {name!r} holds a comma, a quote or a line break")
        self._file.write("".join(f"{int(step)},{float(seconds):.3f},{name},{float(value)!r}\n" for name, value in values.items()))
        self._file.flush()

    def truncate_after(self, step: int) -> None:
        """Drop every row of a later step, in one atomic replacement: the run goes on from a checkpoint at ``step``."""
        self._file.close()
        self._rewrite(last_step=step)
        self._file = self.path.open("a", encoding="utf-8", newline="")

    def close(self) -> None:
        """Close the file; the writer is done."""
        self._file.close()

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rewrite(self, *, last_step: int | None = None) -> None:
        text = self.path.read_bytes().decode("utf-8", errors="replace")
        lines = text[: text.rfind("\n") + 1].split("\n")[:-1]
        rows = [line for line in lines if _is_row(line)]
        junk = len(lines) - len(rows) - lines.count(HEADER.rstrip("\n"))
        if junk:
            notice(f"{self.path}: {junk} line{'s' if junk > 1 else ''} that {'are no rows were' if junk > 1 else 'is no row was'} dropped")
        kept = HEADER + "".join(f"{row}\n" for row in rows if last_step is None or int(row.partition(",")[0]) <= last_step)
        if kept != text:
            files.write_text(self.path, kept)


def _is_row(line: str) -> bool:
    cells = line.split(",")
    if len(cells) != 4 or not (cells[0].isascii() and cells[0].isdigit()) or not cells[2].isprintable() or not cells[2] or "\ufffd" in line:
        return False
    try:
        return float(cells[1]) >= 0 and isinstance(float(cells[3]), float)
    except ValueError:
        return False
