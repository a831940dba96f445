"""What an endpoint demands of a token, and how the contract says so."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request

from app.web.auth import Principal, authenticated, requires, requires_any
from app.web.error_handlers import install
from app.web.tokens import LocalIssuer, TokenVerifier


class Seen:
    """Outer middleware, as the access log will be: keeps the state that the dependency leaves."""

    def __init__(self, app: Any, principals: list[Any]) -> None:
        self.app = app
        self.principals = principals

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
        self.principals.append(scope.get("state", {}).get("principal"))


def service(issuer: LocalIssuer) -> FastAPI:
    app, router = FastAPI(), APIRouter(prefix="/v1")
    install(app)
    app.state.seen = []
    app.add_middleware(Seen, principals=app.state.seen)
    app.state.verifier = TokenVerifier.local(issuer)

    @router.get("/draws")
    async def draws(principal: Annotated[Principal, Depends(requires("audit:read"))]) -> str:
        return principal.client_id

    @router.get("/people")
    async def people(_: Annotated[Principal, Depends(requires("participants:read", "participants:write"))]) -> str:
        return "people"

    @router.post("/any")
    async def any_of(_: Annotated[Principal, Depends(requires_any("audit:read", "reports:read"))], limit: int) -> str:
        return "any"

    @router.get("/me")
    async def me(request: Request, principal: Annotated[Principal, Depends(authenticated())]) -> bool:
        return request.state.principal is principal

    app.include_router(router)
    return app


def call(app: FastAPI, path: str, authorization: str | None, method: str = "GET") -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            headers = {} if authorization is None else {"Authorization": authorization}
            return await client.request(method, path, headers=headers)

    return asyncio.run(run())


def test_the_dependencies(tmp_path: Path) -> None:
    issuer = LocalIssuer.load_or_create(tmp_path)
    app = service(issuer)
    auditor, region = f"Bearer {issuer.token('auditor')}", f"bEARER {issuer.token('region')}"

    assert call(app, "/v1/draws", auditor).json() == "auditor"
    assert app.state.seen[-1].client_id == "auditor"
    assert call(app, "/v1/me", region).json() is True
    assert call(app, "/v1/any?limit=3", region, "POST").status_code == 200

    for nothing in [None, "", "Basic YTpi", "Bearer", "Bearer "]:
        answer = call(app, "/v1/draws", nothing)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = call(app, "/v1/draws", "Bearer nonsense")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert call(app, f"/v1/draws?access_token={issuer.token('auditor')}", None).status_code == 401

    answer = call(app, "/v1/draws", region)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert "audit:read" in answer.json()["detail"]
    assert 'scope="audit:read"' in answer.headers["WWW-Authenticate"]
    assert "participants:read and participants:write" in call(app, "/v1/people", auditor).json()["detail"]
    # Who has no token learns nothing about parameters.
    assert call(app, "/v1/any?limit=x", None, "POST").status_code == 401
    assert call(app, "/v1/any?limit=x", region, "POST").status_code == 422


def test_the_contract_shows_the_scheme_and_a_mistyped_scope_is_found_at_once(tmp_path: Path) -> None:
    schema = service(LocalIssuer.load_or_create(tmp_path)).openapi()
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert schema["paths"]["/v1/draws"]["get"]["security"] == [{"bearer": ["audit:read"]}]
    with pytest.raises(ValueError, match="audit:reed"):
        requires("audit:reed")
    with pytest.raises(ValueError, match="none given"):
        requires_any()
