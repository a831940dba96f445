"""Tokens: what is accepted, what is refused, and how the issuer's keys are fetched (api.md, "Who may do what")."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.web.auth import Principal
from app.web.problems import Problem
from app.web.tokens import MAX_TOKEN_LENGTH, TokenVerifier

ISSUER = "https://issuer.example"
JWKS_URL = "https://issuer.example/keys"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    result = {
        "iss": ISSUER,
        "aud": "rettevej",
        "sub": "s",
        "client_id": "kmd",
        "iat": now,
        "exp": now + 600,
        "scope": "reports:read",
    }
    result.update(changes)
    return {name: value for name, value in result.items() if value is not None}


def sign(
    payload: dict[str, Any],
    key: Any = EC_KEY,
    algorithm: str = "ES256",
    kid: str | None = "e",
    typ: str | None = "at+jwt",
    **header: Any,
) -> str:
    return jwt.encode(payload, key, algorithm, headers={"typ": typ, **({"kid": kid} if kid else {}), **header})


class Issuer:
    """A pretended issuer: what it publishes, how often it was asked, and a clock that tests move."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys) or [ec_jwk(EC_KEY, "e"), rsa_jwk(RSA_KEY, "r")]
        self.asked = 0
        self.now = 1000.0
        self.status = 200
        self.content: bytes | None = None
        self.verifier = TokenVerifier.remote(
            ISSUER, JWKS_URL, "rettevej", transport=httpx.MockTransport(self.answer), clock=lambda: self.now
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == JWKS_URL
        self.asked += 1
        await asyncio.sleep(0)
        return httpx.Response(self.status, content=self.content or json.dumps({"keys": self.keys}).encode())

    def verify(self, token: str) -> Principal:
        return asyncio.run(self.verifier.verify(token))

    def refuses(self, token: str, code: str = "invalid_token") -> None:
        with pytest.raises(Problem) as caught:
            self.verify(token)
        assert caught.value.code == code


# --- What is accepted -------------------------------------------------------------------------------------------------


def test_a_token_becomes_a_principal() -> None:
    token = sign(claims(jobcentres=["101", "147"], regions=["nord"], scope="reports:read  panel:export"))
    principal = Issuer().verify(token)
    assert principal == Principal(
        "kmd", frozenset({"reports:read", "panel:export"}), frozenset({"101", "147"}), False, frozenset({"nord"})
    )


def test_ps256_and_both_spellings_of_the_type_are_accepted() -> None:
    issuer = Issuer()
    assert issuer.verify(sign(claims(), RSA_KEY, "PS256", "r")).client_id == "kmd"
    assert issuer.verify(sign(claims(client_id="b"), typ="application/at+JWT")).client_id == "b"
    assert issuer.verify(sign(claims(client_id=None))).client_id == "s"
    assert issuer.verify(sign(claims(aud=["other", "rettevej"], client_id="c"))).client_id == "c"


def test_clocks_may_differ_by_half_a_minute() -> None:
    now = int(time.time())
    Issuer().verify(sign(claims(exp=now - 20)))
    Issuer().verify(sign(claims(nbf=now + 20, iat=now + 20)))


# --- What is refused --------------------------------------------------------------------------------------------------

NOW = int(time.time())


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": ["other"]},
        {"exp": None},
        {"exp": str(NOW + 600)},
        {"exp": True},
        {"nbf": NOW + 3600},
        {"iat": NOW + 3600},
        {"client_id": None, "sub": None},
        {"client_id": 7},
        {"client_id": ""},
        {"client_id": "a\nb"},
        {"client_id": "a\x00b"},
        {"client_id": "x" * 201},
        {"scope": ["reports:read"]},
        {"jobcentres": "*"},
        {"jobcentres": [101]},
        {"jobcentres": [["101"]]},
        {"jobcentres": ["*", "101"]},
        {"jobcentres": {"101": True}},
        {"regions": ["nord", "jylland"]},
        {"regions": ["*"]},
        {"regions": "nord"},
    ],
    ids=lambda claim: ",".join(f"{name}:{type(value).__name__}" for name, value in claim.items()),
)
def test_a_claim_that_is_not_as_it_should_be(change: dict[str, Any]) -> None:
    Issuer().refuses(sign(claims(**change)))


@pytest.mark.parametrize("claim", ["scope", "jobcentres", "regions"])
def test_null_is_not_absence(claim: str) -> None:
    Issuer().refuses(sign({**claims(), claim: None}))


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt;x", "id+jwt"])
def test_only_access_tokens(typ: str | None) -> None:
    Issuer().refuses(sign(claims(), typ=typ))


def test_the_algorithm_is_never_taken_from_the_header() -> None:
    issuer = Issuer()
    pem = EC_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    issuer.refuses(forge({"alg": "HS256", "typ": "at+jwt", "kid": "e"}, pem))
    issuer.refuses(forge({"alg": "none", "typ": "at+jwt", "kid": "e"}, None))
    issuer.refuses(forge({"alg": "nOnE", "typ": "at+jwt", "kid": "e"}, None))
    issuer.refuses(sign(claims(), RSA_KEY, "RS256", "r"))
    issuer.refuses(sign(claims(), RSA_KEY, "PS512", "r"))
    issuer.refuses(sign(claims(), RSA_KEY, "PS256", "e"))  # the right algorithm of another key's type
    issuer.refuses(sign(claims(), EC_KEY, "ES256", "r"))


