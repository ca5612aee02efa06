"""The model in plain Python: its derivatives, that it is the same model as the other, that it learns, its command."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import softplus

from hrmlab import micro_hrm
from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.task import TaskSpec
from hrmlab.micro_hrm import MicroHRM, Shape, Value, backward
from hrmlab.models.halting import continue_target
from hrmlab.models.hrm import HRM
from hrmlab.training.losses import LossOptions, segment_loss

LETTERS = "^$()[]"
WITHIN: Any = {"rtol": 0.0, "atol": 1e-6}
TOKENS, LABELS = [0, 2, 4, 5, 3, 2], [2, 4, 5, 3, 2, 3]


SHAPE = Shape(letters=LETTERS, hidden_size=8, num_heads=2, mlp_width=12, h_layers=2, l_layers=1, max_segments=3)


def twin(model: MicroHRM) -> HRM:
    """The same model in torch, in double precision."""
    values = asdict(model.shape)
    letters, causal = values.pop("letters"), values.pop("causal")
    task = TaskSpec(
        name="test", sequence_length=len(TOKENS), vocabulary_size=len(letters), puzzle_ids=1, attention="causal" if causal else "full"
    )
    reasoner = call(HRM, task=task, exploration=0.0, halting=True, positions="rope", puzzle_embedding_size=0, **values).double()
    weights = {name: torch.tensor(matrix, dtype=torch.float64) for name, matrix in model.detached().items()}
    weights["halting_head.bias"] = weights["halting_head.bias"][0]
    weights |= {name: torch.tensor(vector, dtype=torch.float64) for name, vector in model.initial.items()}
    reasoner.load_state_dict(weights)
    return reasoner


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("gradient", ["one_step", "full"])
@pytest.mark.parametrize("cycles", [(1, 1), (2, 3)])
def test_outputs_and_gradients_are_those_of_the_model_in_torch(
    causal: bool, gradient: Literal["one_step", "full"], cycles: tuple[int, int]
) -> None:
    model = MicroHRM(replace(SHAPE, causal=causal, gradient=gradient, h_cycles=cycles[0], l_cycles=cycles[1]), seed=3)
    for row in model.weights["halting_head.weight"]:
        for i, weight in enumerate(row):
            assert isinstance(weight, Value)
            weight.data = 0.3 * math.sin(i + 1)
    reasoner = twin(model)
    batch = Batch(torch.tensor([TOKENS]), torch.tensor([LABELS]), torch.tensor([0]))
    carry, mine = reasoner.initial_carry(1), model.fresh(len(TOKENS))
    for segment in (1, 2, 3):
        reasoner.zero_grad()
        carry, prediction = reasoner(carry, batch)
        with torch.no_grad():
            target = continue_target(torch.tensor([segment]), *reasoner.look_ahead(carry, batch), max_segments=3)
        loss, _ = segment_loss(
            prediction, prediction.logits.argmax(-1), batch.labels, target_q_continue=target, options=LossOptions(kind="stablemax")
        )
        loss.backward()

        mine, said = model.segment(mine, TOKENS, learning=True)
        _, following = model.segment(mine, TOKENS, learning=False)
        total = micro_hrm.segment_loss(said, LABELS, next_q_values=micro_hrm.bare(following.q_values), last=segment == 3)
        assert isinstance(total, Value)
        for parameter in model.parameters():
            parameter.gradient = 0.0
        backward(total)

        torch.testing.assert_close(torch.tensor(mine[0]), carry["z_H"][0], check_dtype=False, **WITHIN)
        torch.testing.assert_close(torch.tensor(mine[1]), carry["z_L"][0], check_dtype=False, **WITHIN)
        torch.testing.assert_close(torch.tensor(micro_hrm.bare(said.logits)), prediction.logits[0].detach(), check_dtype=False, **WITHIN)
        assert total.data == pytest.approx(loss.item(), abs=1e-6)
        gradients = {
            name: [[weight.gradient for weight in row if isinstance(weight, Value)] for row in matrix]
            for name, matrix in model.weights.items()
        }
        for name, parameter in reasoner.named_parameters():
            assert parameter.grad is not None
            mirrored = torch.tensor(gradients[name], dtype=torch.float64).view_as(parameter)
            torch.testing.assert_close(mirrored, parameter.grad, msg=lambda text, name=name: f"{name}: {text}", **WITHIN)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.integers(0, 2))
@settings(deadline=None, max_examples=60)
def test_a_derivative_is_the_limit_of_differences(numbers: list[float], which: int) -> None:
    def computed(x: list) -> micro_hrm.Number:
        exponentials = micro_hrm.shares(x, micro_hrm.exponential)
        gate = micro_hrm.through(x[0], micro_hrm.silu) * x[1]
        stable = micro_hrm.through(micro_hrm.shares(x, micro_hrm.stable)[1], micro_hrm.logarithm)
        return micro_hrm.dot(micro_hrm.normalised(x, 1e-2), exponentials) + gate + stable + micro_hrm.cross_entropy(x[2], 0.3)

    values = [Value(x) for x in numbers]
    result = computed(values)
    assert isinstance(result, Value)
    assert result.data == pytest.approx(computed(numbers)), "floats and values give the same"
    backward(result)
    step = 1e-6
    above, below = ([x + sign * step * (i == which) for i, x in enumerate(numbers)] for sign in (1, -1))
    assert values[which].gradient == pytest.approx((computed(above) - computed(below)) / (2 * step), abs=1e-4)  # type: ignore[operator]
    assert not Value.tape


@given(st.floats(-700, 700), st.floats(0, 1))
def test_cross_entropy_is_that_of_the_probability_and_never_overflows(score: float, target: float) -> None:
    x = torch.tensor(score, dtype=torch.float64)
    assert micro_hrm.cross_entropy(score, target) == pytest.approx((softplus(x, threshold=800) - x * target).item(), abs=1e-9)


@pytest.mark.slow
def test_it_learns_and_what_is_saved_writes_the_same(tmp_path: Path) -> None:
    words = micro_hrm.all_words("anbn", 4)
    model = MicroHRM(Shape(letters="^$ab", hidden_size=8, mlp_width=8, h_cycles=1), seed=0)
    before = micro_hrm.completed(model, words)
    losses: list[float] = []
    micro_hrm.train(model, words, steps=80, batch_size=4, learning_rate=0.02, tell=lambda step, loss: losses.append(loss))
    assert before < 1
    assert micro_hrm.completed(model, words) == 1
    assert sum(losses[-10:]) < 0.6 * sum(losses[:10])
    model.save(tmp_path / "model.json")
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]
    again = MicroHRM.load(tmp_path / "model.json")
    assert again.shape == model.shape
    assert [micro_hrm.write(again, "", temperature=1.0, seed=i) for i in range(3)] == [
        micro_hrm.write(model, "", temperature=1.0, seed=i) for i in range(3)
    ]


@given(st.text("()[]", max_size=8))
def test_brackets_belong_when_taking_pairs_away_leaves_nothing(word: str) -> None:
    left = word
    while "()" in left or "[]" in left:
        left = left.replace("()", "").replace("[]", "")
    assert micro_hrm.belongs(word) == (bool(word) and not left)


def test_words_are_all_words() -> None:
    assert micro_hrm.all_words("anbn", 5) == ["ab", "aabb"]
    assert len(micro_hrm.all_words("brackets", 6)) == 2 + 2 * 4 + 5 * 8  # Catalan numbers, two kinds for each pair


def test_the_file_needs_nothing_but_python(tmp_path: Path) -> None:
    """Copied elsewhere and run by a Python that sees no package."""
    copy = tmp_path / "micro.py"
    copy.write_bytes(Path(micro_hrm.__file__).read_bytes())
    command = [sys.executable, "-I", "-S", str(copy)]
    made = subprocess.run(
        [*command, "train", "anbn", "--steps", "2", "--length", "4", "--save", "m.json"], cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "step 2 of 2" in made.stdout
    written = subprocess.run([*command, "write", "m.json", "a", "--count", "2"], cwd=tmp_path, capture_output=True, text=True)
    assert written.returncode == 0
    assert len(written.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "anbn", "--hidden-size", "6"], "--hidden-size 6 is not a multiple of 4"),
        (["train", "brackets", "--length", "1"], "--length 1 has no word"),
        (["train", "brackets", "--length", "3"], "--length 3 has too few words of brackets"),
        (["write", "absent.json"], "absent.json"),
        (["write", "broken.json"], "broken.json does not hold a model"),
        (["write", "model.json", "xy"], "'x' is no letter of this model; it knows ( ) [ ]"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text(json.dumps({"shape": {}}))
    MicroHRM(SHAPE).save(Path("model.json"))
    assert micro_hrm.main(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1
