"""Keys, issuer and embedded database of a start, from its settings.

The commands need them before, or instead of, the application, whose import costs them a second.
"""

from pathlib import Path

from app.db.personal_data.vault import load_or_create_master_key
from app.postgres.supervisor import EmbeddedPostgres
from app.settings import Settings
from app.web.tokens import LocalIssuer, TokenVerifier


def verifier_of(settings: Settings) -> TokenVerifier:
    """Return the verifier of the configured issuer's tokens, or of the local issuer's where that is allowed.

    Raises RuntimeError when no issuer is set and the local one is not allowed.
    """
    if settings.issuer is not None and settings.jwks_url is not None:
        return TokenVerifier.remote(settings.issuer, settings.jwks_url, settings.audience)
    if not settings.local_issuer_allowed:
        raise RuntimeError(
            "Set RETTEVEJ_ISSUER and RETTEVEJ_JWKS_URL: the local issuer serves only the loopback interface"
            " and a database that this start created itself."
        )
    return TokenVerifier.local(LocalIssuer.load_or_create(settings.data_dir, settings.audience))


def master_key_of(settings: Settings, *, make: bool = True) -> bytes:
    """Return the master key (32 bytes): the one set, or the file of the embedded database.

    ``make`` creates a missing file. Raises RuntimeError when there is no key and none may be made.
    """
    key = settings.master_key_bytes()
    if key is not None:
        return key
    if settings.database_url is not None:
        raise RuntimeError("Set RETTEVEJ_MASTER_KEY (32 bytes, hex or base64): it is never kept in a database server.")
    if not make and not (settings.data_dir / "master.key").exists():
        raise RuntimeError(f"there is no master.key in {settings.data_dir}: put the one there that belongs to the data")
    return load_or_create_master_key(settings.data_dir)


def new_key_file(settings: Settings) -> Path:
    """Return the file of the next master key of an embedded database, which exists during a rotation."""
    return settings.data_dir / "master.key.new"


def embedded_in(data_dir: Path) -> EmbeddedPostgres:
    """Return the embedded database of a data directory; keys are beside it, not in it."""
    return EmbeddedPostgres(data_dir / "postgres")
