"""Access to single records: who reads and who changes what."""

from tests.register import record_id
from tests.routers.records.single.common import KINDS, Place, outcome_of, problem


def test_records_of_others_are_shown_and_not_changed(place: Place) -> None:
    """A client sees the records of its jobcentres, whoever sent them, and changes only its own."""
    external_id = record_id()
    place.put(external_id)
    neighbour = place.register.sender("849", client_id="neighbour")
    path = place.path("conversations", external_id)
    shown = neighbour.get(path)
    assert (shown.status_code, shown.json()["client_id"]) == (200, "jammerbugt")
    assert shown.headers["etag"] == place.get(external_id).headers["etag"]
    # its own of the same id is another record
    assert outcome_of(neighbour.put(path, place.body(date="2010-11-18")), 201) == ("created", [])
    assert place.get(external_id).json()["date"] == "2010-11-16"
    assert neighbour.get(path).json()["date"] == "2010-11-18"
    assert neighbour.get(path, client_id="jammerbugt").json()["date"] == "2010-11-16"
    # taking it back takes its own back
    assert outcome_of(neighbour.delete(path)) == ("retracted", [])
    assert place.get(external_id).json()["retracted"] is False
    # nor does another's version match what one writes oneself
    tag = place.get(external_id).headers["etag"]
    third = place.register.sender("849", client_id="third")
    answer = third.request("PUT", path, json=place.body(), headers={"If-Match": tag})
    problem(answer, 412, "precondition_failed")


def test_several_of_one_id(place: Place) -> None:
    """One's own comes first; of several others' one must be named."""
    external_id = record_id()
    path = place.path("conversations", external_id)
    for name in ("one", "two"):
        client = place.register.sender("849", client_id=name)
        assert client.put(path, place.body(date="2010-11-17")).status_code == 201
    problem(place.get(external_id), 409, "ambiguous_client")
    for name in ("one", "two"):
        assert place.get(external_id, client_id=name).json()["client_id"] == name
    problem(place.get(external_id, client_id="three"), 404, "not_found")
    place.put(external_id)
    assert place.get(external_id).json()["client_id"] == "jammerbugt"


def test_records_of_other_jobcentres_are_not_there(place: Place) -> None:
    external_id = record_id()
    place.put(external_id)
    problem(place.theirs.get(place.path("conversations", external_id)), 404, "not_found")
    problem(place.theirs.get(place.path("conversations", external_id), client_id="jammerbugt"), 404, "not_found")
    listed = place.theirs.get(place.path("conversations"), limit=1000).json()["items"]
    assert external_id not in {record["external_id"] for record in listed}
    assert place.everywhere.get(place.path("conversations", external_id)).status_code == 200


def test_an_early_retraction_is_its_clients_alone(place: Place) -> None:
    """It belongs to no jobcentre yet."""
    external_id = record_id()
    place.delete(external_id)
    neighbour = place.register.sender("849", client_id="neighbour")
    problem(neighbour.get(place.path("conversations", external_id)), 404, "not_found")
    problem(neighbour.get(place.path("conversations", external_id), client_id="jammerbugt"), 404, "not_found")
    assert place.get(external_id).status_code == 200


def test_a_record_that_moved_away(place: Place) -> None:
    """To someone of another jobcentre: there it is shown, here it is not, and from here it is changed no more."""
    external_id = record_id()
    path = place.path("conversations", external_id)
    assert place.everywhere.put(path, place.body(revision=1)).status_code == 201
    assert place.get(external_id).status_code == 200
    answer = place.everywhere.put(path, place.body(revision=2, participant_id=place.bo))
    assert (outcome_of(answer), answer.json()["participant_id"]) == (("updated", []), place.bo)
    assert place.get(external_id).status_code == 404
    assert place.theirs.get(path).json()["participant_id"] == place.bo
    here = place.register.sender("849", client_id="everywhere")
    problem(here.get(path), 404, "not_found")
    problem(here.put(path, place.body(revision=3)), 404, "unknown_participant")
    problem(here.delete(path, revision=3), 404, "unknown_participant")
    assert place.theirs.get(path).json()["revision"] == 2


def test_scopes(place: Place) -> None:
    """Conversations and activations are read and written with their own scope, outcomes with that of the registers; the
    other kinds with those of people."""
    external_id = record_id()
    for kind in KINDS:
        place.put(external_id, kind)
    register = place.register.client("register")
    for kind in KINDS:
        path = place.path(kind, external_id)
        if kind in ("activations", "outcomes"):
            assert register.get(path).status_code == register.get(place.path(kind)).status_code == 200
            assert register.put(path, place.body(kind)).status_code == 201
        else:
            for answer in (
                register.get(path),
                register.get(place.path(kind)),
                register.put(path, place.body(kind)),
                register.delete(path),
            ):
                problem(answer, 403, "insufficient_scope")
        for role in ("region", "agency", "evaluator", "auditor"):
            problem(place.register.client(role).get(path), 403, "insufficient_scope")
            problem(place.register.client(role).put(path, place.body(kind)), 403, "insufficient_scope")


def test_what_is_not_there(place: Place) -> None:
    problem(place.get(record_id()), 404, "not_found")
    nowhere = "/v1/trials/no-such-trial/conversations"
    for answer in (
        place.ours.get(f"{nowhere}/x"),
        place.ours.get(nowhere),
        place.ours.put(f"{nowhere}/x", place.body()),
        place.ours.delete(f"{nowhere}/x"),
    ):
        problem(answer, 404, "not_found")
    elsewhere = place.register.sender("101")
    path = place.path("conversations", record_id())
    for answer in (
        elsewhere.get(path),
        elsewhere.get(place.path("conversations")),
        elsewhere.put(path, place.body()),
        elsewhere.delete(path),
    ):
        problem(answer, 404, "not_found")
