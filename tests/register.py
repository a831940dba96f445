"""The application under test, with a clock that can be set, and the calls that nearly every test needs."""

import itertools
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import jwt
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.web.auth import ROLES
from app.web.tokens import LOCAL_ISSUER, LocalIssuer

LONG_AFTER = datetime(2012, 6, 1, 12, tzinfo=UTC)
"""When everything of PRVIJ is past."""
JOBCENTRES = [
    {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85},
    {"code": "860", "name": "Hjørring", "region": "nord", "agreed_participants": 85},
    {"code": "450", "name": "Nyborg", "region": "syddanmark", "agreed_participants": 85},
]

_people = itertools.count(1)
_trials = itertools.count(1)
_records = itertools.count(1)


def new_cpr(born: str = "0170") -> str:
    """A synthetic CPR number (day + 60) that no other test uses; ``born`` is month and year, MMYY."""
    day, serial = divmod(next(_people), 3000)
    return f"{61 + day:02d}{born}{1000 + serial:04d}"


@cache
def contract() -> dict[str, Any]:
    """The OpenAPI document of the application."""
    return create_app(Settings()).openapi()


class Clock:
    """The moment now, as the test sets it."""

    def __init__(self) -> None:
        self.now = LONG_AFTER

    def __call__(self) -> datetime:
        return self.now


class Client:
    """A client of the API with a token of its own."""

    def __init__(self, http: TestClient, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {**self._headers, **(options.pop("headers", None) or {})}
        response: httpx2.Response = self._http.request(method, path, headers=headers, **options)
        return response

    def get(self, path: str, **parameters: Any) -> httpx2.Response:
        return self.request("GET", path, params={k: v for k, v in parameters.items() if v is not None})

    def post(self, path: str, json: Any = None, **parameters: Any) -> httpx2.Response:
        return self.request("POST", path, json=json, params=parameters)

    def put(self, path: str, json: Any, **parameters: Any) -> httpx2.Response:
        return self.request("PUT", path, json=json, params=parameters)

    def patch(self, path: str, json: Any) -> httpx2.Response:
        return self.request("PATCH", path, json=json)

    def delete(self, path: str, **parameters: Any) -> httpx2.Response:
        return self.request("DELETE", path, params=parameters)

    def push(self, trial: str, kind: str, records: Sequence[Any], **parameters: Any) -> dict[str, Any]:
        """Sends a JSON batch and gives the report; anything but 207 is a failure."""
        response = self.post(f"/v1/trials/{trial}/{kind}/batch", {"records": records}, **parameters)
        assert response.status_code == 207, response.text
        report: dict[str, Any] = response.json()
        return report


class Register:
    """The application, started; ``clock`` may be set, tokens come from its own local issuer."""

    def __init__(self, database_url: str, directory: Path, protocols: Path | None = None) -> None:
        self.database_url = database_url
        self.clock = Clock()
        self.settings = Settings(data_dir=directory, protocols=protocols)
        self.app = create_app(self.settings, database_url, self.clock)
        self.app.openapi_schema = contract()  # made once: it costs half a second, and is the same for every application
        self.issuer = LocalIssuer.load_or_create(directory)
        self.http = TestClient(self.app, raise_server_exceptions=False, client=("127.0.0.1", 50_000))

    def __enter__(self) -> Self:
        self.http.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.__exit__(kind, error, trace)

    def client(
        self, role: str, *, client_id: str | None = None, jobcentres: Sequence[str] = (), regions: Sequence[str] = ()
    ) -> Client:
        return Client(self.http, self.issuer.token(role, client_id, tuple(jobcentres), tuple(regions)))

    def case_system(self, *jobcentres: str, client_id: str | None = None) -> Client:
        """A case system bound to jobcentres, or to all of them."""
        return self.client("case-system", client_id=client_id, jobcentres=jobcentres)

    def sender(self, *jobcentres: str, client_id: str | None = None) -> Client:
        """A case system that sends outcomes too, as no role may: for tests of every kind of record."""
        name = f"case-system-{jobcentres[0]}" if len(jobcentres) == 1 else "case-system"
        scope = " ".join((*ROLES["case-system"].scopes, "outcomes:write"))
        return Client(self.http, self.token(scope, client_id or name, *jobcentres))

    def token(self, scope: str, client_id: str, *jobcentres: str) -> str:
        """A token of any scopes, bound to jobcentres or to all of them."""
        now = int(time.time())
        claims = {
            "iss": LOCAL_ISSUER,
            "aud": self.issuer.audience,
            "client_id": client_id,
            "iat": now,
            "exp": now + 3600,
            "jti": record_id(),
            "scope": scope,
            "jobcentres": [*jobcentres] or ["*"],
        }
        return jwt.encode(claims, self.issuer._key, "ES256", headers={"typ": "at+jwt", "kid": self.issuer.kid})

    def new_trial(self, **changes: Any) -> str:
        """Creates a trial of PRVIJ in three jobcentres and gives its id."""
        body = {
            "id": f"trial-{next(_trials)}",
            "protocol": "prvij-2010-11",
            "title": "På rette vej – i job",
            "jobcentres": JOBCENTRES,
            **changes,
        }
        response = self.client("agency").post("/v1/trials", body)
        assert response.status_code == 201, response.text
        trial: str = body["id"]
        return trial

    def screening(self, **changes: Any) -> dict[str, Any]:
        """The body of an eligible screening of someone new."""
        return {
            "cpr": new_cpr(),
            "jobcentre": "849",
            "interview_on": "2010-11-08",
            "channel": "new_match",
            "at_job_interview": True,
            "match_group": 2,
            "benefit": "cash_benefit",
            "exempt_from": "none",
            **changes,
        }

    def screen(self, trial: str, **changes: Any) -> dict[str, Any]:
        """Screens someone new as a case system of all jobcentres and gives the answer."""
        response = self.case_system().post(f"/v1/trials/{trial}/participants", self.screening(**changes))
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def drawn(self, trial: str, **changes: Any) -> str:
        """Someone new who was drawn: the participant's id."""
        answer = self.screen(trial, **changes)
        assert answer["assignment"] is not None, answer
        participant: str = answer["participant_id"]
        return participant

    def correct(self, trial: str, participant: str, cpr: str, reason: str = "typing_error") -> None:
        """Requests another number for a participant, and accepts it as a registrar."""
        path = f"/v1/trials/{trial}"
        requested = self.case_system().post(f"{path}/participants/{participant}/cpr", {"cpr": cpr, "reason": reason})
        assert requested.status_code == 202, requested.text
        registrar, correction = self.client("registrar"), requested.json()["correction_id"]
        etag = registrar.get(f"{path}/cpr-corrections/{correction}").headers["etag"]
        decision = {"decision": "accepted", "reason": "document_seen"}
        decided = registrar.request(
            "POST", f"{path}/cpr-corrections/{correction}/decision", json=decision, headers={"If-Match": etag}
        )
        assert decided.status_code == 200, decided.text


def record_id() -> str:
    """An external id that no other test uses."""
    return f"r-{next(_records)}"


def faults(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pointer and code of every error of a problem, or of a result in a batch's report; all have a meaning."""
    assert all(error["meaning"] for error in document["errors"])
    return [(error["pointer"], error["code"]) for error in document["errors"]]
