"""``data=synthetic_code``: functions from a typed grammar, split by program."""

import platform
from collections.abc import Mapping
from typing import Any, Literal

from hrmlab.core.errors import UserError
from hrmlab.core.progress import progress_bar
from hrmlab.data.code.coinciding import VERSION as COINCIDING_VERSION
from hrmlab.data.code.coinciding import packaged_sets, without_coinciding
from hrmlab.data.code.library.clean import clean_functions
from hrmlab.data.code.synthetic.splits import GENERATOR_VERSION, generate_splits
from hrmlab.data.code.task import CodeOptions, CodeTask
from hrmlab.data.example_set import check_counts
from hrmlab.data.written.record import Records

SPLIT_RULE = "programs with equal normalised syntax trees or equal behaviour on probe inputs"
PUBLISHED_RULE = "programs with equal normalised syntax trees; the published protocol repeats them across splits"
SHARED_ON_PURPOSE = "the published protocol draws all splits from four functions, with replacement"
HELD_OUT_RULE = "programs with equal normalised syntax trees; the four functions are in all splits, and no prompt is in two"
FUNCTIONS_SHARED = "there are four functions to know, and all splits have them; no prompt is in two splits"
PUBLISHED_LENGTHS = (128, 192, 256)


TESTS = ("test_iid", "test_deeper", "test_unseen_composition")


_DEFAULTS = CodeOptions()


class SyntheticCodeTask(CodeTask):
    """Synthetic programs with tests, or (``protocol=published``, ``published_held_out``) the toy families of the original code comparison.

    Args:
        protocol: ``disjoint``; ``published``, which has its own sizes, that go with ``sequence_length`` 128, 192 or 256; or
            ``published_held_out``: the same toys, and no prompt is in two splits.
        train_examples, validation_examples: programs in these splits; of the former, ``leave_out`` takes away a few.
        test_examples: programs in each test split (test_iid, test_deeper, test_unseen_composition).
        max_depth: operations composed in training programs, 1 to 5.
        deeper: test_deeper goes up to ``max_depth + deeper`` operations.
        families: operation families to use; None for all.
        styles: ``all`` equivalent ways of writing a solution, or ``one``.
        paraphrases: docstring phrasings of each operation; None for all.
        depth_weights: share of each depth among training programs; None for the grammar's own.
        leave_out: ``humaneval``: training programs that coincide with a HumanEval problem (docs/code.md, the contamination audit) are
            left out and counted in data.json, so that HumanEval can be asked; ``nothing``. The toys keep their own.
        python_functions: so many documented functions of Python's standard library are added to the training split.
        max_bytes: longest prompt and solution together; None: what fits into a row of bytes, and no limit for other tokenizers.
        options: see :class:`CodeOptions`; the seed also chooses the programs.
    """

    def __init__(
        self,
        *,
        protocol: Literal["disjoint", "published", "published_held_out"] = "disjoint",
        train_examples: int = 20_000,
        validation_examples: int = 500,
        test_examples: int = 500,
        max_depth: int = 3,
        deeper: int = 2,
        families: list[str] | None = None,
        styles: Literal["one", "all"] = "all",
        paraphrases: int | None = None,
        depth_weights: list[float] | None = None,
        leave_out: Literal["humaneval", "nothing"] = "humaneval",
        python_functions: int = 0,
        max_bytes: int | None = None,
        options: CodeOptions = _DEFAULTS,
    ) -> None:
        sequence_length = options.sequence_length
        if protocol != "disjoint" and sequence_length not in PUBLISHED_LENGTHS:
            raise UserError(
                f"data.sequence_length={sequence_length} is none of the published protocol's; use 128, 192 or 256, which choose its sizes"
            )
        if not 1 <= max_depth <= 5:
            raise UserError(f"data.max_depth={max_depth} is not possible; programs are composed of 1 to 5 operations")
        check_counts(train=train_examples, validation=validation_examples, test=test_examples)
        # Of bytes a row's size is known: two special tokens before the end, which is a label only. Other tokens are counted when encoded.
        most = sequence_length - 2 if max_bytes is None and options.tokenizer == "bytes" else max_bytes
        self._protocol, self._most_bytes = protocol, most
        self._python_functions, self._clean = python_functions, leave_out == "humaneval" and protocol == "disjoint"
        self._arguments = {
            "train": train_examples,
            "validation": validation_examples,
            "test": test_examples,
            "max_depth": max_depth,
            "deeper": deeper,
            "families": None if families is None else tuple(families),
            "styles": styles,
            "paraphrases": paraphrases,
            "depth_weights": None if depth_weights is None else tuple(depth_weights),
            "max_bytes": most,
        }
        self.class_rule = {"disjoint": SPLIT_RULE, "published": PUBLISHED_RULE, "published_held_out": HELD_OUT_RULE}[protocol]
        self.source = "generated"
        if protocol == "disjoint":
            self.templated_sets = TESTS
        else:
            self.shared_on_purpose = SHARED_ON_PURPOSE if protocol == "published" else FUNCTIONS_SHARED
        super().__init__(
            name="synthetic_code" if protocol == "disjoint" else f"{protocol.replace('published', 'published_code')}_{sequence_length}",
            options=options,
        )

    def identity(self) -> Mapping[str, object]:
        chosen = {"sequence_length": self._options.sequence_length} if self._protocol != "disjoint" else self._arguments
        if self._clean:
            chosen = {**chosen, "left_out": COINCIDING_VERSION}
        if self._python_functions:
            chosen = {**chosen, "functions": COINCIDING_VERSION, "python": platform.python_version()}
        return {
            "version": GENERATOR_VERSION,
            "protocol": self._protocol,
            "seed": self._options.seed,
            "python_functions": self._python_functions,
            **chosen,
        }

    def make_records(self, *, progress: bool) -> Records:
        if self._protocol != "disjoint":
            from hrmlab.data.code.synthetic.published import published_splits

            length = self._options.sequence_length
            held_out = self._protocol == "published_held_out"
            return published_splits(sequence_length=length, seed=self._options.seed, held_out=held_out)  # pyright: ignore[reportArgumentType]
        arguments = self._arguments
        total = arguments["train"] + arguments["validation"] + 3 * arguments["test"]
        with progress_bar("writing programs", total, shown=progress) as advance:
            records = generate_splits(seed=self._options.seed, progress=advance, **arguments)
        if self._clean:
            records["train"] = without_coinciding(records["train"], packaged_sets())
        if self._python_functions:
            records["train"] += clean_functions(seed=self._options.seed, count=self._python_functions, max_bytes=self._most_bytes)
        return records

    def facts(self) -> dict[str, Any]:
        """The tokenizer, and how many programs were left out of training because an evaluation set asks for them."""
        if not self._clean:
            return super().facts()
        drawn = self._arguments["train"] + self._python_functions
        return {**super().facts(), "left_out": {"humaneval": drawn - len(self.records()["train"])}}
