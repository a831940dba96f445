"""The tokens that the service makes itself."""

import asyncio
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.web.auth import ROLES, Principal
from app.web.problems import Problem
from app.web.tokens import LOCAL_ISSUER, LocalIssuer, TokenVerifier

JWKS_URL = "https://issuer.example/keys"


def local(issuer: LocalIssuer, token: str) -> Principal:
    return asyncio.run(TokenVerifier.local(issuer).verify(token))


def test_every_role_has_its_scopes_and_bindings(tmp_path: Path) -> None:
    issuer = LocalIssuer.load_or_create(tmp_path / "deep" / "data")
    seen = {role: local(issuer, issuer.token(role)) for role in ROLES}
    assert {role: p.scopes for role, p in seen.items()} == {r: frozenset(ROLES[r].scopes) for r in ROLES}
    assert {role for role, p in seen.items() if p.all_jobcentres} == {"case-system", "register", "agency", "registrar"}
    assert len(seen["region"].regions) == 4
    assert not seen["region"].reads_person_of("101")
    assert seen["region"].reads_figures_of("101", "nord")
    for role in ["evaluator", "auditor"]:
        assert not seen[role].reads_figures_of("101", "nord")
    assert all(p.client_id == role for role, p in seen.items())


def test_bindings_and_client_ids(tmp_path: Path) -> None:
    issuer = LocalIssuer.load_or_create(tmp_path)
    one = local(issuer, issuer.token("case-system", jobcentres=["101"]))
    assert (one.client_id, one.reads_person_of("101"), one.reads_person_of("147")) == ("case-system-101", True, False)
    assert not one.reads_figures_of("147", "nord")
    assert local(issuer, issuer.token("case-system", jobcentres=["101", "147"])).client_id == "case-system"
    assert local(issuer, issuer.token("register", jobcentres=["*"])).client_id == "register"
    north = local(issuer, issuer.token("region", regions=["nord"]))
    assert north.client_id == "region-nord"
    assert not north.reads_figures_of("101", "syddanmark")
    assert local(issuer, issuer.token("auditor", client_id="rigsrevisionen")).client_id == "rigsrevisionen"


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda i: i.token("king"), "no role"),
        (lambda i: i.token("auditor", jobcentres=["101"]), "takes no jobcentre"),
        (lambda i: i.token("region", jobcentres=["101"]), "takes no jobcentre"),
        (lambda i: i.token("agency", regions=["nord"]), "takes no region"),
        (lambda i: i.token("region", regions=["fyn"]), "no region"),
        (lambda i: i.token("register", hours=0), "hours"),
        (lambda i: i.token("register", hours=float("nan")), "hours"),
        (lambda i: i.token("register", jobcentres=["*", "101"]), "stands alone"),
        (lambda i: i.token("register", jobcentres=[""]), "printable"),
        (lambda i: i.token("register", jobcentres=[f"{n:05}" for n in range(2000)]), "more jobcentres"),
    ],
)
def test_what_the_local_issuer_refuses_it_says(tmp_path: Path, ask: Callable[[LocalIssuer], str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ask(LocalIssuer.load_or_create(tmp_path))


def test_starts_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        kids = list(pool.map(lambda _: LocalIssuer.load_or_create(tmp_path).kid, range(32)))
    assert len(set(kids)) == 1
    assert stat.S_IMODE((tmp_path / "issuer.pem").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["issuer.pem"]


def test_a_key_file_is_tightened_or_refused(tmp_path: Path) -> None:
    first = LocalIssuer.load_or_create(tmp_path)
    (tmp_path / "issuer.pem").chmod(0o644)
    assert LocalIssuer.load_or_create(tmp_path).kid == first.kid
    assert stat.S_IMODE((tmp_path / "issuer.pem").stat().st_mode) == 0o600
    (tmp_path / "issuer.pem").write_text("rubbish")
    with pytest.raises(ValueError, match="P-256"):
        LocalIssuer.load_or_create(tmp_path)


def test_a_published_local_key_works_as_a_remote_one(tmp_path: Path) -> None:
    issuer = LocalIssuer.load_or_create(tmp_path, "rettevej")
    (jwk,) = issuer.jwks()["keys"]
    assert "d" not in jwk
    verifier = TokenVerifier.remote(
        LOCAL_ISSUER,
        JWKS_URL,
        "rettevej",
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=issuer.jwks())),
    )
    assert asyncio.run(verifier.verify(issuer.token("auditor"))).client_id == "auditor"
    other = LocalIssuer(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Problem):
        asyncio.run(verifier.verify(other.token("auditor")))
