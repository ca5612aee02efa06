"""transformers' own common tests, run on three of our arms: a flat one, one of two levels, and one with gated cycles and tied weights.

Where the tests come from: ``mixins.py``. What is not run and why: ``not_run.py``; a test that skips itself fails until its reason is there.
"""

import unittest
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial, partialmethod
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import arm_contract as contract
import pytest
import torch
from torch import Tensor

from hrmlab.models.enhanced_hrm import EnhancedHRM
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.transformer import Transformer

transformers = pytest.importorskip("transformers", reason="make test-hf installs the extra hf and runs these tests")
hf = pytest.importorskip("hrmlab.hugging_face")
pytest.importorskip("parameterized", reason="the extra dev has parameterized, which transformers' own tests need")
import mixins  # noqa: E402
import not_run  # noqa: E402

try:
    common: Any = mixins.module("test_modeling_common")
except mixins.NotToBeHad as error:
    pytest.skip(str(error), allow_module_level=True)
configuration: Any = mixins.module("test_configuration_common")
learning: Any = mixins.module("test_training_mixin")

V, S = 29, 64
HRMLab = hf.HRMLabForCausalLM
NOT_RUN = {**not_run.OF_MODELS, **not_run.OF_WRITING}

pytestmark = [
    # Of transformers' own tests, which are not held to our rule that a warning is an error.
    pytest.mark.filterwarnings("default:`past_key_values` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("default:It is deprecated to return a value:DeprecationWarning"),
]


class SmallModel:
    """What the mixins ask of the one who makes models for them: sizes, configurations and inputs."""

    batch_size, seq_length, vocab_size, is_training = 3, 7, V, True
    hidden_size, num_attention_heads = 32, 2
    causal_lm_class = HRMLab

    def __init__(self, arm: type[Reasoner]) -> None:
        self.arm = arm
        self.num_hidden_layers = HRMLab(self.get_config()).config.num_hidden_layers - 1  # without the facts of the rows

    def get_config(self, **options: Any) -> Any:
        keys, fewer = contract.keys_of(self.arm), {"max_segments": 2, "l_cycles": 1, "cycles": 2}
        few = {name: fewer.get(name, 1) for name in keys if name in fewer or name.endswith("layers")}
        known = {name: value for name, value in options.items() if name in keys}
        reasoner = contract.make(self.arm, "causal", {**few, **known}, vocabulary=V, length=S)
        return hf.config_of(reasoner, pad_token_id=0, bos_token_id=1, eos_token_id=3)

    def prepare_config_and_inputs_for_common(self, **options: Any) -> tuple[Any, dict[str, Tensor]]:
        tokens = torch.randint(V, (self.batch_size, self.seq_length))
        return self.get_config(**options), {"input_ids": tokens, "attention_mask": torch.ones_like(tokens).tril(2)}


# ---- what some tests need around them --------------------------------------------------------------------------------------------------


@contextmanager
def _made_alike(test: Any) -> Iterator[None]:
    """HRM's initial states are buffers that are drawn at random; of models that are compared, the same are drawn."""

    def seeded(config: Any, make: Callable[[Any], Reasoner] = hf.HRMLabConfig.make_reasoner) -> Reasoner:
        torch.manual_seed(0)
        return make(config)

    with mock.patch.object(hf.HRMLabConfig, "make_reasoner", seeded):
        yield


def _cached(test: Any) -> AbstractContextManager[Any]:
    """A call makes a cache where it is asked to, and the test takes one for granted."""
    return mock.patch.object(HRMLab, "forward", partialmethod(HRMLab.forward, use_cache=True))


def _static(test: Any) -> AbstractContextManager[Any]:
    """transformers takes static caches and one compiled graph for the same thing; here there are the caches; on a CPU it compiles none."""
    return mock.patch.object(HRMLab, "_can_compile_fullgraph", True)


def _loosened(test: Any) -> AbstractContextManager[Any]:
    """Rounding goes through 8 layers in two of the arms, and transformers' bounds are for two."""
    single, half, brain = torch.float32, torch.float16, torch.bfloat16
    absolute = {("cpu", kernels, kind): bound for kernels in (True, False) for kind, bound in ((single, 1e-5), (half, 2e-2), (brain, 4e-2))}
    relative = {key: 1e-4 if key[2] is single else bound for key, bound in absolute.items()}
    name = "_test_eager_matches_sdpa_inference"
    return mock.patch.object(common, name, partial(getattr(common, name), atols=absolute, rtols=relative))


AROUND: Mapping[str, Callable[[Any], AbstractContextManager[Any]]] = {
    "test_init_weights_can_init_buffers": _made_alike,
    "test_generate_continue_from_past_key_values": _cached,
    "test_generate_continue_from_cache": _cached,
    "test_generate_with_static_cache": _static,
    "test_eager_matches_sdpa_inference_": _loosened,
}
"""By the beginning of a test's name."""


class OnOurModels(common.ModelTesterMixin, common.GenerationTesterMixin, learning.TrainingTesterMixin):
    """The mixins with what is particular to our models."""

    arm: type[Reasoner]
    model_tester: Any = None
    all_model_classes = (HRMLab,)
    test_can_init_all_missing_weights_before_2023 = True  # it would run where the file of the configuration bears a year of copyright
    training_overfit_steps, training_overfit_learning_rate = 120, 1e-2

    def setUp(self: Any) -> None:
        self.model_tester = SmallModel(self.arm)
        self.config_tester = configuration.ConfigTester(self, config_class=hf.HRMLabConfig, vocab_size=V, hidden_size=32)
        # Labels are given to the classes of this table, and their losses checked.
        names = transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        self.enterContext(mock.patch.dict(names, hrmlab=HRMLab.__name__))
        for name, around in AROUND.items():
            if self._testMethodName.startswith(name):
                self.enterContext(around(self))

    def skipTest(self: Any, reason: str) -> NoReturn:  # noqa: N802
        raise AssertionError(f"it skips itself ({reason}); give the reason in not_run.py, or make it run")

    def test_config(self) -> None:
        """ConfigTester is no mixin."""
        self.config_tester.run_common_tests()

    def test_left_padding_compatibility(self: Any) -> None:
        """With rows that fill the batch: it reads the last column, and what stands over padding is no token's."""
        whole = torch.ones(2, SmallModel.seq_length, dtype=torch.int64)
        super().test_left_padding_compatibility(unpadded_custom_inputs={"attention_mask": whole})

    def _prepare_config_and_inputs_for_retain_grad_hidden_states_attentions(self) -> Any:
        """Gradient that goes back to the first layer: that of one segment, through all of its cycles."""
        return self.model_tester.prepare_config_and_inputs_for_common(max_segments=1, gradient="full")

    def _check_cache_for_generate(self: Any, batch_size: int, cache: Any, seq_length: int, config: Any) -> None:
        """As theirs, but for layer index 0, which holds the facts of the rows."""
        assert len(cache) == config.num_hidden_layers == self.model_tester.num_hidden_layers + 1
        facts, *attentions = cache.layers
        assert facts.keys.shape == facts.values.shape == (batch_size, 1, seq_length, 1)
        for layer in attentions:
            assert layer.keys.shape == layer.values.shape == (batch_size, 2, seq_length, 16)

    _check_past_key_values_for_generate = _check_cache_for_generate


def _tests_of(*of: type) -> set[str]:
    return {name for one in of for name in dir(one) if name.startswith("test_") and callable(getattr(one, name))}


# Where the mixin of writing is an empty class, one test would say that it is there, and one of ours would go on from it.
OF_NOTHING = (
    set() if mixins.has("generation.test_utils") else {"test_generation_tester_mixin_inheritance", "test_left_padding_compatibility"}
)
# Programs of torch.export, ONNX and so on, made by transformers' exporters; here hrm-export makes them.
OF_EXPORTING = _tests_of(*(one for name, one in vars(mixins.module("exporters.test_export")).items() if name.startswith("Export")))
for _name in {*NOT_RUN, *OF_EXPORTING, *OF_NOTHING}:
    setattr(OnOurModels, _name, None)


class TestTransformer(OnOurModels, unittest.TestCase):
    arm = Transformer


class TestHRM(OnOurModels, unittest.TestCase):
    arm = HRM


class TestEnhancedHRM(OnOurModels, unittest.TestCase):
    arm = EnhancedHRM


def test_what_is_not_run_is_told_and_exists() -> None:
    """No name in the table is of a test that is no more, and whatever is not run stands in it and in the documentation."""
    of_models, run = _tests_of(common.ModelTesterMixin), set(unittest.defaultTestLoader.getTestCaseNames(TestTransformer))
    assert not_run.OF_MODELS.keys() <= of_models
    assert of_models - run - OF_EXPORTING - OF_NOTHING == not_run.OF_MODELS.keys()
    assert _tests_of(common.GenerationTesterMixin) - run - OF_EXPORTING <= not_run.OF_WRITING.keys()
    assert _tests_of(learning.TrainingTesterMixin) <= run
    told = (Path(__file__).resolve().parents[2] / "docs" / "hugging_face.md").read_text()
    untold = {name for name, reason in NOT_RUN.items() if f"`{name.removeprefix('test_')}`" not in told or reason not in told}
    assert untold == set()
    assert {name for name in run if getattr(getattr(TestTransformer, name), "__unittest_skip__", False)} == set()
