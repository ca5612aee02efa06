"""Puts a fake trainer in place of hrmlab.workflows.train: commands and sweeps are tested without seconds of torch for each process.

Where ``HRMLAB_TEST_MACHINE`` names one, the process believes to be on that machine, and its file system has no locks.
"""

import errno
import fcntl
import os
import sys
import types

import fake_training

if machine := os.environ.get("HRMLAB_TEST_MACHINE"):
    from hrmlab.runs import claims

    def _no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = _no_locks
    claims._kernel = lambda: machine
    claims.BEAT, claims.STALE = 0.2, 3.0

if "hrmlab.workflows.train" not in sys.modules:
    package = types.ModuleType("hrmlab.training")
    package.__path__ = []
    module = types.ModuleType("hrmlab.workflows.train")
    module.__dict__.update(train=fake_training.train, import_for=lambda targets: None)
    sys.modules["hrmlab.training"], sys.modules["hrmlab.workflows.train"] = package, module
