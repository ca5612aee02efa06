"""Puts a fake trainer in place of hrmlab.workflows.fit: commands and sweeps are tested without seconds of torch for each process."""

import sys
import types

import fake_training

if "hrmlab.workflows.fit" not in sys.modules:
    package = types.ModuleType("hrmlab.training")
    package.__path__ = []
    module = types.ModuleType("hrmlab.workflows.fit")
    module.__dict__["train"] = fake_training.train
    sys.modules["hrmlab.training"], sys.modules["hrmlab.workflows.fit"] = package, module
