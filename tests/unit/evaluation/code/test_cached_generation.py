"""Generation with cached keys and values against running the whole sequence again for every token."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.evaluation.code.generation import Decoding, choose, generate
from hrmlab.layers.cache import KeyValueCache
from hrmlab.models.deep_supervision_transformer import DeepSupervisionTransformer
from hrmlab.models.halting import wants_to_halt
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.transformer import Transformer

TASK = TaskSpec(name="test", sequence_length=24, vocabulary_size=17, puzzle_ids=3, attention="causal", next_token=True)
SHAPE: dict[str, Any] = {"hidden_size": 32, "num_heads": 2, "mlp_width": 40}
MODELS: list[tuple[type[Reasoner], dict[str, Any]]] = [
    (HRM, {"h_layers": 2, "l_layers": 1, "h_cycles": 2, "l_cycles": 3, "max_segments": 3}),
    (HRM, {"h_layers": 1, "l_layers": 1, "max_segments": 2, "shared_levels": True, "halting": False, "positions": "learned"}),
    (HRM, {"h_layers": 1, "l_layers": 1, "max_segments": 2, "puzzle_embedding_size": 40}),
    (Transformer, {"layers": 2}),
    (Transformer, {"layers": 2, "positions": "none", "puzzle_embedding_size": 40}),
    (DeepSupervisionTransformer, {"layers": 2, "max_segments": 3}),
]
every_model = pytest.mark.parametrize(("model", "options"), MODELS, ids=lambda value: getattr(value, "__name__", None))
GREEDY = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=9, halting=False, likelihood="softmax")
PROMPTS = [[1, 5, 2], [1, 9, 9, 3, 4, 12, 2], [1, 2], [1, 16, 3, 3, 2]]


def make(model: type[Reasoner], options: dict[str, Any], task: TaskSpec = TASK) -> Reasoner:
    torch.manual_seed(0)
    reasoner = call(model, task=task, **SHAPE, **options).eval()
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)  # halting heads and puzzle embeddings start at zero
    return reasoner


def batch_of(rows: list[list[int]]) -> Batch:
    inputs = torch.tensor(rows)
    return Batch(inputs, torch.full_like(inputs, IGNORED_LABEL), torch.zeros(len(rows), dtype=torch.int64))


@torch.no_grad()
def recomputed(reasoner: Reasoner, tokens: list[int]) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """Logits (S, V) and wishes to halt (S,) of every segment, the whole row at once and without a cache."""
    carry = reasoner.initial_carry(1, reasoner.prefix_length + len(tokens))
    found = []
    for _ in range(reasoner.max_segments):
        carry, prediction = reasoner(carry, batch_of([tokens]))
        wants = wants_to_halt(prediction)
        found.append((prediction.logits[0], None if wants is None else wants[0]))
    return found


@every_model
@torch.no_grad()
def test_cached_and_uncached_logits_agree_at_every_segment(model: type[Reasoner], options: dict[str, Any]) -> None:
    reasoner = make(model, options)
    rows = torch.randint(0, 17, (3, 20), generator=torch.Generator().manual_seed(3))
    prefix = reasoner.prefix_length
    expected = [recomputed(reasoner, row.tolist()) for row in rows]
    cache = KeyValueCache(capacity=prefix + 20)
    done = 0
    for chunk in (7, 1, 1, 4, 1, 6):  # a prompt, single tokens, several at once
        ahead = prefix if done == 0 else 0
        first = prefix + done - ahead
        end = prefix + done + chunk
        cache.begin(torch.arange(first, end).expand(3, -1), counts=torch.full((3,), end - first), longest=end)
        carry = reasoner.initial_carry(3, chunk + ahead)
        for segment in range(reasoner.max_segments):
            carry, prediction = reasoner(carry, batch_of(rows[:, done : done + chunk].tolist()), cache)
            for row in range(3):
                torch.testing.assert_close(
                    prediction.logits[row], expected[row][segment][0][done : done + chunk], atol=1e-4, rtol=0.0, msg=str((done, segment))
                )
        done += chunk
    assert cache.nbytes > 0


@torch.no_grad()
def slow_greedy(reasoner: Reasoner, prompt: list[int], *, end: int, halting: bool) -> list[int]:
    tokens = list(prompt)
    while len(tokens) - len(prompt) < GREEDY.max_new_tokens and len(tokens) < TASK.sequence_length:
        segments = recomputed(reasoner, tokens)
        chosen = next((s for s in segments if halting and s[1] is not None and bool(s[1][-1])), segments[-1])
        token = int(chosen[0][-1].argmax())
        if token == end:
            break
        tokens.append(token)
    return tokens[len(prompt) :]


@every_model
@pytest.mark.parametrize("halting", [False, True])
def test_generation_writes_what_recomputing_writes(model: type[Reasoner], options: dict[str, Any], halting: bool) -> None:
    reasoner = make(model, options)
    prompts = [*PROMPTS, list(range(16)), [3] * 19]
    every = [slow_greedy(reasoner, prompt, end=-1, halting=halting) for prompt in prompts]
    end = every[0][2]  # a token that does occur, so that rows finish at different times
    expected = [slow_greedy(reasoner, prompt, end=end, halting=halting) for prompt in prompts]
    decoding = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=9, halting=halting, likelihood="softmax")
    written = generate(reasoner, prompts, end=end, sequence_length=24, decoding=decoding, device=torch.device("cpu"))
    assert written == expected
    assert {len(tokens) for tokens in written} != {9}


def test_what_a_prompt_gets_does_not_depend_on_its_neighbours() -> None:
    reasoner = make(HRM, {"h_layers": 1, "l_layers": 1, "max_segments": 2})
    decoding = Decoding(temperature=0.9, top_p=0.95, max_new_tokens=12, halting=False, likelihood="softmax")

    def write(numbers: list[int]) -> list[list[int]]:
        random = CounterRandom(5, torch.tensor(numbers))
        prompts = [PROMPTS[number] for number in numbers]
        return generate(reasoner, prompts, end=0, sequence_length=24, decoding=decoding, device=torch.device("cpu"), random=random)

    together = write([0, 1, 2, 3])
    assert [write([number])[0] for number in range(4)] == together
    assert len({tuple(tokens) for tokens in together}) > 1


@pytest.mark.slow
def test_beside_others_a_row_differs_by_rounding_alone() -> None:
    """With large random weights HRM multiplies a difference of 1e-7 by some twenty in each segment, so that in float32 the likeliest token
    becomes another one in a larger matrix product. In float64, where rounding is 1e-16, every token stays."""
    reasoner = make(HRM, {"h_layers": 1, "l_layers": 1, "max_segments": 4}, replace(TASK, sequence_length=40)).double()
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    prompts = [[1, *torch.randint(3, 17, (length,), generator=torch.Generator().manual_seed(length)).tolist()] for length in (4, 31, 7, 17)]
    decoding = replace(GREEDY, max_new_tokens=40)

    def write(prompts: list[list[int]]) -> list[list[int]]:
        return generate(reasoner, prompts, end=-1, sequence_length=40, decoding=decoding, device=torch.device("cpu"))

    together = write(prompts)
    assert [write([prompt])[0] for prompt in prompts] == together
    assert [len(prompt) + len(tokens) for prompt, tokens in zip(prompts, together, strict=True)] == [40] * 4


def test_a_stop_sequence_ends_a_row_and_leaves_the_others() -> None:
    reasoner = make(Transformer, {"layers": 2})
    free = generate(reasoner, PROMPTS, end=-1, sequence_length=24, decoding=GREEDY, device=torch.device("cpu"))
    stop_at = free[1][3]
    stopped = generate(
        reasoner,
        PROMPTS,
        end=-1,
        sequence_length=24,
        decoding=GREEDY,
        device=torch.device("cpu"),
        stopped=lambda number, tokens: tokens[-1] == stop_at,
    )
    for with_stop, without in zip(stopped, free, strict=True):
        cut = without.index(stop_at) + 1 if stop_at in without else len(without)
        assert with_stop == without[:cut]


def test_sampling_follows_temperature_and_top_p() -> None:
    log_p = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(20_000, -1)
    uniform = CounterRandom(1, torch.arange(20_000)).uniform("test", 1)[:, 0]

    def shares(temperature: float, top_p: float) -> list[float]:
        chosen = choose(log_p, temperature=temperature, top_p=top_p, uniform=uniform)
        return (torch.bincount(chosen, minlength=4) / len(chosen)).tolist()

    assert shares(0.0, 1.0) == [1.0, 0.0, 0.0, 0.0]
    assert shares(1.0, 1.0) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.015)
    assert shares(1.0, 0.8) == pytest.approx([0.625, 0.375, 0.0, 0.0], abs=0.015)
    squared = [p**2 / (0.25 + 0.09 + 0.0225 + 0.0025) for p in (0.5, 0.3, 0.15, 0.05)]
    assert shares(0.5, 1.0) == pytest.approx(squared, abs=0.015)


def check_compiled(model: type[Reasoner], options: dict[str, Any]) -> None:
    reasoner = make(model, options)
    prompts = [*PROMPTS, list(range(16)), [3] * 19]
    decoding = replace(GREEDY, max_new_tokens=12)

    def write(asked: list[list[int]], *, compiled: bool) -> list[list[int]]:
        how = replace(decoding, compiled=compiled)
        return generate(reasoner, asked, end=-1, sequence_length=24, decoding=how, device=torch.device("cpu"))

    for asked in (prompts, [PROMPTS[1]]):
        assert write(asked, compiled=True) == write(asked, compiled=False)
    assert all("forward" not in vars(stack) for stack in reasoner.stacks())


@pytest.mark.slow
@every_model
def test_compiled_steps_write_what_others_write(model: type[Reasoner], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[str] = []
    original = torch.compile

    def without_code(function: Any, **settings: Any) -> Any:
        traced.append(type(function.__self__).__name__)
        return original(function, backend="eager")

    monkeypatch.setattr(torch, "compile", without_code)
    torch.compiler.reset()  # what earlier tests had traced counts towards the compiler's limit
    check_compiled(model, options)
    reasoner = make(model, options)
    assert traced == [type(stack).__name__ for stack in reasoner.stacks()]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")  # torch's compiler, of torch
def test_steps_compiled_to_machine_code_write_what_others_write() -> None:
    torch.compiler.reset()
    check_compiled(*MODELS[0])
