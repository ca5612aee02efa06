"""A folder as one would push it to the Hugging Face hub: weights, configuration, tokenizer, generation settings and a card."""

from pathlib import Path

from transformers import PreTrainedTokenizerBase

from hrmlab.hugging_face.model import HRMLabForCausalLM
from hrmlab.runs.new_folder import new_folder


def write_folder(folder: Path, model: HRMLabForCausalLM, tokenizer: PreTrainedTokenizerBase | None, *, card: str) -> None:
    """Write a folder that ``AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)`` opens; all of it or nothing.

    Args:
        folder: new, or empty.
        model: with its weights.
        tokenizer: None for a model of something else than text.
        card: README.md.

    Raises:
        UserError: the folder holds something already, or cannot be written.
    """
    with new_folder(folder) as written:
        model.save_pretrained(written)
        if tokenizer is not None:
            tokenizer.save_pretrained(written)
        (written / "README.md").write_text(card, encoding="utf-8")
