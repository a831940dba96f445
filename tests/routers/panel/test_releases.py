"""Releases of the panel: recorded once, never changed."""

import asyncpg
import pytest

from tests.database import query
from tests.routers.panel.common import Place


def test_a_release_is_recorded_with_who_when_and_why(place: Place) -> None:
    release = place.release(purpose="Effect on employment")
    place.release()
    assert (release["client_id"], release["purpose"]) == ("evaluator", "Effect on employment")
    assert (release["trial"], release["pilot"], release["protocol"]) == (place.trial, False, "prvij-2010-11")
    summary = place.register.client("agency").get(f"/v1/trials/{place.trial}/weekly-summary").json()
    assert release["watermark"] == summary["watermark"] < release["recorded_at"]
    assert release["as_of"] == "2012-06-01"
    path = f"/v1/trials/{place.trial}/releases"
    assert place.evaluator.get(f"{path}/{release['release_id']}").json() == release
    assert release in place.evaluator.get(path, limit=1000).json()["items"]
    first = place.evaluator.get(path, limit=1)
    following = place.evaluator.get(path, limit=1, cursor=first.json()["next"]).json()
    assert following["items"][0]["recorded_at"] > first.json()["items"][0]["recorded_at"]


def test_a_moment_to_come_is_now(place: Place) -> None:
    release = place.release(known_at="2099-01-01T00:00:00Z")
    assert release["watermark"] == place.release()["watermark"]


def test_it_is_never_changed_even_by_the_owner(place: Place) -> None:
    place.release()
    for statement in ("update release set purpose = 'x'", "delete from release", "truncate release"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            query(place.register.database_url, statement)


def test_without_a_release_one_is_recorded(place: Place) -> None:
    response = place.read("person-weeks", purpose="Just looking")
    release = response.headers["panel-release"]
    kept = place.evaluator.get(f"/v1/trials/{place.trial}/releases/{release}").json()
    assert kept["purpose"] == "Just looking"
    assert response.json()["release"] == kept
    assert place.read("person-weeks", release).content == response.content
    assert place.read("draws").json()["release"]["purpose"] == "unspecified"


def test_unknown_releases_and_those_of_another_trial(place: Place) -> None:
    elsewhere = place.register.new_trial()
    release = place.release()["release_id"]
    assert place.evaluator.get(f"/v1/trials/{elsewhere}/releases/{release}").status_code == 404
    assert place.evaluator.get(f"/v1/trials/{elsewhere}/person-weeks", release=release).status_code == 404
    assert place.evaluator.get("/v1/trials/none/person-weeks").status_code == 404
