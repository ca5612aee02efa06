"""Composition over the project's own files plus a folder of the test's."""

import pytest

from hrmlab.config.composition import composer, protect
from hrmlab.config.grid import expand, is_decided
from hrmlab.config.location import choices
from hrmlab.core.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ("experiments", "sweeps", "model"):
        (tmp_path / name).mkdir()
    return tmp_path


def write(folder, path, text):
    (folder / path).write_text(text, encoding="utf-8")


def complaint(folder, *overrides):
    with composer([folder]) as composing, pytest.raises(UserError) as error:
        composing.compose(overrides)
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


def test_defaults_compose():
    with composer() as composing:
        config = composing.compose([]).config.to_plain()
    assert list(config)[:3] == ["study", "seed", "arm"]
    assert config["model"]["hidden_size"] is None
    assert isinstance(config["model"]["rope_theta"], float)


def test_experiments_and_sweeps_are_found_beside_conf():
    assert "sudoku/quick_4x4" in choices("experiments")
    assert "quick" in choices("sweeps")
    with composer() as composing:
        config = composing.compose(["experiments=sudoku/quick_4x4", "sweeps=quick"]).config.to_plain()
    assert (config["data"]["side"], config["study"]) == (4, "quick")


def test_command_line_beats_sweep_beats_experiment(folder):
    write(folder, "experiments/e.yaml", "# @package _global_\ndefaults: [override /size: small]\nseed: 1\nstudy: e\ntraining: {steps: 1}\n")
    write(folder, "sweeps/s.yaml", "# @package _global_\ndefaults: [override /size: medium]\nstudy: s\ntraining: {steps: 2}\n")
    with composer([folder]) as composing:
        config = composing.compose(["sweeps=s", "experiments=e", "training.steps=3"]).config.to_plain()
        other = composing.compose(["sweeps=s", "experiments=e", "size=paper"]).config.to_plain()
    assert (config["seed"], config["study"], config["training"]["steps"], config["size"]["name"]) == (1, "s", 3, "medium")
    assert (other["training"]["steps"], other["size"]["name"]) == (2, "paper")


def test_equal_settings_hash_equal_whatever_the_spelling():
    with composer() as composing:
        one = composing.compose(["optimizer.weight_decay=1"]).config.to_plain()
        two = composing.compose(["++optimizer.weight_decay=1.0"]).config.to_plain()
        three = composing.compose(["optimizer={weight_decay: 1.0}"]).config.to_plain()
    assert one == two == three


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: {h_layer: 3}", ["model.h_layer is not a known key", "did you mean model.h_layers?", "experiments/e.yaml"]),
        ("traning: {steps: 3}", ["traning is not a known key", "did you mean training?", "experiments/e.yaml"]),
        ("training: {steps: many}", ["training.steps=many is not an integer"]),
        ("training: {batch_size: 0}", ["training.batch_size=0 is below 1"]),
        ("training:\n  steps: [1, 2\nseed: 3", ["e.yaml, line 4", "not readable as YAML"]),
        ("training: 5", ["training=5 is not a section"]),
        ("defaults: [override /model: hrmm]", ["model=hrmm does not exist", "experiments/e", "did you mean hrm?"]),
        ("defaults: [override /modle: hrm]", ["modle"]),
        ("logger: {project: '${oc.env:NO_SUCH_VARIABLE_HERE}'}", ["logger.project", "NO_SUCH_VARIABLE_HERE"]),
        ("study: ${nothing.there}", ["study", "nothing.there"]),
        ("model: {_target_: hrmlab.models.hrm.HMR}", ["model._target_=hrmlab.models.hrm.HMR", "did you mean HRM?"]),
        ("hydra: {swepper: {}}", ["swepper"]),
        ("- a\n- b", ["e"]),
    ],
)
def test_mistakes_in_a_recipe_are_named(folder, text, words):
    write(folder, "experiments/e.yaml", f"# @package _global_\n{text}\n")
    sentence = complaint(folder, "experiments=e")
    for word in words:
        assert word in sentence


def test_a_recipe_that_is_not_utf8_is_said(folder):
    (folder / "experiments/e.yaml").write_bytes(b"# @package _global_\nstudy: \xff\xfe\n")
    assert "UTF-8" in complaint(folder, "experiments=e")


