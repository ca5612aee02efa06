"""What arms and tasks are called, per-arm values, and classes of the user's own."""

import pytest

from hrmlab.config.composition import SweepPlan, composer
from hrmlab.config.configuration import Configuration
from hrmlab.config.grid import compose_all, expand
from hrmlab.config.naming import differing, joined, written
from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.identity import config_hash, display_name
from hrmlab.sweeping.jobs import compose_jobs
from hrmlab.workflows.labels import labels_of, named, refuse_clash


def label(*overrides):
    with composer() as composing:
        return labels_of(named(composing, composing.compose(overrides)))


@pytest.mark.parametrize(
    ("overrides", "arm"),
    [
        ((), "hrm"),
        (("seed=3", "size=tiny", "trainer.threads=1", "training.log_every_steps=5"), "hrm"),
        (("model=transformer",), "transformer"),
        (("regime.segments=1",), "hrm,segments=1"),
        (("optimizer.learning_rate=1e-3",), "hrm,learning_rate=0.001"),
        (("optimizer={learning_rate: 1e-3}",), "hrm,learning_rate=0.001"),
        (("optimizer.learning_rate=1e-4",), "hrm"),
        (("training.steps=7", "optimizer=adamw"), "hrm,optimizer=adamw,steps=7"),
        (("regime=shallow", "model.shared_levels=true"), "hrm,shared_levels=true,regime=shallow"),
        (("regime=published",), "hrm"),
        (("match=non_embedding",), "hrm,match=non_embedding"),
        (("experiments=sudoku/quick_4x4",), "hrm"),
        (("per_arm.hrm.optimizer.learning_rate=1e-3",), "hrm,learning_rate=0.001"),
        (("per_arm.hrm.optimizer.learning_rate=1e-3", "model=transformer"), "transformer"),
        (("training.loss_terms.segment_cost=0.1",), "hrm,segment_cost=0.1"),
        (("training.loss_terms.state_diversity={weight:0.1}",), "hrm,state_diversity.weight=0.1"),
        (("model.state_noise=0.01", "model.damping=0.05"), "hrm,damping=0.05,state_noise=0.01"),
        (("arm=mine", "training.steps=7"), "mine"),
    ],
)
def test_an_arm_is_named_by_what_was_overridden(overrides, arm):
    assert label(*overrides).arm == arm


def test_a_task_tells_what_its_own_name_does_not():
    assert label("data.side=4").task == "sudoku_4x4"
    assert label("data.side=4", "data.train_examples=500").task == "sudoku_4x4,train_examples=500"


def test_a_size_never_disagrees_with_what_ran():
    assert label("size.parameters=30000").size == "nano,parameters=30000"
    assert label("size=tiny", "size.parameters=16000000").size == "tiny"


def test_names_are_folders_and_read_well():
    assert written([1, 2.0, None, "a/b c.csv"]) == "1+2+null+b-c"
    assert len(joined("hrm", [f"key_{index}=1" for index in range(40)])) < 60
    assert display_name("hrm,learning_rate=0.001") == "hrm learning_rate=0.001"


def test_a_grid_tells_only_what_differs_and_its_jobs_compute_the_same_names():
    words = ["study=s", "data.side=4", "model=hrm,transformer", "optimizer.learning_rate=1e-3,1e-4", "training.steps=7"]
    with composer() as composing:
        jobs = compose_jobs(composing, words)
        assert [job.labels.arm for job in jobs] == [
            f"{model},learning_rate={rate}" for model in ("hrm", "transformer") for rate in ("0.001", "0.0001")
        ]
        for job in jobs:
            again = named(composing, composing.compose(job.overrides))
            assert (labels_of(again), config_hash(again.to_plain())) == (job.labels, job.hash)


@pytest.mark.slow
def test_listed_arms_are_named_by_what_makes_them_and_come_seed_by_seed(tmp_path):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps/s.yaml").write_text(
        "# @package _global_\nstudy: s\narms: [model=hrm, model=hrm model.gradient=full, model=transformer arm=plain]\n"
        "data: {side: 4}\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params: {seed: '0,1'}\n"
    )
    with composer([tmp_path]) as composing:
        jobs = compose_jobs(composing, ["sweeps=s"])
        assert [(job.labels.seed, job.labels.arm) for job in jobs] == [
            (seed, arm) for seed in (0, 1) for arm in ("hrm", "hrm,gradient=full", "plain")
        ]
        for job in jobs:
            again = named(composing, composing.compose(job.overrides))
            assert (labels_of(again), config_hash(again.to_plain())) == (job.labels, job.hash)


def test_values_for_one_arm_leave_the_others_alone_and_no_trace():
    with composer() as composing:
        words = ["model=hrm,transformer", "per_arm.hrm.optimizer.learning_rate=3e-3", "per_arm.hrm.regime.segments=2"]
        compositions = compose_all(composing, expand(composing, words, SweepPlan(False, {})))
        plain = [composing.compose([f"model={model}"]).config for model in ("hrm", "transformer")]
        assert differing(composing, compositions) == {"model"}
    hrm, transformer = (composition.config for composition in compositions)
    assert (hrm.optimizer.arguments["learning_rate"], hrm.model.arguments["max_segments"]) == (3e-3, 2)
    assert transformer == plain[1]
    assert "per_arm" not in hrm.to_plain()


def test_another_configuration_under_the_same_name_is_refused(tmp_path):
    with composer() as composing:
        one, two = (composing.compose([f"output_root={tmp_path}", f"training.steps={steps}"]).config for steps in (5, 6))
    run = RunDirectory.create(output_root=tmp_path, labels=labels_of(one), config=one.to_plain(), overrides=[])
    refuse_clash(one, labels_of(one))
    with pytest.raises(UserError, match=r"training\.steps=5 and 6.*arm=NAME.*study=NAME"):
        refuse_clash(two, labels_of(two))
    run.fail(error="no data", hint="give some")
    refuse_clash(two, labels_of(two))


def test_roles_are_declared_and_may_be_overridden():
    with composer() as composing:
        config = composing.compose(["model=transformer", "role=subject"]).config
    assert (config.model.role, config.role) == ("baseline", "subject")


def test_classes_of_the_user_s_own_lie_in_the_folder_or_beside_it(tmp_path):
    folder = tmp_path / "mine"
    (folder / "model").mkdir(parents=True)
    for place, module in ((folder, "arms_within"), (tmp_path, "arms_beside")):
        (place / module).mkdir()
        (place / module / "__init__.py").touch()
        (place / module / "gru.py").write_text("class GRU:\n    def __init__(self, *, width: int = 8) -> None: ...\n")
        (folder / "model" / f"{module}.yaml").write_text(f"name: {module}\n_target_: {module}.gru.GRU\nwidth: 3\n")
    with composer([folder]) as composing:
        for module in ("arms_within", "arms_beside"):
            config = composing.compose([f"model={module}"]).config
            assert (config.model.arguments, config.python_path) == ({"width": 3}, str(folder))
            assert Configuration.from_plain(config.to_plain()) == config
        assert composing.compose([]).config.python_path is None
        lost = config.to_plain()
    lost["python_path"], lost["model"]["_target_"] = str(tmp_path / "gone"), "arms_that_left.gru.GRU"
    with pytest.raises(UserError, match=r"python_path=.*gone.*no module arms_that_left.*PYTHONPATH"):
        Configuration.from_plain(lost)
