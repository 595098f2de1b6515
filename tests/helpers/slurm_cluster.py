"""A real SLURM of one node, from Debian's slurmctld, slurmd, slurm-client and munge, in a folder of its own.

The node says that it has more cores, memory and GPUs than this machine, so that jobs which ask for them are let in.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=32 RealMemory=140000 Gres=gpu:2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """What keeps a cluster from being started here, in words."""
    if os.geteuid():
        return "SLURM's daemons here need root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return (
        f"{', '.join(absent)} not installed: apt install slurmctld slurmd slurm-client munge"
        if absent
        else ""
    )


class SlurmCluster:
    """Started on entry; all of its processes are gone on exit."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._variables = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def __enter__(self) -> "SlurmCluster":
        for name in ("state", "spool", "munge"):
            (self._folder / name).mkdir(parents=True)
        munge = self._folder / "munge"
        munge.chmod(0o700)
        (munge / "key").write_bytes(os.urandom(1024))
        (munge / "key").chmod(0o400)
        host = socket.gethostname().split(".")[0]
        text = CONFIGURATION.format(host=host, folder=self._folder, ports=free_ports(2))
        (self._folder / "slurm.conf").write_text(text)
        (self._folder / "gres.conf").write_text(
            "AutoDetect=off\nName=gpu File=/dev/null\nName=gpu File=/dev/zero\n"
        )
        names = {
            "key-file": "key",
            "socket": "socket",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        self._run("munged", "--force", *(f"--{option}={munge / name}" for option, name in names.items()))
        self._run("slurmctld", "-c")
        self.start_node()
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes():
            os.kill(process, signal.SIGKILL)

    def start_node(self) -> None:
        """Start the daemon of the node, and wait until the controller gives it work."""
        self._run("slurmd")
        for _ in range(300):
            if self._run("sinfo", "--noheader", "--format=%T") in ("idle", "mixed", "allocated"):
                return
            time.sleep(0.2)
        raise AssertionError((self._folder / "slurmctld.log").read_text())

    def kill_node(self) -> int:
        """SIGKILL to the daemon of the node and everything that runs on it; how many processes that was."""
        controllers = {int((self._folder / name).read_text()) for name in ("slurmctld.pid", "munge/pid")}
        processes = [process for process in self._processes() if process not in controllers]
        for process in processes:
            os.kill(process, signal.SIGKILL)
        return len(processes)

    def submit(self, folder: Path, *words: str, **variables: str) -> str:
        """`sbatch` in a folder; the number of the job, whose tasks write `slurm-<job>_<task>.out` there."""
        words = ("sbatch", "--parsable", *words)
        return self._run(*words, cwd=folder, env={**self._variables, **variables})

    def running(self, job: str) -> bool:
        """Whether any task of a job waits, runs or ends."""
        return bool(self._run("squeue", "--noheader", f"--jobs={job}"))

    def wait(self, job: str, seconds: float = 900) -> None:
        """Until all tasks of a job have ended."""
        end = time.monotonic() + seconds
        while self.running(job):
            assert time.monotonic() < end, (self._folder / "slurmctld.log").read_text()
            time.sleep(1)

    def _run(self, *words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            words, cwd=cwd, env=env or self._variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def _processes(self) -> list[int]:
        """All that were started here, known by their environment."""
        mark = f"SLURM_CONF={self._folder / 'slurm.conf'}".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
            except OSError:
                continue
        return found


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
