"""Which part a process has among those that srun, torchrun or Lightning started."""

import pytest

from hrmlab.core.processes import LAUNCH_VARIABLES, Launch, external_launch, process_rank

SRUN = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "3", "SLURM_NTASKS": "4"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "1"}


@pytest.mark.parametrize(
    ("variables", "launch", "rank"),
    [
        ({}, None, 0),
        (SRUN, Launch("srun", 3, 4, 2), 3),
        (TORCHRUN, Launch("torchrun", 3, 4, 2), 3),
        (SRUN | TORCHRUN, Launch("torchrun", 3, 4, 2), 3),
        ({**SRUN, "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, None, 0),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, None, 0),  # the script of a job
        ({"LOCAL_RANK": "2", "WORLD_SIZE": "4"}, None, 2),  # a child of Lightning's
    ],
)
def test_the_part_of_a_process(variables, launch, rank, monkeypatch):
    for name in (*LAUNCH_VARIABLES, "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert external_launch() == launch
    assert process_rank() == rank
