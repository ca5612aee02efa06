"""Jobs side by side times threads never exceed the cores."""

from pathlib import Path

import pytest

from hrmlab.core.errors import UserError
from hrmlab.sweeping import resources
from hrmlab.sweeping.resources import Machine, Need, share_out


def job(**trainer):
    return {"name": "cpu", "accelerator": "cpu", "devices": 1, "num_nodes": 1, "threads": None, **trainer}


@pytest.fixture
def machine(monkeypatch):
    def pretend(cores, gpus=()):
        monkeypatch.setattr(resources, "visible_cores", lambda: cores)
        monkeypatch.setattr(resources, "visible_gpus", lambda: list(gpus))

    return pretend


@pytest.mark.parametrize(
    ("cores", "jobs", "limit", "side_by_side", "threads"),
    [(2, 18, None, 2, 1), (8, 3, None, 3, 2), (8, 18, 2, 2, 4), (2, 1, None, 1, 2), (4, 18, 100, 4, 1), (1, 5, None, 1, 1)],
)
def test_cpu_jobs_share_the_cores(machine, cores, jobs, limit, side_by_side, threads):
    machine(cores)
    shared, needs = share_out([job() for _ in range(jobs)], limit=limit)
    taken = 0
    while taken < jobs and shared.take(needs[taken]) is not None:
        taken += 1
    assert (taken, needs[0].threads) == (side_by_side, threads)
    assert taken * needs[0].cores <= cores


def test_processes_of_one_job_share_its_cores(machine):
    machine(8)
    _, needs = share_out([job(name="ddp_cpu", devices=2) for _ in range(2)], limit=None)
    assert needs[0] == Need(threads=2, cores=4, gpus=0)


def test_asked_threads_are_kept_and_bound_the_jobs(machine):
    machine(4)
    shared, needs = share_out([job(threads=3) for _ in range(3)], limit=None)
    assert needs[0].cores == 3
    assert shared.take(needs[0]) == []
    assert shared.take(needs[1]) is None
    shared.give_back(needs[0], [])
    assert shared.take(needs[1]) == []
    with pytest.raises(UserError, match=r"trainer\.threads=9"):
        share_out([job(threads=9)], limit=None)


def test_one_gpu_job_per_gpu_and_distributed_jobs_take_their_devices(machine):
    machine(16, gpus=["0", "1", "2", "3"])
    one, two = job(name="gpu", accelerator="gpu"), job(name="ddp", accelerator="gpu", devices=2)
    shared, needs = share_out([one, two, one, one], limit=None)
    assert [shared.take(need) for need in needs] == [["0"], ["1", "2"], ["3"], None]
    shared.give_back(needs[1], ["1", "2"])
    assert shared.take(needs[3]) == ["1"]
    assert needs[0].threads == 4


@pytest.mark.parametrize(
    ("gpus", "trainer", "words"),
    [
        ([], {"name": "gpu", "accelerator": "gpu"}, "trainer=cpu"),
        (["0"], {"name": "ddp", "accelerator": "gpu", "devices": 4}, "lower trainer.devices to 1"),
        (["0"], {"name": "ddp", "accelerator": "gpu", "num_nodes": 2}, "trainer.num_nodes=2"),
    ],
)
def test_what_the_machine_does_not_have_is_said(machine, gpus, trainer, words):
    machine(4, gpus)
    with pytest.raises(UserError) as error:
        share_out([job(**trainer)], limit=None)
    assert words in str(error.value)


def test_a_job_with_more_processes_than_cores_runs_alone():
    machine = Machine(cores=2, gpus=[], limit=2)
    wide, narrow = Need(threads=1, cores=4, gpus=0), Need(threads=1, cores=1, gpus=0)
    assert machine.take(wide) == []
    assert machine.take(narrow) is None
    machine.give_back(wide, [])
    assert machine.take(narrow) == []


def test_visible_gpus_follow_the_environment(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
    assert resources.visible_gpus() == ["2", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert resources.visible_gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(Path("/nowhere")))
    assert resources.visible_gpus() == []
