"""Signatures of published statements: ES256, with a key wrapped in the vault."""

import json
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.personal_data.vault import stored_secret

_NAME = "signing key"


class Signer:
    """Signs statements as JWS."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    async def open(cls, connection: AsyncConnection, master_key: bytes) -> Self:
        """Return the signer of a database; the first call creates its key."""
        fresh = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key = serialization.load_der_private_key(await stored_secret(connection, master_key, _NAME, fresh), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key)

    def sign(self, statement: dict[str, Any]) -> str:
        """Return the statement as a compact JWS."""
        return jwt.encode(statement, self._key, algorithm="ES256", headers={"typ": "JWT"})

    def public_jwk(self) -> dict[str, str]:
        """Return the public key, which verifies signatures."""
        jwk: dict[str, str] = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return jwk
