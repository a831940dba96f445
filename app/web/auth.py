"""Authorisation: roles, principals, and the dependencies by which an endpoint requires a token (api.md, "Who may do
what"). ``app.web.tokens`` verifies tokens.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer

from app.web.problems import Problem
from app.web.rate_limit import RateLimit

REGIONS: Final = ("nord", "midtjylland", "syddanmark", "hovedstaden_sjaelland")
ALL: Final = "*"


# --- Roles and principals ---------------------------------------------------------------------------------------------
DECIDES_CORRECTIONS: Final = "corrections:decide"


@dataclass(frozen=True)
class Role:
    """Row of api.md's table: scopes, the binding of its tokens, and the default binding."""

    scopes: tuple[str, ...]
    binds: Literal["jobcentres", "regions", "nothing"]
    default: tuple[str, ...] = ()


ROLES: Final[Mapping[str, Role]] = {
    "case-system": Role(
        (
            "participants:read",
            "participants:write",
            "conversations:write",
            "activations:write",
            "reports:read",
        ),
        "jobcentres",
        (ALL,),
    ),
    "register": Role(("activations:write", "outcomes:write"), "jobcentres", (ALL,)),
    "region": Role(("reports:read",), "regions", REGIONS),
    "agency": Role(("trials:write", "reports:read", "panel:export"), "jobcentres", (ALL,)),
    "registrar": Role((DECIDES_CORRECTIONS,), "jobcentres", (ALL,)),
    "evaluator": Role(("panel:export",), "nothing"),
    "auditor": Role(("audit:read",), "nothing"),
}

SCOPES: Final = frozenset(scope for role in ROLES.values() for scope in role.scopes)


@dataclass(frozen=True)
class Principal:
    """Client of a request. ``jobcentres`` are codes, empty when ``all_jobcentres``."""

    client_id: str
    scopes: frozenset[str]
    jobcentres: frozenset[str]
    all_jobcentres: bool
    regions: frozenset[str]

    def may(self, scope: str) -> bool:
        """Return whether the token has the scope."""
        return scope in self.scopes

    def reads_person_of(self, jobcentre: str) -> bool:
        """Return whether the client may read people and records of the jobcentre. A region gives no such access."""
        return self.all_jobcentres or jobcentre in self.jobcentres

    def reads_figures_of(self, jobcentre: str, region: str) -> bool:
        """Return whether the client may read figures of a jobcentre in a region."""
        return self.reads_person_of(jobcentre) or region in self.regions


