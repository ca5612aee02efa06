"""Splits of synthetic programs: determinism, disjointness by two criteria, tests that notice faults; the published toy set."""

import ast
from collections import Counter
from typing import Any

import pytest

from hrmlab.core.errors import UserError
from hrmlab.data.code.normal_form import normalised_ast_hash
from hrmlab.data.code.synthetic.execution import behaviour
from hrmlab.data.code.synthetic.kinds import KINDS, held_out
from hrmlab.data.code.synthetic.mutation import compiled_mutants
from hrmlab.data.code.synthetic.probes import probe_inputs
from hrmlab.data.code.synthetic.published import PUBLISHED_SIZES, published_splits
from hrmlab.data.code.synthetic.splits import SPLITS, generate_splits, side_of
from hrmlab.data.written.record import CodeRecord

Splits = dict[str, list[CodeRecord]]
KIND_BY_NAME = {each.name: each for each in KINDS}
SMALL: dict[str, Any] = {"seed": 5, "train": 30, "validation": 5, "test": 5, "families": ("lists", "integers")}


@pytest.fixture(scope="module")
def splits() -> Splits:
    return generate_splits(seed=1, train=300, validation=20, test=40)


def program_of(record: CodeRecord, completion: str) -> str:
    return record.prompt + completion + "\n" + record.test + "\n" + f"check({record.entry_point})"


def passes(record: CodeRecord, completion: str) -> bool:
    try:
        exec(compile(program_of(record, completion), record.task_id, "exec"), {})
    except AssertionError:
        return False
    return True


def behaviour_of(record: CodeRecord) -> str:
    """From the text alone, apart from the types of the arguments."""
    scope: dict[str, Any] = {}
    exec(record.prompt + record.canonical_solution, scope)
    takes = KIND_BY_NAME[record.operations[0]].takes
    return behaviour(takes, [scope[record.entry_point](*arguments) for arguments in probe_inputs(takes)])


class TestSplits:
    @pytest.mark.slow
    def test_sizes_and_depths(self, splits: Splits):
        assert {name: len(records) for name, records in splits.items()} == dict(zip(SPLITS, (300, 20, 40, 40, 40), strict=True))
        depths = {name: {record.depth for record in records} for name, records in splits.items()}
        assert depths["train"] == depths["test_iid"] == {1, 2, 3}
        assert depths["test_deeper"] == {4, 5}
        assert depths["test_unseen_composition"] == {2, 3}
        assert all(record.depth == len(record.operations) for records in splits.values() for record in records)

    def test_humaneval_fields(self, splits: Splits):
        for records in splits.values():
            assert len({record.task_id for record in records}) == len(records)
            for record in records:
                tree = ast.parse(record.prompt + record.canonical_solution)
                (function,) = tree.body
                assert isinstance(function, ast.FunctionDef)
                assert function.name == record.entry_point
                assert ast.get_docstring(function)
                assert record.prompt.endswith('"""\n')
                assert record.canonical_solution.startswith("    ")
                assert record.canonical_solution.endswith("\n")
                assert 5 <= record.test.count("    assert candidate(") <= 8
                assert record.test.startswith("def check(candidate):\n")

    def test_no_program_is_in_two_splits_by_hash_tree_or_behaviour(self, splits: Splits):
        for identity in (
            lambda record: record.program_hash,
            lambda record: normalised_ast_hash(record.prompt + record.canonical_solution),
            behaviour_of,
        ):
            found: dict[Any, str] = {}
            for name, records in splits.items():
                for record in records:
                    assert found.setdefault(identity(record), name) == name

    def test_program_hash_is_the_behaviour_of_the_text(self, splits: Splits):
        assert all(record.program_hash == behaviour_of(record) for records in splits.values() for record in records)

    def test_tests_hold_each_program_once_and_belong_where_their_hash_says(self, splits: Splits):
        for name in SPLITS:
            hashes = [record.program_hash for record in splits[name]]
            assert all(side_of(each) == name.split("_")[0] for each in hashes)
            assert name == "train" or len(set(hashes)) == len(hashes)

    def test_every_kind_is_trained_and_held_out_pairs_never(self, splits: Splits):
        def pairs(name: str) -> list[list[bool]]:
            return [
                [held_out(KIND_BY_NAME[one], KIND_BY_NAME[two]) for one, two in zip(record.operations, record.operations[1:], strict=False)]
                for record in splits[name]
            ]

        assert {kind for record in splits["train"] for kind in record.operations} == set(KIND_BY_NAME)
        assert all(any(record) for record in pairs("test_unseen_composition"))
        assert not any(any(record) for name in SPLITS if name != "test_unseen_composition" for record in pairs(name))

    def test_solutions_pass_and_three_mutants_fail(self, splits: Splits):
        for records in splits.values():
            for record in records[:60]:
                assert passes(record, record.canonical_solution)
                cases = [
                    (ast.literal_eval(ast.unparse(ast.Tuple(each.test.left.args, ast.Load()))), ast.literal_eval(each.test.comparators[0]))
                    for each in ast.parse(record.test).body[0].body  # type: ignore[attr-defined]
                ]
                failed = sum(
                    any(mutant(*arguments) != wanted for arguments, wanted in cases)
                    for mutant in compiled_mutants(record.prompt + record.canonical_solution)
                )
                assert failed >= 3, record

    def test_a_wrong_completion_fails(self, splits: Splits):
        assert not any(passes(record, "    return None\n") for record in splits["test_iid"])

    @pytest.mark.slow
    def test_train_holds_programs_in_several_words(self):
        train = generate_splits(seed=2, train=200, validation=0, test=0, families=("recursions",), max_depth=1)["train"]
        hashes = Counter(record.program_hash for record in train)
        assert hashes.most_common(1)[0][1] > 2
        assert len({record.prompt + record.canonical_solution for record in train}) == len(train)