def forge(header: dict[str, Any], secret: bytes | None) -> str:
    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part(header) + b"." + part(claims())
    mac = b"" if secret is None else hmac.new(secret, signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def test_keys_and_addresses_in_the_header_are_not_believed() -> None:
    mine = ec.generate_private_key(ec.SECP256R1())
    issuer = Issuer()
    issuer.refuses(sign(claims(), mine, jwk=ec_jwk(mine, "e")))
    issuer.refuses(sign(claims(), mine, kid="mine", jku="https://evil.example/keys"))
    issuer.refuses(sign(claims(), kid=None))
    issuer.refuses(sign(claims(), crit=["exp"]))


def test_rubbish_is_refused_without_asking_the_issuer() -> None:
    issuer = Issuer()
    deep = base64.urlsafe_b64encode(b"[" * 5000).decode()
    for token in ["", "a", "a.b.c", "....", "æøå.x.y", "\x00", deep + ".x.y", "e30.e30.", "W10.e30."]:
        issuer.refuses(token)
    issuer.refuses(sign(claims(pad="x" * MAX_TOKEN_LENGTH)))
    assert issuer.asked == 0


def test_a_changed_token_is_refused_after_the_right_one_was_accepted() -> None:
    issuer = Issuer()
    token = sign(claims())
    issuer.verify(token)
    head, body, signature = token.split(".")
    issuer.refuses(f"{head}.{sign(claims(client_id='other')).split('.')[1]}.{signature}")
    issuer.refuses(f"{head}.{body}.{'A' * len(signature)}")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_weak_and_foreign_keys_of_the_set_are_left_out() -> None:
    weak, wide = rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1())
    issuer = Issuer(
        rsa_jwk(weak, "weak"),
        ec_jwk(wide, "wide"),
        ec_jwk(EC_KEY, "enc", use="enc"),
        rsa_jwk(RSA_KEY, "rs", alg="RS256"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        {"kty": "EC", "kid": "torn", "crv": "P-256"},
        {"kty": ["EC"], "kid": "odd"},
        {"kid": 7},
        ec_jwk(EC_KEY, "e"),
    )
    issuer.verify(sign(claims()))
    issuer.refuses(sign(claims(), weak, "PS256", "weak"))
    issuer.refuses(sign(claims(), wide, "ES384", "wide"))
    issuer.refuses(sign(claims(), kid="enc"))
    issuer.refuses(sign(claims(), RSA_KEY, "PS256", "rs"))
    for kid in ["oct", "torn", "odd"]:
        issuer.refuses(sign(claims(), kid=kid))


# --- Fetching keys ----------------------------------------------------------------------------------------------------


def test_keys_are_fetched_once_and_again_after_ten_minutes() -> None:
    issuer = Issuer()
    for number in range(5):
        issuer.verify(sign(claims(client_id=f"c{number}")))
    assert issuer.asked == 1
    issuer.now += 601
    issuer.verify(sign(claims()))
    assert issuer.asked == 2


def test_unknown_kids_do_not_hammer_the_issuer() -> None:
    issuer = Issuer()
    issuer.verify(sign(claims()))
    for number in range(20):
        issuer.refuses(sign(claims(), kid=f"k{number}"))
    assert issuer.asked == 1
    issuer.now += 31
    for number in range(20):
        issuer.refuses(sign(claims(), kid=f"k{number}"))
    assert issuer.asked == 2


def test_a_new_key_is_found_and_a_withdrawn_one_is_forgotten_with_its_tokens() -> None:
    issuer, new = Issuer(), ec.generate_private_key(ec.SECP256R1())
    old_token = sign(claims(exp=NOW + 86_400))
    issuer.verify(old_token)
    issuer.keys = [ec_jwk(new, "new")]
    issuer.now += 31
    issuer.verify(sign(claims(), new, kid="new"))
    issuer.now += 570
    issuer.refuses(old_token)


def test_requests_at_once_share_one_fetch() -> None:
    issuer = Issuer()

    async def many() -> list[Principal]:
        return await asyncio.gather(*(issuer.verifier.verify(sign(claims(client_id=f"c{n}"))) for n in range(50)))

    assert len(asyncio.run(many())) == 50
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("status", "content"),
    [(500, None), (302, None), (200, b"no json"), (200, b"[]"), (200, b'{"keys": 1}'), (200, b" " * 300_000)],
)
def test_without_keys_it_is_unavailable_and_with_old_ones_it_goes_on(status: int, content: bytes | None) -> None:
    issuer = Issuer()
    issuer.status, issuer.content = status, content
    issuer.refuses(sign(claims()), "issuer_unavailable")
    issuer.refuses(sign(claims()), "issuer_unavailable")
    assert issuer.asked == 1
    issuer.status, issuer.content = 200, None
    issuer.now += 6
    issuer.verify(sign(claims()))
    issuer.status, issuer.content = status, content
    issuer.now += 5000
    issuer.verify(sign(claims(client_id="later")))
    issuer.refuses(sign(claims(), kid="unknown"), "issuer_unavailable")


def test_a_verified_token_is_remembered_but_not_beyond_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    token = sign(claims(exp=int(time.time()) + 100))
    issuer.verify(token)
    with monkeypatch.context() as patched:
        patched.setattr(jwt, "decode", lambda *a, **k: pytest.fail("verified again"))
        issuer.verify(token)
    later = time.time() + 131
    monkeypatch.setattr(time, "time", lambda: later)
    issuer.refuses(token, "expired_token")


def test_an_expired_token_has_a_code_of_its_own() -> None:
    """Wild B21: whoever holds it only needs another. One that is not ours is not told so."""
    Issuer().refuses(sign(claims(exp=NOW - 60)), "expired_token")
    Issuer().refuses(sign(claims(exp=NOW - 60, aud="another")))
    Issuer().refuses(sign(claims(exp=NOW - 60, iss="https://another.example")))
