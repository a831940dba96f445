"""An issuer for the tests: OpenID Connect with the authorisation code and PKCE, and tokens such as the register takes.

Whoever comes is signed in at once. ``lies`` puts a wrong value into what it says: ``state`` or ``nonce``.
"""

import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.web.auth import ROLES

CLIENT = "rettevej-page"
_OPEN = {"Access-Control-Allow-Origin": "*"}


class Issuer:
    """Its state, and the application that serves it. ``url`` is set once it listens."""

    def __init__(self) -> None:
        self.url = ""
        self.lies: dict[str, str] = {}
        self.asked: list[Mapping[str, str]] = []
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.app = FastAPI(openapi_url=None)
        self.app.add_route("/.well-known/openid-configuration", self._discovery)
        self.app.add_route("/authorize", self._authorize)
        self.app.add_route("/token", self._token, methods=["POST"])
        self.app.add_route("/jwks", self._jwks)

    async def _discovery(self, _: Request) -> Response:
        endpoints = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token"}
        return JSONResponse({"issuer": self.url, **endpoints}, headers=_OPEN)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        back = {"code": f"code-{len(self.asked) - 1}", "state": self.lies.get("state", asked["state"])}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self.asked[int(form["code"].removeprefix("code-"))]
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        right = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        if not right or form["client_id"] != asked["client_id"] or form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400, headers=_OPEN)
        about = {"nonce": self.lies.get("nonce", asked["nonce"]), "aud": CLIENT, "sub": "someone"}
        tokens = {"id_token": self._signed("JWT", about), "access_token": self.access_token(), "token_type": "Bearer"}
        return JSONResponse(tokens, headers=_OPEN)

    async def _jwks(self, _: Request) -> Response:
        public = jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]})

    def access_token(self) -> str:
        """Of an agency."""
        claims = {"aud": "rettevej", "sub": "someone", "client_id": CLIENT, "jobcentres": ["*"]}
        return self._signed("at+jwt", {**claims, "scope": " ".join(ROLES["agency"].scopes)})

    def _signed(self, kind: str, claims: Mapping[str, Any]) -> str:
        now = int(time.time())
        times = {"iat": now, "nbf": now, "exp": now + 600, "jti": str(now)}
        headers = {"typ": kind, "kid": "one"}
        return jwt.encode({"iss": self.url, **times, **claims}, self._key, algorithm="ES256", headers=headers)