class TestArguments:
    def test_deterministic_and_seeded(self):
        assert generate_splits(**SMALL) == generate_splits(**SMALL)
        assert generate_splits(**SMALL) != generate_splits(**{**SMALL, "seed": 6})

    def test_more_training_keeps_the_tests_and_the_first_records(self):
        fewer, more = generate_splits(**SMALL), generate_splits(**{**SMALL, "train": 60})
        assert more["train"][:30] == fewer["train"]
        assert more["test_iid"] == fewer["test_iid"]

    @pytest.mark.slow
    def test_most_bytes(self):
        made = generate_splits(**SMALL, max_bytes=120, max_depth=2, deeper=1)
        assert len(made["train"]) == 30
        assert len(made["test_deeper"]) < 5, "three operations in 120 bytes are rare"
        assert max(len((record.prompt + record.canonical_solution).encode()) for records in made.values() for record in records) <= 120

    def test_one_style(self):
        made = generate_splits(**SMALL, styles="one", paraphrases=1, max_depth=1, deeper=1)
        assert all(record.entry_point == "f" and record.depth == 1 for record in made["train"])
        assert {record.depth for record in made["test_deeper"]} == {2}

    def test_depth_weights(self):
        made = generate_splits(**SMALL, max_depth=2, depth_weights=(0, 1), deeper=0)
        assert all(record.depth == 2 for record in made["train"])
        assert made["test_deeper"] == []

    def test_progress_counts_records(self):
        counts: list[int] = []
        made = generate_splits(**SMALL, progress=counts.append)
        assert sum(counts) == sum(map(len, made.values()))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"train": -1}, "data.train_examples=-1"),
            ({"max_depth": 0}, "data.max_depth=0"),
            ({"max_bytes": 20}, "data.max_bytes=20"),
            ({"styles": "some"}, "data.styles='some'"),
            ({"paraphrases": 0}, "data.paraphrases=0"),
            ({"depth_weights": (1,)}, "data.depth_weights"),
            ({"families": ("lists", "colours")}, "colours"),
            ({"max_bytes": 60, "max_depth": 1, "styles": "one", "families": ("recursions",)}, "ask for fewer"),
        ],
    )
    def test_errors(self, arguments: dict[str, Any], message: str):
        with pytest.raises(UserError, match=message):
            generate_splits(**{**SMALL, **arguments})


class TestPublished:
    @pytest.mark.parametrize("sequence_length", [128, 192, 256])
    def test_sizes_duplicates_and_overlap(self, sequence_length: Any):
        made = published_splits(sequence_length=sequence_length, seed=0)
        assert (len(made["train"]), len(made["validation"])) == PUBLISHED_SIZES[sequence_length]
        assert made["test_iid"] == made["validation"]
        train, validation = ([record.prompt for record in made[name]] for name in ("train", "validation"))
        assert len(set(train)) < len(train)
        assert sum(each in train for each in validation) / len(validation) > 0.4
        assert len({record.program_hash for record in made["train"]}) == len({record.family for record in made["train"]}) == 4
        assert max(len(record.prompt + record.canonical_solution) for record in made["train"]) < 128
        assert made == published_splits(sequence_length=sequence_length, seed=0)

    @pytest.mark.parametrize("seed", [0, 7])
    def test_held_out_prompts_are_in_one_split(self, seed: int):
        made = published_splits(sequence_length=192, seed=seed, held_out=True)
        assert [len(made[split]) for split in ("train", "validation", "test_iid")] == [600, 100, 100]
        prompts = {split: {record.prompt for record in records} for split, records in made.items()}
        assert not prompts["train"] & prompts["validation"]
        assert not prompts["train"] & prompts["test_iid"]
        assert not prompts["validation"] & prompts["test_iid"]
        assert len({record.program_hash for records in made.values() for record in records}) == 4

    def test_solutions_pass_and_mutants_fail(self):
        for record in published_splits(sequence_length=128, seed=3)["validation"]:
            assert passes(record, record.canonical_solution)
            assert not passes(record, "    return 0\n")

    def test_other_lengths(self):
        with pytest.raises(UserError, match="sequence_length=100"):
            published_splits(sequence_length=100, seed=0)  # type: ignore[arg-type]
