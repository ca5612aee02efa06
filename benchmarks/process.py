"""A measurement in a process of its own, so that memory, allocator and compiler state are its own too."""

import json
import subprocess
import sys
from typing import Any


def in_fresh_process(module: str, job: dict[str, Any]) -> dict[str, Any]:
    """What ``python -m module JOB`` prints as its last line; job and answer are JSON objects. Its stderr is shown if it fails."""
    command = [sys.executable, "-m", module, json.dumps(job)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.stderr.write(finished.stderr)
        finished.check_returncode()
    return json.loads(finished.stdout.splitlines()[-1])
