"""Personal data under lock: what is needed to find a person again, and to read a number back with a key from outside.

The master key is not in the database. From it come, by HKDF, the key of the blind index and the key that wraps others.
Each person has a data key of their own; destroying its wrapped form makes the number unreadable for ever.
"""

import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """A CPR number sealed with the person's data key, and that key sealed with the master key."""

    wrapped_key: bytes
    sealed_cpr: bytes


class Vault:
    """Seals and finds. ``master_key`` is 32 bytes."""

    def __init__(self, master_key: bytes) -> None:
        self._index_key = _derive(master_key, b"blind index")
        self._wrapping_key = _derive(master_key, b"wrapping")

    def blind_index(self, cpr: str) -> bytes:
        """HMAC-SHA-256 of a CPR number: equal for equal numbers, and no way back."""
        return hmac.digest(self._index_key, cpr.encode(), "sha256")

    def seal_cpr(self, participant_id: UUID, cpr: str) -> SealedIdentity:
        """The number under a new data key of this person."""
        data_key = os.urandom(_KEY_BYTES)
        context = participant_id.bytes
        return SealedIdentity(_seal(self._wrapping_key, data_key, context), _seal(data_key, cpr.encode(), context))

    def open_cpr(self, participant_id: UUID, sealed: SealedIdentity) -> str:
        """The number again; ``cryptography.exceptions.InvalidTag`` when key, person and content are not of one seal."""
        context = participant_id.bytes
        return _open(_open(self._wrapping_key, sealed.wrapped_key, context), sealed.sealed_cpr, context).decode()

    def seal_seed(self, trial: str, seed: bytes) -> bytes:
        """The trial's seed, wrapped."""
        return _seal(self._wrapping_key, seed, b"seed of " + trial.encode())

    def open_seed(self, trial: str, sealed: bytes) -> bytes:
        """The seed again; ``cryptography.exceptions.InvalidTag`` as with ``open_cpr``."""
        return _open(self._wrapping_key, sealed, b"seed of " + trial.encode())


def load_or_create_master_key(data_dir: Path) -> bytes:
    """The master key of an embedded database: a file beside the database, readable by its owner only."""
    path = data_dir / "master.key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ValueError(f"{path} is not a master key: restore it from the backup") from None
        return key
    with os.fdopen(descriptor, "wb") as file:
        file.write(key := os.urandom(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return key


def _derive(master_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"rettevej " + purpose).derive(master_key)


def _seal(key: bytes, content: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, context)


def _open(key: bytes, sealed: bytes, context: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
