"""Access tokens (RFC 9068), signed with ES256 or PS256: made by the local issuer, verified into a Principal.

The issuer is the configured one or, on the loopback interface, ``LocalIssuer``. Verification cannot be turned off.
"""

import asyncio
import base64
import hashlib
import json
import math
import os
import secrets
import stat
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.postgres.process import DATA_DIR_MODE
from app.web.auth import ALL, REGIONS, ROLES, BadClaimsError, Principal, principal_of
from app.web.problems import Problem

_log = structlog.get_logger(__name__)

LOCAL_ISSUER: Final = "rettevej-local"


# --- The local issuer -------------------------------------------------------------------------------------------------


class LocalIssuer:
    """Issuer with a key of this service, for use on one machine.

    The caller checks ``Settings.local_issuer_allowed`` first.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey, audience: str = "rettevej") -> None:
        self.audience = audience
        self._key = key
        public: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        required = {name: public[name] for name in ("crv", "kty", "x", "y")}
        canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
        self.kid = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()  # RFC 7638
        self._jwk = {**required, "kid": self.kid, "use": "sig", "alg": "ES256"}

    @classmethod
    def load_or_create(cls, data_dir: Path, audience: str = "rettevej") -> Self:
        """Return the issuer with the key ``<data_dir>/issuer.pem``, created (mode 0600) if missing.

        Concurrent starts share one key: each writes a file of its own, and only one gets the name. Raises
        ValueError when the file is no P-256 private key, OSError when it cannot be read or made.
        """
        path = data_dir / "issuer.pem"
        if not path.exists():
            data_dir.mkdir(DATA_DIR_MODE, parents=True, exist_ok=True)
            _write_new_key(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError):  # no PEM, or one with a password
            key = None
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(key, audience)
        raise ValueError(f"{path} is not a private key on the curve P-256; remove it, and a new one is made.")

    def token(
        self,
        role: str,
        client_id: str | None = None,
        jobcentres: Sequence[str] = (),
        regions: Sequence[str] = (),
        hours: float = 12,
    ) -> str:
        """Make an access token of a role of api.md's table, valid from now for ``hours``.

        ``client_id`` defaults to the role's name, followed by the code or region when exactly one is given.
        Raises ValueError, in a sentence for the command line, for an unknown role, region or length of time, and for
        a binding that the role does not take.
        """
        binding = _binding(role, jobcentres, regions)
        if not 0 < hours <= 24 * 366:
            raise ValueError("A token is valid for more than 0 hours and at most a year.")
        if client_id is None:
            client_id = f"{role}-{binding[0]}" if len(binding) == 1 and binding != [ALL] else role
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": LOCAL_ISSUER,
            "aud": self.audience,
            "sub": client_id,
            "client_id": client_id,
            "iat": now,
            "nbf": now,
            "exp": now + math.ceil(hours * 3600),
            "jti": str(uuid.uuid4()),
            "scope": " ".join(ROLES[role].scopes),
        }
        if ROLES[role].binds != "nothing":
            claims[ROLES[role].binds] = binding or list(ROLES[role].default)
        try:
            principal_of(claims)
        except BadClaimsError:
            raise ValueError(
                "A client id and a jobcentre's code are 1 to 200 printable characters; * stands alone."
            ) from None
        token = jwt.encode(claims, self._key, algorithm="ES256", headers={"typ": "at+jwt", "kid": self.kid})
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("That is more jobcentres than a token can hold; use * for all of them.")
        return token

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JWK set."""
        return {"keys": [dict(self._jwk)]}


def _binding(role: str, jobcentres: Sequence[str], regions: Sequence[str]) -> list[str]:
    """Return the distinct values of a token's binding. Raises ValueError for a binding that the role does not take."""
    if role not in ROLES:
        raise ValueError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
    if jobcentres and ROLES[role].binds != "jobcentres":
        raise ValueError(f"The role {role} takes no jobcentre.")
    if regions and ROLES[role].binds != "regions":
        raise ValueError(f"The role {role} takes no region.")
    if unknown := [region for region in regions if region not in REGIONS]:
        raise ValueError(f"There is no region {unknown[0]!r}; the regions are {', '.join(REGIONS)}.")
    return list(dict.fromkeys([*jobcentres, *regions]))


def _write_new_key(path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another start was first: its key is the key
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


# --- The issuer's keys ------------------------------------------------------------------------------------------------

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

KEYS_MAX_AGE: Final = 600.0  # seconds that fetched keys are taken as current
REFRESH_INTERVAL: Final = 30.0  # an unknown kid makes us ask the issuer at most this often
RETRY_INTERVAL: Final = 5.0  # and this often while it cannot be reached
MAX_JWKS_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class _Key:
    algorithm: Literal["ES256", "PS256"]
    public: PublicKey


def _keys_of(jwks: object) -> dict[str, _Key]:
    """Return the usable keys of a JWK set by kid: EC on P-256 for ES256, RSA from 2048 bits for PS256. The key's type
    decides the algorithm, never the token. Raises ValueError when it is no JWK set."""
    match jwks:
        case {"keys": list(entries)}:
            pass
        case _:
            raise ValueError("That is no JWK set.")
    keys: dict[str, _Key] = {}
    for jwk in entries:
        if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str) and (key := _key_of(jwk)) is not None:
            keys.setdefault(jwk["kid"], key)
    return keys


def _key_of(jwk: Mapping[str, Any]) -> _Key | None:
    algorithm: Literal["ES256", "PS256"] = "ES256" if jwk.get("kty") == "EC" else "PS256"
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    try:
        key = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return _Key(algorithm, key)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return _Key(algorithm, key)
    return None


