"""Access to the panel: who may read it, and what the audit trail records."""

from tests.database import check_audit_trail
from tests.register import new_cpr
from tests.routers.panel.common import CSV, Place


def test_who_may_read_it(place: Place) -> None:
    """Api.md: an evaluator is bound to nothing and sees the panel whole; a scope widens no binding."""
    path = f"/v1/trials/{place.trial}/person-weeks"
    assert place.register.client("agency").get(path).status_code == 200
    assert place.register.client("agency", jobcentres=["849"]).get(path).status_code == 404
    assert place.register.client("agency", jobcentres=["849", "860", "450"]).get(path).status_code == 200
    for role in ("case-system", "register", "region", "auditor"):
        assert place.register.client(role).get(path).status_code == 403
    bound = place.register.client("agency", jobcentres=["849"])
    assert bound.post(f"/v1/trials/{place.trial}/releases", {"purpose": "x"}).status_code == 404
    assert bound.get(f"/v1/trials/{place.trial}/releases").status_code == 404


def test_every_export_is_in_the_trail(place: Place) -> None:
    release = place.release()["release_id"]
    place.read("draws", release, CSV)
    entries = place.register.client("auditor").get("/v1/audit", client_id="evaluator", limit=1000).json()["items"]
    (recorded,) = [
        each for each in entries if each["action"] == "panel.released" and each["details"]["release"] == release
    ]
    (exported,) = [
        each for each in entries if each["action"] == "panel.exported" and each["details"]["release"] == release
    ]
    assert (recorded["chain"], exported["chain"]) == ("writes", "reads")
    assert exported["details"] == {"release": release, "table": "draws", "format": "text/csv"}
    assert check_audit_trail(place.register.database_url) == []


def test_a_purpose_is_no_number_of_a_person(place: Place) -> None:
    path = f"/v1/trials/{place.trial}"
    assert place.evaluator.post(f"{path}/releases", {"purpose": new_cpr()}).status_code == 422
    assert place.evaluator.get(f"{path}/person-weeks", purpose=new_cpr()).status_code == 422
    assert place.evaluator.post(f"{path}/releases", {"purpose": ""}).status_code == 422
    assert place.evaluator.post(f"{path}/releases", {}).status_code == 422
