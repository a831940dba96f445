"""The vault: encryption of CPR numbers and seeds, and the blind index by which a person is found.

The master key is not in the database. It wraps the key of the blind index, each person's data key, and each trial's
seed and key of digests. Changing the master key rewraps these and changes nothing else. Destroying a person's wrapped
data key makes the CPR number unreadable for ever; destroying a trial's key does so with its digests.
"""

import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.postgres.process import DATA_DIR_MODE

_NONCE_BYTES = 12
KEY_BYTES = 32
_INDEX_KEY = "blind index key"
_DOES_NOT_FIT = "The master key does not fit this database."


class WrongMasterKeyError(Exception):
    """The master key is not the one that this database was encrypted with."""


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """A CPR number encrypted with the person's data key, and that key encrypted with the master key."""

    wrapped_key: bytes
    sealed_cpr: bytes


class Vault:
    """Encrypts, decrypts and computes blind indexes. Both keys have 32 bytes."""

    def __init__(self, master_key: bytes, index_key: bytes) -> None:
        self._master_key = master_key
        self._index_key = index_key

    @classmethod
    async def open(cls, connection: AsyncConnection, master_key: bytes) -> Self:
        """Return the vault of a database; the first call creates it. WrongMasterKeyError if the key does not fit."""
        return cls(master_key, await stored_secret(connection, master_key, _INDEX_KEY, os.urandom(KEY_BYTES)))

    @classmethod
    async def existing(cls, connection: AsyncConnection, master_key: bytes) -> Self | None:
        """Return the vault of a database; None if it was never created. WrongMasterKeyError if the key does not fit."""
        wrapped = await _wrapped_index_key(connection)
        try:
            return None if wrapped is None else cls(master_key, _open(master_key, wrapped, _INDEX_KEY.encode()))
        except InvalidTag:
            raise WrongMasterKeyError(_DOES_NOT_FIT) from None

    def blind_index(self, cpr: str) -> bytes:
        """Return the HMAC-SHA-256 of a CPR number: equal for equal numbers, and not reversible."""
        return hmac.digest(self._index_key, cpr.encode(), "sha256")

    def digest_key(self, idempotency_key: str) -> bytes:
        """Return the HMAC-SHA-256 of an ``Idempotency-Key``, which may be any text; it is no number's blind index."""
        return hmac.digest(self._index_key, b"idempotency key " + idempotency_key.encode(), "sha256")

    def seal_cpr(self, participant_id: UUID, cpr: str) -> SealedIdentity:
        """Encrypt a CPR number with a new data key of this person."""
        data_key = os.urandom(KEY_BYTES)
        context = participant_id.bytes
        return SealedIdentity(_seal(self._master_key, data_key, context), _seal(data_key, cpr.encode(), context))

    def open_cpr(self, participant_id: UUID, sealed: SealedIdentity) -> str:
        """Decrypt a CPR number; ``InvalidTag`` if key, person or content do not belong together."""
        context = participant_id.bytes
        return _open(_open(self._master_key, sealed.wrapped_key, context), sealed.sealed_cpr, context).decode()

    def seal_seed(self, trial: str, seed: bytes) -> bytes:
        """Encrypt a trial's seed."""
        return _seal(self._master_key, seed, _seed_context(trial))

    def open_seed(self, trial: str, sealed: bytes) -> bytes:
        """Decrypt a trial's seed; ``InvalidTag`` as in ``open_cpr``."""
        return _open(self._master_key, sealed, _seed_context(trial))

    async def make_key(self, connection: AsyncConnection, name: str) -> bool:
        """Create and store a key of this name; False if there is one."""
        return await _store_secret(connection, self._master_key, name, os.urandom(KEY_BYTES))

    async def key(self, connection: AsyncConnection, name: str) -> bytes:
        """Load the key of this name; ``InvalidTag`` if it was wrapped with another master key."""
        key = await self.find_key(connection, name)
        assert key is not None
        return key

    async def find_key(self, connection: AsyncConnection, name: str) -> bytes | None:
        """Load the key of this name as ``key`` does; None if there is none."""
        stored = await connection.execute(text("select wrapped from vault.secret where name = :name"), {"name": name})
        wrapped = stored.scalar_one_or_none()
        return None if wrapped is None else _open(self._master_key, wrapped, name.encode())


async def _wrapped_index_key(connection: AsyncConnection) -> bytes | None:
    stored = await connection.execute(text("select wrapped from vault.secret where name = :name"), {"name": _INDEX_KEY})
    wrapped: bytes | None = stored.scalar_one_or_none()
    return wrapped


