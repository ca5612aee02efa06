"""Puts a fake trainer in place of hrmlab.workflows.train: commands and sweeps are tested without seconds of torch for each process."""

import sys
import types

import fake_training

if "hrmlab.workflows.train" not in sys.modules:
    package = types.ModuleType("hrmlab.training")
    package.__path__ = []
    module = types.ModuleType("hrmlab.workflows.train")
    module.__dict__["train"] = fake_training.train
    sys.modules["hrmlab.training"], sys.modules["hrmlab.workflows.train"] = package, module
