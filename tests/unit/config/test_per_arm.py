"""Values for one arm: by its model, and for an arm of more words before those of its model."""

from pathlib import Path

import pytest

from hrmlab.config.composition import composer
from hrmlab.core.errors import UserError

RECIPE = """# @package _global_
per_arm:
  hrm model.gradient=full size=nano: {optimizer: {learning_rate: 3.0e-3}}
  hrm: {optimizer: {learning_rate: 1.0e-3, weight_decay: 0.5}}
  hrm regime.segments=2: {optimizer: {learning_rate: 2.0e-3}}
  transformer: {optimizer: {learning_rate: 9.0e-3}}
"""


@pytest.mark.parametrize(
    ("words", "rate", "decay"),
    [
        (["model=hrm"], 1e-3, 0.5),
        (["model=hrm", "regime.segments=2"], 2e-3, 0.5),
        (["model=hrm", "model.gradient=full"], 3e-3, 0.5),
        (["model=hrm", "model.gradient=full", "size=tiny"], 1e-3, 0.5),
        (["model=transformer", "regime.segments=2"], 9e-3, None),
    ],
)
def test_the_most_telling_name_goes_before(tmp_path: Path, words: list[str], rate: float, decay: float | None) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(RECIPE)
    with composer([tmp_path]) as composing:
        found = composing.compose(["experiments=mine", *words]).config.optimizer.arguments
        usual = composing.compose(words).config.optimizer.arguments["weight_decay"]
    assert found["learning_rate"] == rate
    assert found["weight_decay"] == (usual if decay is None else decay)


@pytest.mark.parametrize(
    ("words", "rate"),
    [
        (["optimizer.learning_rate=0.5"], 0.5),
        (["optimizer.learning_rate=0.5", "per_arm.hrm.optimizer.learning_rate=0.25"], 0.25),
        (["optimizer.learning_rate=0.5", "per_arm.hrm={optimizer: {learning_rate: 0.25}}"], 0.25),
        (["optimizer.weight_decay=0.1"], 1e-3),
    ],
)
def test_the_command_line_goes_before_what_a_file_has_for_the_arm(tmp_path: Path, words: list[str], rate: float) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(RECIPE)
    with composer([tmp_path]) as composing:
        found = composing.compose(["experiments=mine", "model=hrm", *words]).config.optimizer.arguments
    assert found["learning_rate"] == rate


def test_choosing_the_model_leaves_the_arm_its_own_values_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    own = "per_arm: {hrm: {model: {hidden_size: 20}, optimizer: {learning_rate: 0.125}}}"
    (tmp_path / "sweeps" / "mine.yaml").write_text(f"# @package _global_\n{own}\n")
    with composer([tmp_path]) as composing:
        found = composing.compose(["sweeps=mine", "model=hrm", "optimizer=adamw"]).config
    assert (found.model.arguments["hidden_size"], found.optimizer.arguments["learning_rate"]) == (20, 0.125)


def test_a_condition_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text("# @package _global_\nper_arm: {hrm full: {optimizer: {learning_rate: 1}}}\n")
    with composer([tmp_path]) as composing, pytest.raises(UserError, match=r"per_arm\.hrm full: 'full' is not key=value"):
        composing.compose(["experiments=mine", "model=hrm"])
