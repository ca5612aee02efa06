"""metrics.csv: one measured value per row, appended as training goes and cut back when a run resumes from a checkpoint."""

from collections.abc import Mapping
from pathlib import Path

from hrmlab.runs import files

HEADER = "step,seconds,metric,value\n"


class MetricsWriter:
    """Appends rows ``step,seconds,metric,value``; every append is flushed, so a killed run loses at most one torn line.

    Args:
        path: the file; made with its header when absent. A torn last line of a killed process is removed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists() or self.path.stat().st_size == 0:
            files.write_text(self.path, HEADER)
        else:
            self._rewrite(lambda step: True, only_if_torn=True)
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
        self._rewrite(lambda row_step: row_step <= step)
        self._file = self.path.open("a", encoding="utf-8", newline="")

    def close(self) -> None:
        """Close the file; the writer is done."""
        self._file.close()

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rewrite(self, keep, *, only_if_torn: bool = False) -> None:
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if only_if_torn and whole == text:
            return
        rows = [row for row in whole.splitlines(keepends=True)[1:] if keep(int(row.partition(",")[0]))]
        files.write_text(self.path, HEADER + "".join(rows))
