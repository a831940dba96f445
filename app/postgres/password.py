"""Password of the embedded server's user, which PostgreSQL asks for on its socket too (scram-sha-256).

It is in `pgpass` of the data directory, in the format of PostgreSQL's password file (`PGPASSFILE`), mode 0600.
"""

import os
import secrets
from pathlib import Path

from app.postgres.process import EmbeddedPostgresError

HBA = "local all all scram-sha-256\nlocal replication all scram-sha-256\n"


def password_file(data_dir: Path) -> Path:
    """Return the file of the password."""
    return data_dir / "pgpass"


def read_password(data_dir: Path) -> str | None:
    """Return the password, or None before it is made. Raises EmbeddedPostgresError if the file cannot be read."""
    try:
        return password_file(data_dir).read_text(encoding="ascii").strip().rpartition(":")[2]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EmbeddedPostgresError(f"the password in {error.filename} cannot be read: {error.strerror}") from error


def is_required(cluster: Path) -> bool:
    """Return whether the server of a cluster asks for the password, and for nothing less."""
    return (cluster / "pg_hba.conf").read_text(encoding="utf-8") == HBA


def new_password() -> str:
    """Return a password of 192 random bits, without characters that files, URLs or SQL would have to escape."""
    return secrets.token_hex(24)


def write_private(path: Path, text: str, uid: int = -1, gid: int = -1) -> None:
    """Write a file of mode 0600, of this owner, in one step, so that a kill leaves the old one or the new one."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchown(number, uid, gid)
        os.fsync(number)
    draft.replace(path)