class _RemoteKeys:
    """Keys of one URL, cached for ten minutes.

    An unknown kid causes a fetch; invented kids cannot flood the issuer, because fetches are at least
    ``REFRESH_INTERVAL`` seconds apart and single-flight. While the issuer is unavailable, the keys fetched last are
    used.
    """

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None, clock: Callable[[], float]) -> None:
        self._url = url
        self._transport = transport
        self._clock = clock
        self._keys: dict[str, _Key] = {}
        self._fetched_at = -math.inf
        self._attempted_at = -math.inf
        self._failing = False
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> tuple[_Key, float]:
        """Return the key and the time (of the clock) until which it may be cached.

        Raises Problem ``invalid_token`` for a kid that the issuer does not have, ``issuer_unavailable`` when the keys
        cannot be fetched.
        """
        if kid not in self._keys or self._clock() >= self._fetched_at + KEYS_MAX_AGE:
            await self._refresh()
        key = self._keys.get(kid)
        if key is None:
            raise Problem("issuer_unavailable" if self._failing else "invalid_token")
        return key, max(self._fetched_at + KEYS_MAX_AGE, self._attempted_at + RETRY_INTERVAL)

    async def _refresh(self) -> None:
        async with self._lock:
            # Another request may have fetched them while this one waited for the lock.
            if self._clock() < self._attempted_at + (RETRY_INTERVAL if self._failing else REFRESH_INTERVAL):
                return
            self._attempted_at, self._failing = self._clock(), True
            try:
                self._keys = _keys_of(json.loads(await self._fetch()))
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as exc:
                _log.warning("jwks_not_fetched", exception=type(exc).__qualname__)
                return
            self._fetched_at, self._failing = self._clock(), False

    async def _fetch(self) -> bytes:
        async with (
            httpx.AsyncClient(transport=self._transport, timeout=5, follow_redirects=False) as client,
            asyncio.timeout(10),
            client.stream("GET", self._url, headers={"Accept": "application/jwk-set+json, application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise ValueError("The issuer did not answer 200.")
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise ValueError("The issuer's answer is too long.")
            return body


class _LocalKeys:
    """Key of the local issuer."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self._keys = _keys_of(issuer.jwks())

    async def find(self, kid: str) -> tuple[_Key, float]:
        """Return the key, without expiry. Raises Problem ``invalid_token`` for another kid."""
        if kid not in self._keys:
            raise Problem("invalid_token")
        return self._keys[kid], math.inf


# --- Verifying --------------------------------------------------------------------------------------------------------

MAX_TOKEN_LENGTH: Final = 8 * 1024
LEEWAY: Final = 30.0  # seconds that clocks may differ
CACHED_TOKENS: Final = 2_048


class TokenVerifier:
    """Verifier of bearer tokens. Make it with ``local`` or ``remote``; one for each process.

    Verified tokens are cached by their SHA-256 until they expire or their key must be fetched again (a signature costs
    about 100 µs). Only accepted tokens are cached, so invalid ones cannot evict them.
    """

    def __init__(self, issuer: str, audience: str, keys: _RemoteKeys | _LocalKeys, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock
        self._verified: OrderedDict[bytes, tuple[Principal, float, float]] = OrderedDict()

    @classmethod
    def local(cls, issuer: LocalIssuer) -> Self:
        """Return a verifier of the local issuer's tokens."""
        return cls(LOCAL_ISSUER, issuer.audience, _LocalKeys(issuer), time.monotonic)

    @classmethod
    def remote(
        cls,
        issuer: str,
        jwks_url: str,
        audience: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Return a verifier of ``issuer``'s tokens for ``audience``; keys are fetched from ``jwks_url`` on
        first use. ``transport`` and ``clock`` (seconds, monotonic) are for tests."""
        return cls(issuer, audience, _RemoteKeys(jwks_url, transport, clock), clock)

    async def verify(self, token: str) -> Principal:
        """Return the principal of a valid token.

        Raises Problem ``expired_token`` for one of ours whose time is over, ``invalid_token`` for any other (never
        saying which check failed), ``issuer_unavailable`` when the key cannot be fetched.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise Problem("invalid_token")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        if (hit := self._verified.get(digest)) is not None:
            principal, expires_at, reliable_until = hit
            if time.time() < expires_at and self._clock() < reliable_until:
                self._verified.move_to_end(digest)
                return principal
            del self._verified[digest]
        kid = _kid_of(token)
        key, reliable_until = await self._keys.find(kid)
        claims = self._claims(token, key)
        try:
            principal = principal_of(claims)
        except BadClaimsError:
            raise Problem("invalid_token") from None
        self._verified[digest] = principal, float(claims["exp"]) + LEEWAY, reliable_until
        while len(self._verified) > CACHED_TOKENS:
            self._verified.popitem(last=False)
        return principal

    def _claims(self, token: str, key: _Key) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[key.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["iss", "aud", "exp"], "verify_exp": False},  # last, below: others are told nothing
            )
        except _UNREADABLE:
            raise Problem("invalid_token") from None
        # PyJWT takes "123" and true for times.
        if any(type(claims[name]) not in (int, float) for name in ("exp", "nbf", "iat") if name in claims):
            raise Problem("invalid_token")
        if claims["exp"] <= time.time() - LEEWAY:
            raise Problem("expired_token")
        return claims


_UNREADABLE: Final = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def _kid_of(token: str) -> str:
    """Return the kid of an access token; nothing else in its header is used."""
    try:
        header = jwt.get_unverified_header(token)
    except _UNREADABLE:
        raise Problem("invalid_token") from None
    typ, kid = header.get("typ"), header.get("kid")
    if not isinstance(typ, str) or typ.lower() not in ("at+jwt", "application/at+jwt") or not isinstance(kid, str):
        raise Problem("invalid_token")
    return kid
