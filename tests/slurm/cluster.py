"""A real Slurm on this machine, of a controller and two nodes, with all of its state in one folder and gone when it is closed.

Needs root and Slurm's daemons (Debian: slurmctld, slurmd, slurm-client, munge); no systemd, no cgroups, no database.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo", "munged")
NODES = ("127.0.0.1", "127.0.0.2")
"""Names that resolve everywhere: processes of several nodes find each other by them."""
_CPUS = 2  # of each node, whatever the machine has
_UP_SECONDS = 40.0


def obstacle() -> str:
    """Why no Slurm can be started here; empty when it can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "only root can start Slurm's daemons"


@dataclass
class Cluster:
    """A Slurm that is up."""

    folder: Path
    environment: dict[str, str]

    def ask(self, *command: str) -> str:
        """The standard output of one of Slurm's commands."""
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30, check=True)
        return result.stdout

    def jobs(self) -> list[tuple[str, str]]:
        """Id and state of every job in the queue."""
        rows = [line.split("|") for line in self.ask("squeue", "--noheader", "--format=%i|%T").splitlines()]
        return [(row[0], row[1]) for row in rows]

    def nodes_idle(self) -> int:
        """How many nodes have nothing to do."""
        return sum(int(line) for line in self.ask("sinfo", "--noheader", "--states=idle", "--format=%D").split())


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start the daemons, wait for the nodes, and end everything again; all files go into the folder, which is to be new."""
    for name in ("run", "state", "spool", "log"):
        (folder / name).mkdir(parents=True)
    secret = folder / "munge"
    secret.mkdir(mode=0o700)
    (secret / "key").write_bytes(os.urandom(128))
    (secret / "key").chmod(0o400)
    folder.chmod(0o755)
    ports = _free_ports(2 + len(NODES))
    configuration = folder / "slurm.conf"
    configuration.write_text("\n".join(_configuration(folder, ports)) + "\n")
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        munge = ["munged", "--foreground", "--force", f"--key-file={secret / 'key'}", f"--socket={folder / 'run/munge.sock'}"]
        munge += [f"--pid-file={folder / 'run/munged.pid'}", f"--log-file={folder / 'log/munged.log'}", f"--seed-file={secret / 'seed'}"]
        daemons.append(_start(munge, environment))
        _until(lambda: (folder / "run/munge.sock").exists(), "munged")
        daemons.append(_start(["slurmctld", "-D", "-i", "-f", str(configuration)], environment))
        daemons += [_start(["slurmd", "-D", "-N", node, "-f", str(configuration)], environment) for node in NODES]
        up = Cluster(folder, environment)
        _until(lambda: _answers(up) == len(NODES), f"Slurm (its logs: {folder / 'log'})")
        yield up
    finally:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _end_jobs(Cluster(folder, environment))
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in reversed(daemons):
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        _end_steps(configuration)


def _configuration(folder: Path, ports: Sequence[int]) -> Iterator[str]:
    host = socket.gethostname().partition(".")[0]
    yield from ("ClusterName=hrmlab", f"SlurmctldHost={host}(127.0.0.1)", "SlurmUser=root", "SlurmdUser=root")
    # A job that goes back into the queue waits until the credential of its last start has expired.
    yield f"AuthInfo=socket={folder / 'run/munge.sock'},cred_expire=5"
    yield from (f"SlurmctldPort={ports[0]}", f"SlurmdPort={ports[1]}")
    yield from (f"StateSaveLocation={folder / 'state'}", f"SlurmdSpoolDir={folder / 'spool'}/%n")
    yield from (f"SlurmctldPidFile={folder / 'run/slurmctld.pid'}", f"SlurmdPidFile={folder / 'run'}/slurmd-%n.pid")
    yield from (f"SlurmctldLogFile={folder / 'log/slurmctld.log'}", f"SlurmdLogFile={folder / 'log'}/slurmd-%n.log")
    yield from ("ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "SlurmdParameters=config_overrides", "ReturnToService=2")
    yield from (
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU",
        "SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0",
    )
    yield from ("KillWait=20", "MinJobAge=300", "OverTimeLimit=0", "SlurmdTimeout=20", "CompleteWait=0")
    # A job with a higher partition takes the place of one with a lower, which goes back into the queue.
    yield from ("PreemptType=preempt/partition_prio", "PreemptMode=REQUEUE")
    for node, port in zip(NODES, ports[2:], strict=True):
        yield f"NodeName={node} NodeHostname={node} NodeAddr={node} Port={port} CPUs={_CPUS} RealMemory=4000 State=UNKNOWN"
    names = ",".join(NODES)
    yield f"PartitionName=main Nodes={names} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=0"
    yield f"PartitionName=urgent Nodes={names} MaxTime=INFINITE State=UP PriorityTier=2"


def _start(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _answers(up: Cluster) -> int:
    try:
        return up.nodes_idle()
    except subprocess.SubprocessError:
        return 0


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _UP_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come up")
        time.sleep(0.2)


def _end_jobs(up: Cluster) -> None:
    """While the nodes are there: they end the jobs' processes."""
    if jobs := [id for id, _ in up.jobs()]:
        up.ask("scancel", "--signal=KILL", "--full", *jobs)
        up.ask("scancel", *jobs)
    deadline = time.monotonic() + 15
    while up.jobs() and time.monotonic() < deadline:
        time.sleep(0.2)


def _end_steps(configuration: Path) -> None:
    """Kill what is left of jobs of this cluster: processes that carry its configuration in their environment."""
    mark = f"SLURM_CONF={configuration}".encode()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().strip() in ("slurmstepd", "srun") and mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), 9)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_sockets:
        found = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]