async def _fits(connection: AsyncConnection, master_key: bytes) -> bool:
    """Return whether the database was encrypted with this key."""
    try:
        return await Vault.existing(connection, master_key) is not None
    except WrongMasterKeyError:
        return False


async def stored_secret(connection: AsyncConnection, master_key: bytes, name: str, fresh: bytes) -> bytes:
    """Return a stored secret, ``fresh`` if there was none. WrongMasterKeyError if the key does not fit."""
    await _store_secret(connection, master_key, name, fresh)
    stored = await connection.execute(text("select wrapped from vault.secret where name = :name"), {"name": name})
    try:
        return _open(master_key, stored.scalar_one(), name.encode())
    except InvalidTag:
        raise WrongMasterKeyError(_DOES_NOT_FIT) from None


async def _store_secret(connection: AsyncConnection, master_key: bytes, name: str, fresh: bytes) -> bool:
    """Store a secret unless there is one of this name; return whether it was stored."""
    stored = await connection.execute(
        text("insert into vault.secret (name, wrapped) values (:name, :wrapped) on conflict do nothing"),
        {"name": name, "wrapped": _seal(master_key, fresh, name.encode())},
    )
    return bool(stored.rowcount)


async def change_master_key(connection: AsyncConnection, old: bytes, new: bytes) -> int:
    """Rewrap everything in one transaction, and return the number of persons' keys.

    If the new key fits already, because of an earlier call, nothing is changed and the number is 0.
    """
    if await _fits(connection, new):
        return 0
    await Vault.open(connection, old)
    await connection.execute(text("select set_config('app.jobcentres', '*', true)"))
    secret = await connection.execute(text("select name, wrapped from vault.secret for update"))
    for name, wrapped in secret.all():
        await connection.execute(
            text("update vault.secret set wrapped = :wrapped where name = :name"),
            {"name": name, "wrapped": _rewrap(old, new, wrapped, name.encode())},
        )
    trials = await connection.execute(text("select id, sealed_seed from trial for update"))
    for trial, sealed in trials.all():
        await connection.execute(
            text("update trial set sealed_seed = :sealed where id = :id"),
            {"id": trial, "sealed": _rewrap(old, new, sealed, _seed_context(trial))},
        )
    people = await connection.execute(
        text("select participant_id, wrapped_key from vault.identity where wrapped_key is not null for update")
    )
    rewrapped = [(person, _rewrap(old, new, wrapped, person.bytes)) for person, wrapped in people.all()]
    await connection.execute(
        text(
            """
            update vault.identity set wrapped_key = new.wrapped
            from unnest(cast(:ids as uuid[]), cast(:keys as bytea[])) as new (participant_id, wrapped)
            where identity.participant_id = new.participant_id
            """
        ),
        {"ids": [person for person, _ in rewrapped], "keys": [wrapped for _, wrapped in rewrapped]},
    )
    await _rewrap_requested_numbers(connection, old, new)
    return len(rewrapped)


async def _rewrap_requested_numbers(connection: AsyncConnection, old: bytes, new: bytes) -> None:
    """Rewrap the keys of the corrected numbers that wait for a decision."""
    waiting = await connection.execute(text("select correction_id, wrapped_key from vault.requested_number for update"))
    for correction_id, wrapped in waiting.all():
        await connection.execute(
            text("update vault.requested_number set wrapped_key = :wrapped where correction_id = :id"),
            {"id": correction_id, "wrapped": _rewrap(old, new, wrapped, correction_id.bytes)},
        )


def trial_key_name(trial_id: str) -> str:
    """Return the name of a trial's key among the secrets: see ``app.db.participants.drawn_numbers``."""
    return f"key of the numbers of {trial_id}"


def load_or_create_master_key(data_dir: Path) -> bytes:
    """Return the master key of an embedded database, from a file beside it that only its owner can read."""
    path = data_dir / "master.key"
    data_dir.mkdir(DATA_DIR_MODE, parents=True, exist_ok=True)
    try:
        return write_key(path)
    except FileExistsError:
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is not a master key: restore it from the backup")
    return key


def write_key(path: Path, key: bytes | None = None) -> bytes:
    """Write a key, a new one by default, to a new file that only its owner can read; FileExistsError if it exists.

    The file gets its name once it is complete: several workers may start at the same time, and the machine may stop.
    """
    draft = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key := key or os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    finally:
        draft.unlink()
    return key


def _seed_context(trial: str) -> bytes:
    return b"seed of " + trial.encode()


def _rewrap(old: bytes, new: bytes, sealed: bytes, context: bytes) -> bytes:
    return _seal(new, _open(old, sealed, context), context)


def _seal(key: bytes, content: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, context)


def _open(key: bytes, sealed: bytes, context: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
