"""hrm-serve: trained runs behind HTTP, and a page on which to watch them think."""

import ipaddress
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrmlab.cli.arguments import key_values, whole_number
from hrmlab.cli.command import run_command
from hrmlab.cli.opening import TRAINER_KEYS, device_of
from hrmlab.core.errors import MissingExtra, Terminated, UserError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from hrmlab.runs.directory import RunDirectory
    from hrmlab.serving.application import Access
    from hrmlab.serving.limits import Limits

NAME = "hrm-serve"
_HELP = """\
Serves trained runs: an API for puzzles and code, and a page on which to watch them think.

Usage: hrm-serve [run=RUN_DIRECTORY ... | study=NAME] [KEY=VALUE ...]

  run=DIR               a run directory; may be given several times: runs of one task are shown side by side
  study=NAME            of a study in output_root one run of each task and arm (the lowest seed)
                        without both: the study demo, an HRM and a transformer on 4x4 Sudoku, which is trained first (two minutes)
                        where it is not there
  host=ADDRESS          default 127.0.0.1: this machine alone. Another one needs api_key_file=, or open=true
  port=N                default 8000; 0 for any that is free. fd=N instead: a listening socket that the process was started with
  api_key_file=FILE     a file with the key that requests must show (Authorization: Bearer KEY); or the variable HRMLAB_API_KEY
  open=true             no key, though others can reach it
  cors=ORIGIN[,ORIGIN]  pages of which origins may call the API from a browser (default: none)
  hosts=NAME[,NAME]     under which names it may be called (default: on this machine alone those of this machine, else any)
  output_root=FOLDER    default outputs;  reports_root=FOLDER  default reports: studies to look at on the page
  trainer.accelerator=cpu|gpu|auto   trainer.threads=N

Limits, each at least 1: {limits}

Examples:
  hrm-serve
  hrm-serve run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d run=outputs/quick/sudoku_4x4_easy/transformer/nano/seed=0/5e6f7a8b
  hrm-serve study=quick port=8080
"""
_OWN = ("study", "host", "port", "fd", "api_key_file", "open", "cors", "hosts", "output_root", "reports_root")
DEMO = "demo"
_RECIPE = "sudoku/demo_4x4"
_ARMS = ("hrm", "transformer")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Serve until told to stop; the exit code."""
    from hrmlab.serving.limits import Limits

    names = [each.name for each in fields(Limits)]
    if any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP.replace("{limits}", ", ".join(f"{each.name} ({each.default})" for each in fields(Limits))), end="")
        return 0
    paths = [argument.removeprefix("run=") for argument in arguments if argument.startswith("run=")]
    others = [argument for argument in arguments if not argument.startswith("run=")]
    own, changes = key_values(others, keys=("run", *_OWN, *names), sections={"trainer": TRAINER_KEYS})
    limits = Limits(**{name: whole_number(own, name, getattr(Limits, name)) for name in names})
    if paths and "study" in own:
        raise UserError(f"study={own['study']} and run={paths[0]} are two choices of runs; keep one")
    for package in ("fastapi", "uvicorn", "prometheus_client"):
        if find_spec(package) is None:
            raise MissingExtra(package, extra="serve", purpose=NAME)
    from hrmlab.serving.server import address_of, inherited, listening, serve

    access = _access(own)
    listener = inherited(int(own["fd"])) if own.get("fd", "").isdecimal() else listening(own.get("host", "127.0.0.1"), _port(own))
    with listener:
        app = _application(own, paths, limits=limits, access=access, device=device_of(changes["trainer"]))
        print(f"{NAME}: {address_of(listener)} (Ctrl-C ends it, after what it has accepted)", flush=True)
        with suppress(Terminated, KeyboardInterrupt):  # raised after the end, for whoever wants to know why it ended
            serve(app, listener, limits=limits)
        print(f"{NAME}: everything accepted has been answered", flush=True)
    return 0


def _port(own: Mapping[str, str]) -> int:
    text = own.get("port", "8000")
    if not text.isdecimal() or int(text) > 65535:
        raise UserError(f"port={text} is no port; give a whole number from 0 to 65535")
    return int(text)


def _access(own: Mapping[str, str]) -> "Access":
    """Who may call; refuses to be open to others by mistake.

    Raises:
        UserError: others could reach it and need no key, or the key cannot be read.
    """
    from hrmlab.serving.application import Access

    key = os.environ.get("HRMLAB_API_KEY") or None
    if "api_key_file" in own:
        try:
            key = Path(own["api_key_file"]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"api_key_file={own['api_key_file']} cannot be read ({error}); give a file that holds the key") from None
        if not key or not key.isascii() or len(key.split()) != 1:
            raise UserError(f"api_key_file={own['api_key_file']} holds no key; write one word of letters and digits into it")
    if own.get("open", "false") not in ("true", "false"):
        raise UserError(f"open={own['open']} is neither true nor false")
    host = own.get("host", "127.0.0.1")
    alone = "fd" not in own and _loopback(host)
    if not alone and key is None and own.get("open") != "true":
        raise UserError(
            f"{'fd=' if 'fd' in own else 'host='}{own.get('fd', host)} may be reached by others; give api_key_file=FILE, or open=true"
        )
    hosts = _words(own, "hosts") or (["127.0.0.1", "localhost", "[::1]", host] if alone else [])
    return Access(key=key, origins=_words(own, "cors"), hosts=hosts)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(own: Mapping[str, str], key: str) -> list[str]:
    return [word for word in own.get(key, "").split(",") if word]


def _application(own: Mapping[str, str], paths: Sequence[str], *, limits: "Limits", access: "Access", device: str) -> "ASGIApp":
    """What answers: the runs opened, each with its thread."""
    from hrmlab.serving.application import create_application
    from hrmlab.serving.catalogue import Catalogue
    from hrmlab.serving.studies import StudyShelf
    from hrmlab.workflows.open_run import open_run

    output_root = own.get("output_root", "outputs")
    if not paths:
        paths = [str(run.path) for run in _of_study(output_root, own.get("study"))]
    opened = [open_run(path, device=device) for path in paths]
    roles = [_role(one.run.config) if one.run is not None else "" for one in opened]
    catalogue = Catalogue(opened, roles=roles, limits=limits)
    catalogue.start()
    shelf = StudyShelf(reports_root=Path(own.get("reports_root", "reports")), output_root=Path(output_root))
    return create_application(catalogue, limits=limits, shelf=shelf, access=access)


def _role(config: Mapping[str, Any]) -> str:
    """What the run's arm is in comparisons: as its configuration says, else its model's."""
    return str(config.get("role") or config["model"].get("role") or "")


def _of_study(output_root: str, study: str | None) -> "list[RunDirectory]":
    """One completed run of each task and arm; those of the study demo are trained where they are not there.

    Raises:
        UserError: there is none.
    """
    from hrmlab.runs.finding import find_runs

    def found(name: str) -> "dict[tuple[str, str], RunDirectory]":
        runs: dict[tuple[str, str], RunDirectory] = {}
        for run in find_runs(output_root, name):
            if run.state == "completed" and list(run.checkpoints.glob("*.ckpt")):
                runs.setdefault((run.labels.task, run.labels.arm), run)
        return runs

    if study is not None:
        if not (runs := found(study)):
            raise UserError(f"study={study} has no completed run with a checkpoint in {output_root}; train one, or give run=DIR")
        return list(runs.values())
    trained = {run.config["model"]["name"] for run in found(DEMO).values()}
    if missing := [arm for arm in _ARMS if arm not in trained]:
        _train(missing, output_root)
    return list(found(DEMO).values())


def _train(arms: Sequence[str], output_root: str) -> None:
    """The small runs of the study demo, side by side where there are cores for it.

    Raises:
        UserError: a training failed.
    """
    from hrmlab.cli import sweep

    print(f"{NAME}: training {' and '.join(arms)} on small puzzles first, once; it is served from then on", flush=True)
    words = [f"experiments={_RECIPE}", f"model={','.join(arms)}", f"output_root={output_root}"]
    if sweep.command([*words, "--no-report", "--retry-failed"]):
        raise UserError(f"the training failed, see above; try it alone: hrm-sweep {' '.join(words)} --retry-failed")


if __name__ == "__main__":
    main()