def test_unknown_key_inside_the_parameters_of_a_sweep_is_named(folder):
    write(
        folder, "sweeps/s.yaml", "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params: {model.h_layer: '2,4', seed: 3}\n"
    )
    with composer([folder]) as composing:
        plan = composing.plan(["sweeps=s"])
        jobs = expand(composing, ["sweeps=s"], plan)
        assert plan.multirun
        assert jobs == [["model.h_layer=2", "seed=3", "sweeps=s"], ["model.h_layer=4", "seed=3", "sweeps=s"]]
        with pytest.raises(UserError, match=r"model\.h_layer is not a known key; did you mean model\.h_layers"):
            composing.compose(jobs[0])


def test_grids_follow_hydra_and_the_command_line_replaces_their_keys():
    with composer() as composing:
        plan = composing.plan(["sweeps=quick"])
        assert len(expand(composing, ["sweeps=quick"], plan)) == 18
        jobs = expand(composing, ["sweeps=quick", "seed=range(2)", "model=glob(*transformer)", "experiments=maze/quick"], plan)
    transformers = [name for name in choices("model") if name.endswith("transformer")]
    assert len(transformers) > 1
    assert [job[1:3] for job in jobs] == [[f"model={model}", f"seed={seed}"] for model in transformers for seed in (0, 1)]


ARMS = """# @package _global_
study: s
arms: [model=hrm, model=hrm model.gradient=full seed=0, model=transformer arm=plain]
hydra:
  mode: MULTIRUN
  sweeper:
    params: {data.side: "4,6", seed: "0,1"}
"""


def test_arms_listed_in_a_sweep_each_go_through_the_grid_with_their_own_overrides(folder):
    write(folder, "sweeps/s.yaml", ARMS)
    with composer([folder]) as composing:
        plan = composing.plan(["sweeps=s"])
        jobs = [set(job) for job in expand(composing, ["sweeps=s"], plan)]
        assert len(jobs) == 4 + 2 + 4  # the second arm has one seed of its own
        assert {"data.side=6", "seed=0", "model=hrm", "model.gradient=full", "sweeps=s"} in jobs
        chosen = [set(job) for job in expand(composing, ["sweeps=s", "model=transformer,hrm", "seed=5", "data.side=4"], plan)]
        assert chosen == [
            {"data.side=4", "seed=5", "model=hrm", "sweeps=s"},
            {"data.side=4", "seed=5", "model=hrm", "model.gradient=full", "sweeps=s"},
            {"data.side=4", "seed=5", "model=transformer", "arm=plain", "sweeps=s"},
        ]
        with pytest.raises(UserError, match=r"model=deep_supervision_transformer is no arm of this sweep; .* hrm, transformer"):
            expand(composing, ["sweeps=s", "model=deep_supervision_transformer"], plan)
        assert is_decided(composing, ["sweeps=s", "model=hrm", "data.side=4", "seed=0"], plan), "as the command of a job does"
        twice = ["sweeps=s", "model=hrm", "data.side=4", "seed=0", "trainer.threads=2", "trainer.threads=1"]
        assert is_decided(composing, twice, plan), "hrm-sweep trainer.threads=2 gives each job threads of its own too"
        assert not is_decided(composing, ["sweeps=s", "model=hrm", "data.side=4", "seed=0,1"], plan)
        assert not is_decided(composing, ["sweeps=s", "data.side=4", "seed=0"], plan)
        config = composing.compose(expand(composing, ["sweeps=s"], plan)[0]).config.to_plain()
        assert "arms" not in config, "a run knows nothing of the other arms"


@pytest.mark.parametrize(
    ("arms", "said"), [("[seed=1]", "chooses no model"), ("hrm", "no list of lines"), ("[{model: hrm}]", "no list of lines")]
)
def test_arms_that_are_none_are_named(folder, arms, said):
    write(folder, "sweeps/s.yaml", f"# @package _global_\narms: {arms}\nhydra:\n  mode: MULTIRUN\n")
    with composer([folder]) as composing, pytest.raises(UserError, match=said):
        composing.plan(["sweeps=s"])


def test_a_user_folder_is_searched_too_and_must_exist(folder):
    write(folder, "model/mine.yaml", "name: mine\n_target_: hrmlab.models.transformer.Transformer\nlayers: 3\n")
    with composer([folder]) as composing:
        config = composing.compose(["model=mine"]).config.to_plain()
    assert config["model"]["layers"] == 3
    assert config["model"]["positions"] == "rope"  # left out: the constructor's default
    with pytest.raises(UserError, match="--config-dir"), composer([folder / "absent"]):
        pass


def test_values_with_an_equals_sign_are_quoted():
    assert protect("resume=out/seed=0/ab") == "resume='out/seed=0/ab'"
    assert protect("seed=1,2") == "seed=1,2"
    assert protect("data={a: b=c}") == "data={a: b=c}"
    assert protect("x='a=b'") == "x='a=b'"
