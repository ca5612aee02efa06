"""Any causal reasoner as a model of the transformers library: ``generate``, ``save_pretrained``, ``pipeline``, ``Trainer``.

    import hrmlab.hugging_face  # registers HRMLabConfig and HRMLabForCausalLM with transformers' Auto classes
    from transformers import AutoModelForCausalLM

Needs the extra ``hf``. Nothing else of hrmlab imports transformers, and nothing but the converter imports this package.
"""

from hrmlab.core.errors import MissingExtra

try:
    import transformers
except ModuleNotFoundError:
    raise MissingExtra("transformers", extra="hf", purpose="hrmlab.hugging_face") from None

from hrmlab.hugging_face.configuration import HRMLabConfig, config_of
from hrmlab.hugging_face.folder import write_folder
from hrmlab.hugging_face.model import HRMLabForCausalLM
from hrmlab.hugging_face.quick_start import create_hrm_model_and_tokenizer
from hrmlab.hugging_face.tokens import REASONING_TOKENS, any_tokenizer, byte_tokenizer, hugging_face_tokenizer, trained_tokenizer

transformers.AutoConfig.register(HRMLabConfig.model_type, HRMLabConfig, exist_ok=True)
transformers.AutoModelForCausalLM.register(HRMLabConfig, HRMLabForCausalLM, exist_ok=True)

__all__ = [
    "REASONING_TOKENS",
    "HRMLabConfig",
    "HRMLabForCausalLM",
    "any_tokenizer",
    "byte_tokenizer",
    "config_of",
    "create_hrm_model_and_tokenizer",
    "hugging_face_tokenizer",
    "trained_tokenizer",
    "write_folder",
]
