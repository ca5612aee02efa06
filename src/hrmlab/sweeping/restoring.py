"""Jobs whose runs an archive of records holds: put back as run directories, they count as completed."""

from collections.abc import Sequence
from pathlib import Path

from hrmlab.core.errors import UserError
from hrmlab.runs.archive import Archive, archive_of, read_archive
from hrmlab.runs.directory import folder_of
from hrmlab.sweeping.jobs import Job, decide


def archived(jobs: Sequence[Job], *, reports_root: str | Path) -> tuple[Archive, dict[str, str]]:
    """The study's archive, and by the name of the job the run that it holds of each job that has not been completed here.

    Raises:
        UserError: there is no archive, or it is damaged.
    """
    study = jobs[0].labels.study
    path = archive_of(reports_root, study)
    archive = read_archive(path)
    if archive is None:
        raise UserError(f"--use-records: there is no {path}; leave the flag out, or say with --reports DIR where the reports are")
    found: dict[str, str] = {}
    for job in jobs:
        folder = folder_of("", job.labels).relative_to(study).as_posix()
        place = f"{folder}/{job.hash}"
        held = [name for name in archive.runs if name == place or name.startswith(f"{place}-")]
        if held and decide(job, retry_failed=False)[0] not in ("completed", "running"):
            found[job.name] = held[0]
    return archive, found


def restore(jobs: Sequence[Job], *, reports_root: str | Path) -> int:
    """Put the archived runs of jobs back below their output root; how many.

    Raises:
        UserError: there is no archive, it is damaged, or the output root cannot be written.
    """
    archive, found = archived(jobs, reports_root=reports_root)
    return len(archive.restore(set(found.values()), output_root=Path(jobs[0].config.output_root)))
