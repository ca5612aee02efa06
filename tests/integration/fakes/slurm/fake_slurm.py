"""Stands in for Slurm's commands (a link to this file for each). A job starts when it is submitted; the queue is the folder FAKE_SLURM.

Files in there make it misbehave: ``refuse`` (sbatch takes no more than so many jobs), ``silent`` (squeue fails so many times),
``vanish`` (jobs are gone without having run), ``held`` (they never start), ``hold`` (they begin after so many looks at the queue).
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

FOLDER = Path(os.environ["FAKE_SLURM"])


def _rule(name: str) -> str | None:
    file = FOLDER / name
    return file.read_text() if file.exists() else None


def _alive(job: dict) -> bool:
    try:
        os.kill(job["process"], 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{job['process']}/status").read_text()


def sbatch(words: list[str]) -> int:
    jobs = list(FOLDER.glob("*.json"))
    if (limit := _rule("refuse")) is not None and len(jobs) >= int(limit):
        print("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates policy", file=sys.stderr)
        return 1
    id = len(jobs) + 1
    script = next(index for index, word in enumerate(words) if not word.startswith("-"))
    options = {word[2:].partition("=")[0]: word.partition("=")[2] for word in words[:script]}
    process = 0
    if _rule("vanish") is None and _rule("held") is None:
        command = words[script:]
        tasks = {"SLURM_JOB_ID": str(id), "SLURM_NTASKS": "1", "SLURM_CPUS_PER_TASK": "1"}
        with Path(options["output"]).open("a") as log:
            process = subprocess.Popen(
                ["bash", "-c", 'while [ -e "$FAKE_SLURM/hold" ]; do sleep 0.1; done; exec bash "$@"', "-", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **tasks},
                start_new_session=True,
            ).pid
    job = {"id": id, "comment": options["comment"], "process": process, "options": words[:script]}
    (FOLDER / f"{id}.json").write_text(json.dumps(job))
    print(id)
    return 0


def squeue(words: list[str]) -> int:
    if (left := int(_rule("silent") or 0)) > 0:
        (FOLDER / "silent").write_text(str(left - 1))
        print("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", file=sys.stderr)
        return 1
    if (looks := _rule("hold")) is not None:
        (FOLDER / "hold").write_text(str(int(looks) - 1))
    for file in sorted(FOLDER.glob("*.json")):
        job = json.loads(file.read_text())
        if job["process"] and _alive(job):
            print(f"{job['id']}|RUNNING|node1|None|{job['comment']}")
        elif not job["process"] and _rule("held") is not None and not job.get("cancelled"):
            print(f"{job['id']}|PENDING||launch failed requeued held|{job['comment']}")
    if _rule("hold") == "0":
        (FOLDER / "hold").unlink()
    return 0


def scontrol(words: list[str]) -> int:
    if words[0] == "requeue":
        print("slurm_requeue: Requested operation is presently disabled", file=sys.stderr)
        return 1
    if (state := _rule("ended")) is not None:
        print(f"JobId={words[-1]} JobName=x JobState={state} Reason=None ExitCode=1:0")
        return 0
    print("slurm_load_jobs error: Invalid job id specified", file=sys.stderr)
    return 1


def scancel(words: list[str]) -> int:
    file = FOLDER / f"{words[-1]}.json"
    job = json.loads(file.read_text())
    file.write_text(json.dumps({**job, "cancelled": True}))
    if job["process"]:
        os.killpg(job["process"], signal.SIGTERM)
    return 0


def srun(words: list[str]) -> int:
    command = words[next(index for index, word in enumerate(words) if not word.startswith("-")) :]
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(globals()[Path(sys.argv[0]).name](sys.argv[1:]))
