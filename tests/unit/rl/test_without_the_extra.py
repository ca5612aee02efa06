"""Where TRL is not installed, a run with stages says so before it trains."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hrmlab.core.errors import UserError
from hrmlab.workflows import practise


@pytest.mark.slow
def test_a_run_with_stages_names_the_extra(
    train_run: Callable[..., Any], compose_config: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(practise, "find_spec", lambda name: None)
    config = compose_config("experiments=rl/quick", "objective.order=[math]", f"output_root={tmp_path}", family="worked")
    with pytest.raises(UserError, match=r"hrmlab\[rl\]"):
        train_run(config=config)
    assert not list(tmp_path.rglob("last.ckpt"))
