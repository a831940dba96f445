"""Who is asking, and what they may see: bearer token -> Principal (api.md, "Who may do what").

Roles and principals, and the dependencies by which an endpoint demands a token; ``app.tokens`` verifies it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from app.web.problems import Problem
from app.web.rate_limit import RateLimit

REGIONS: Final = ("nord", "midtjylland", "syddanmark", "hovedstaden_sjaelland")
ALL: Final = "*"


# --- Roles and principals ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Role:
    """A row of api.md's table: its scopes, which binding its tokens carry, and the binding when none is asked for."""

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
    "register": Role(("activations:write",), "jobcentres", (ALL,)),
    "region": Role(("reports:read",), "regions", REGIONS),
    "agency": Role(("trials:write", "reports:read", "panel:export"), "jobcentres", (ALL,)),
    "evaluator": Role(("panel:export",), "nothing"),
    "auditor": Role(("audit:read",), "nothing"),
}

SCOPES: Final = frozenset(scope for role in ROLES.values() for scope in role.scopes)


@dataclass(frozen=True)
class Principal:
    """The client behind a request. ``jobcentres`` are codes, empty when ``all_jobcentres``."""

    client_id: str
    scopes: frozenset[str]
    jobcentres: frozenset[str]
    all_jobcentres: bool
    regions: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the token has the scope."""
        return scope in self.scopes

    def reads_person_of(self, jobcentre: str) -> bool:
        """Whether people and records of the jobcentre exist for this client. A region binds to no person."""
        return self.all_jobcentres or jobcentre in self.jobcentres

    def reads_figures_of(self, jobcentre: str, region: str) -> bool:
        """Whether figures of the jobcentre, which lies in the region, exist for this client."""
        return self.reads_person_of(jobcentre) or region in self.regions


class BadClaimsError(Exception):
    """A claim that is wrongly typed, or has a value that it cannot have."""


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """The principal that verified claims describe. Raises BadClaimsError rather than guess."""
    client_id = _word(claims["client_id"] if "client_id" in claims else claims.get("sub"))
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise BadClaimsError
    jobcentres = _words(claims.get("jobcentres", []))
    regions = _words(claims.get("regions", []))
    if (ALL in jobcentres and len(jobcentres) > 1) or not regions <= set(REGIONS):
        raise BadClaimsError
    return Principal(client_id, frozenset(scope.split()), jobcentres - {ALL}, ALL in jobcentres, regions)


def _words(claim: object) -> frozenset[str]:
    if not isinstance(claim, list):
        raise BadClaimsError
    return frozenset(_word(item) for item in claim)


def _word(claim: object) -> str:
    # It goes into the database and the log: no NUL, no line break, no surrogate, nothing without end.
    if not isinstance(claim, str) or not 1 <= len(claim) <= 200 or not claim.isprintable():
        raise BadClaimsError
    return claim


# --- FastAPI dependencies ---------------------------------------------------------------------------------------------


class Verifier(Protocol):
    """What ``app.state.verifier`` is: see ``app.tokens.TokenVerifier``."""

    async def verify(self, token: str) -> Principal:
        """The principal of a valid token, else Problem ``invalid_token`` or ``issuer_unavailable``."""
        ...


class _Bearer(HTTPBearer):
    """The contract's scheme, and the principal behind a request's token in one: each dependency more costs time."""

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]  # FastAPI asks for its kind only
        """Problem ``unauthorized`` without a token; else as ``Verifier``, and ``rate_limited``."""
        credentials = await super().__call__(request)
        if credentials is None:
            raise Problem("unauthorized")
        verifier: Verifier = request.app.state.verifier
        principal = await verifier.verify(credentials.credentials)
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
"""What ``requires`` and ``requires_any`` have made."""


async def authorise_unrouted(request: Request) -> None:
    """For a request whose endpoint is never reached: Problem as by the dependencies that its route declares."""
    principal = await _authenticate(request)
    dependant = getattr(request.scope.get("route"), "dependant", None)
    for each in getattr(dependant, "dependencies", ()):
        if each.call in _GUARDS:
            await each.call(principal)


def authenticated() -> Dependency:
    """Dependency: any valid token. Raises Problem ``unauthorized``, ``invalid_token`` or ``issuer_unavailable``."""
    return _authenticate


def requires(scope: str, *more: str) -> Dependency:
    """Dependency: a valid token with every one of the scopes; else also ``insufficient_scope``.

    Raises ValueError, when the route is declared, for a scope that no role has.
    """
    scopes = _known((scope, *more))

    async def dependency(principal: Annotated[Principal, Security(_authenticate, scopes=[*scopes])]) -> Principal:
        if missing := [scope for scope in scopes if not principal.may(scope)]:
            raise _insufficient(missing, f"This needs the scope {' and '.join(missing)}.")
        return principal

    _GUARDS.add(dependency)
    return dependency


def requires_any(*scopes: str) -> Dependency:
    """Dependency: a valid token with at least one of the scopes; otherwise as ``requires``."""
    wanted = _known(scopes)

    # One string for all of them: the contract splits it, where FastAPI's list would mean that all are needed.
    async def dependency(
        principal: Annotated[Principal, Security(_authenticate, scopes=["|".join(wanted)])],
    ) -> Principal:
        if not any(principal.may(scope) for scope in wanted):
            raise _insufficient(wanted, f"This needs one of the scopes {', '.join(wanted)}.")
        return principal

    _GUARDS.add(dependency)
    return dependency


def _known(scopes: Sequence[str]) -> Sequence[str]:
    if not scopes or not SCOPES.issuperset(scopes):
        raise ValueError(f"Not scopes of a role: {', '.join(sorted(set(scopes) - SCOPES)) or 'none given'}.")
    return scopes


def _insufficient(scopes: Iterable[str], detail: str) -> Problem:
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'
    return Problem("insufficient_scope", detail, headers={"WWW-Authenticate": challenge})
