"""Counts its steps into a checkpoint, slowly if asked to; goes on from there; ends as the configuration says.

Half of its time passes while a checkpoint is half written. The trail in its summary is one of all steps: it differs if one is left out or
made twice.
"""

import ctypes
import errno
import hashlib
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

STEPS = 10


def lose_a_signal():
    """SIGTERM while compiled code calls back into Python, which prints the handler's exception and forgets it."""
    ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), signal.SIGTERM))()


def train(run):
    from hrmlab.config.configuration import Configuration
    from hrmlab.core.errors import TrainingFailed, UserError

    config = Configuration.from_plain(run.config)
    data = config.data.arguments
    checkpoint = run.checkpoints / "last.json"
    step, trail = json.loads(checkpoint.read_text()) if checkpoint.exists() else (0, str(config.seed))
    with (run.path / "launches.jsonl").open("a") as file:
        threads = [os.environ.get("OMP_NUM_THREADS"), config.trainer.threads]
        row = {
            "from": step,
            "time": time.time(),
            "process": os.getpid(),
            "threads": threads,
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }
        file.write(json.dumps(row) + "\n")
    behaviour = data["behaviour"] if data["fails_for_seed"] in (None, config.seed) else "succeed"
    while step < STEPS:
        time.sleep(data["seconds"] / STEPS / 2)
        step += 1
        trail = hashlib.sha256(f"{trail} {step}".encode()).hexdigest()[:16]
        if step == 5 and not (Path(config.output_root) / "mended").exists():
            if behaviour == "user_error":
                raise UserError("data.path=nowhere.csv does not exist; give a file that does")
            if behaviour == "training_failed":
                raise TrainingFailed("the loss is not finite", hint="lower optimizer.learning_rate", step=step, last_checkpoint="last.ckpt")
            if behaviour == "crash":
                raise ZeroDivisionError("a fault of ours")
            if behaviour == "disk_full":
                raise OSError(errno.ENOSPC, "No space left on device", str(checkpoint))
            if behaviour == "lost_signal":
                lose_a_signal()
                raise RuntimeError("no compiled object yet")
            if behaviour == "exit":
                sys.exit(1)
        temporary = checkpoint.with_suffix(".tmp")
        with temporary.open("w") as file:
            file.write("[")
            file.flush()
            time.sleep(data["seconds"] / STEPS / 2)
            file.write(f'{step}, "{trail}"]')
        temporary.replace(checkpoint)
    with (run.path / "launches.jsonl").open("a") as file:
        file.write(json.dumps({"ended": time.time()}) + "\n")
    rate = config.optimizer.arguments["learning_rate"]
    if rate >= data["diverges_from"]:
        raise TrainingFailed("the loss became NaN", hint="lower optimizer.learning_rate", step=step, last_checkpoint=None)
    validation = 0.25 - 0.1 * abs(math.log10(rate / data["best_rate"]))
    return {
        "test": {"exact_accuracy": 0.5, "count": 10},
        "validation": {"exact_accuracy": validation},
        "training": {"wall_seconds": 1.0, "trail": trail},
    }