class BadClaimsError(Exception):
    """Claim of a wrong type or value."""


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Return the principal of verified claims. Raises BadClaimsError."""
    client_id = _printable(claims["client_id"] if "client_id" in claims else claims.get("sub"))
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise BadClaimsError
    jobcentres = _printables(claims.get("jobcentres", []))
    regions = _printables(claims.get("regions", []))
    if (ALL in jobcentres and len(jobcentres) > 1) or not regions <= set(REGIONS):
        raise BadClaimsError
    return Principal(client_id, _granted(frozenset(scope.split())), jobcentres - {ALL}, ALL in jobcentres, regions)


def _granted(scopes: frozenset[str]) -> frozenset[str]:
    """Return the scopes without ``corrections:decide`` if another one shows people or figures (domain 3.4)."""
    sees = scopes & {"reports:read", "panel:export"} or any(scope.startswith("participants:") for scope in scopes)
    return scopes - {DECIDES_CORRECTIONS} if sees else scopes


def _printables(claim: object) -> frozenset[str]:
    if not isinstance(claim, list):
        raise BadClaimsError
    return frozenset(_printable(item) for item in claim)


def _printable(claim: object) -> str:
    # It goes into the database and the log: no NUL, no line break, no surrogate, nothing without end.
    if not isinstance(claim, str) or not 1 <= len(claim) <= 200 or not claim.isprintable():
        raise BadClaimsError
    return claim


# --- FastAPI dependencies ---------------------------------------------------------------------------------------------


class Verifier(Protocol):
    """Type of ``app.state.verifier``: see ``app.web.tokens.TokenVerifier``."""

    async def verify(self, token: str) -> Principal:
        """Return the principal of a valid token. Raises Problem ``invalid_token`` or ``issuer_unavailable``."""
        ...


class Inheritance(Protocol):
    """Type of ``app.state.successors``: see ``app.db.trials.successors.Successors``."""

    async def succeeded_by(self, trial_id: str, jobcentres: frozenset[str]) -> frozenset[str]:
        """Return the jobcentres of a trial whose access the given ones have too."""
        ...


class _Bearer(HTTPBearer):
    """Security scheme of the contract that returns the principal: a second dependency would cost time."""

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]  # FastAPI checks the class only
        """Problem ``unauthorized`` without a token; else as ``Verifier``, and ``rate_limited``. Once a request."""
        principal: Principal | None = getattr(request.state, "principal", None)
        if principal is not None:
            return principal
        credentials = await super().__call__(request)
        if credentials is None:
            raise Problem("unauthorized")
        verifier: Verifier = request.app.state.verifier
        principal = await verifier.verify(credentials.credentials)
        successors: Inheritance | None = getattr(request.app.state, "successors", None)
        trial_id: str | None = request.path_params.get("trial")
        if successors is not None and trial_id is not None and principal.jobcentres:
            inherited = await successors.succeeded_by(trial_id, principal.jobcentres)
            principal = replace(principal, jobcentres=principal.jobcentres | inherited)
        request.state.principal = principal  # the access log names the client
        limit: RateLimit | None = getattr(request.app.state, "limit", None)
        if limit is not None:
            limit.take(principal.client_id)
        return principal


_authenticate = _Bearer(
    scheme_name="bearer",
    bearerFormat="JWT",
    description="RFC 9068 access token, ES256 or PS256. `rettevej token ROLE` prints one of the local issuer.",
    auto_error=False,
)

Dependency = Callable[..., Awaitable[Principal]]
_GUARDS: set[Any] = set()
"""Dependencies made by ``requires`` and ``requires_any``."""


def guards_of(dependant: Dependant) -> Sequence[Callable[[Request], Awaitable[None]]]:
    """Return the checks of token and scopes that an endpoint declares, to be made before its body is read."""

    def guard_of(check: Callable[..., Awaitable[Principal]]) -> Callable[[Request], Awaitable[None]]:
        async def guard(request: Request) -> None:
            principal = await _authenticate(request)
            if check is not _authenticate:
                await check(principal)

        return guard

    calls = [dependency.call for dependency in dependant.dependencies if dependency.call is not None]
    return [guard_of(call) for call in calls if call is _authenticate or call in _GUARDS]


def authenticated() -> Dependency:
    """Return the dependency on any valid token.

    It raises Problem ``unauthorized``, ``invalid_token`` or ``issuer_unavailable``.
    """
    return _authenticate


def requires(scope: str, *more: str) -> Dependency:
    """Return the dependency on a token with all of the scopes, which also raises ``insufficient_scope``.

    Raises ValueError, when the route is declared, for a scope that no role has.
    """
    scopes = _checked_scopes((scope, *more))

    async def dependency(principal: Annotated[Principal, Security(_authenticate, scopes=[*scopes])]) -> Principal:
        if missing := [scope for scope in scopes if not principal.may(scope)]:
            raise _insufficient_scope(missing, f"This needs the scope {' and '.join(missing)}.")
        return principal

    _GUARDS.add(dependency)
    return dependency


def requires_any(*scopes: str) -> Dependency:
    """Return the dependency on a token with at least one of the scopes; otherwise as ``requires``."""
    wanted = _checked_scopes(scopes)

    # One string for all of them: the contract splits it, where FastAPI's list would mean that all are needed.
    async def dependency(
        principal: Annotated[Principal, Security(_authenticate, scopes=["|".join(wanted)])],
    ) -> Principal:
        if not any(principal.may(scope) for scope in wanted):
            raise _insufficient_scope(wanted, f"This needs one of the scopes {', '.join(wanted)}.")
        return principal

    _GUARDS.add(dependency)
    return dependency


def _checked_scopes(scopes: Sequence[str]) -> Sequence[str]:
    if not scopes or not SCOPES.issuperset(scopes):
        raise ValueError(f"Not scopes of a role: {', '.join(sorted(set(scopes) - SCOPES)) or 'none given'}.")
    return scopes


def _insufficient_scope(scopes: Iterable[str], detail: str) -> Problem:
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'
    return Problem("insufficient_scope", detail, headers={"WWW-Authenticate": challenge})
