"""A folder as one would push it to the Hugging Face hub: weights, configuration, tokenizer, generation settings and a card."""

import tempfile
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from hrmlab.core.errors import UserError
from hrmlab.hugging_face.model import HRMLabForCausalLM


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
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"out={folder} is there already and is not an empty folder; name a new one")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as draft:
            written = Path(draft) / "written"
            model.save_pretrained(written)
            if tokenizer is not None:
                tokenizer.save_pretrained(written)
            (written / "README.md").write_text(card, encoding="utf-8")
            if folder.exists():
                folder.rmdir()
            written.replace(folder)
    except OSError as error:
        raise UserError(f"out={folder} cannot be written ({error.strerror}); name a folder that can") from None
