"""Histories of records against a dictionary (engineering.md: "the most valuable test here").

Three clients send records of every kind of three people in two jobcentres: new, again, corrected, taken back before
and after they came, brought back, moved to someone else, all or nothing, on trial, in shuffled batches and one by one;
now and then the service starts anew.
The model is ``Standing`` of tests/domain/records/ledger.py. After every step the records that the API lists are
the model's, and the kept counts are what a rebuild makes of the records; in the end everybody's weeks are those of the
slow reference.
"""

import asyncio
import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.core.session import make_engine
from app.db.derived.week_counts import rebuild
from app.db.trials.trials import load_trial
from app.domain import facts as domain
from tests.domain.records.ledger import Standing
from tests.reference.weeks import weeks as reference_weeks
from tests.register import Client, Register, new_cpr

KINDS = tuple(domain.KINDS)
CLIENTS = ("one", "two", "three")
MANY = int(os.environ.get("RETTEVEJ_HISTORIES", "100"))
"""How many histories the long run plays; 2,000 in a quiet hour."""
IDS = ("a", "b", "c")
LONG_PAST = date(2012, 6, 1)

# Who is drawn: jobcentre and day of assignment.
PEOPLE = {"anna": ("849", "2010-11-08"), "bo": ("849", "2010-11-24"), "cai": ("860", "2010-11-10")}

# What can be said. Few dates and weeks, so that records meet there: two talks in a week, two exits on a date, events
# before Bo's assignment, exemptions that make a week count or not.
CONTENTS: Mapping[str, list[dict[str, Any]]] = {
    "conversations": [
        {"date": "2010-11-16"},
        {"date": "2010-12-01"},
        {"date": "2010-12-02", "form": "telephone"},
        {"date": "2010-12-08", "status": "no_show"},
        {"date": "2011-01-19", "form": "telephone"},
        {"date": "2011-01-26", "form": "digital", "focus": ["motivation", "retention"]},
        {"date": "2010-12-15", "conducted_by": "mentor"},
    ],
    "activations": [
        {"type": "work_placement_public", "starts_on": "2010-11-15", "hours_per_week": 10, "mentor": "assigned"},
        {"type": "part_time_job", "starts_on": "2011-01-03", "ends_on": "2011-03-04", "hours_per_week": 5.5},
        {"type": "part_time_job", "starts_on": "2011-01-03", "ends_on": "2011-06-30", "hours_per_week": 4.5},
        {"type": "other_offer", "starts_on": "2011-02-07", "hours_per_week": 20},
    ],
    "exemptions": [
        {"scope": "both", "ground": "illness", "starts_on": "2010-11-29", "ends_on": "2010-12-05"},
        {"scope": "conversations", "ground": "holiday", "starts_on": "2010-12-06", "ends_on": "2010-12-08"},
        {"scope": "activation", "ground": "child_care", "starts_on": "2010-12-06"},
    ],
    "presence-events": [
        {"kind": "exit", "date": "2010-12-06", "reason": "job"},
        {"kind": "exit", "date": "2010-12-06", "reason": "moved"},
        {"kind": "re_entry", "date": "2010-12-06"},
        {"kind": "re_entry", "date": "2011-01-12"},
        {"kind": "exit", "date": "2010-11-16", "reason": "education"},
        {"kind": "rematch", "date": "2010-12-06", "match_group": 3},
    ],
    "support-efforts": [
        {"area": "health", "kind": "psychologist", "starts_on": "2010-12-06"},
        {"area": "health", "kind": "psychologist", "starts_on": "2010-12-06", "ends_on": "2010-12-08"},
        {"area": "company", "kind": "contact", "starts_on": "2011-01-03", "coordinator": "company_consultant"},
    ],
    "mentors": [
        {"starts_on": "2010-11-15"},
        {"starts_on": "2011-01-03", "ends_on": "2011-01-30", "cvr_number": "10150817"},
        {"starts_on": "2011-02-05", "ends_on": "2011-02-06"},
    ],
    "declined-offers": [
        {"date": "2010-12-06", "type": "other_offer"},
        {"date": "2010-12-06", "type": "other_offer", "reason": "transport"},
    ],
    "outcomes": [
        {"week": "2010-W50", "status": "benefit", "benefit_code": "138"},
        {"week": "2010-W50", "status": "employed", "hours_per_week": 37},
        {"week": "2011-W01", "status": "employed"},
    ],
}
assert CONTENTS.keys() == domain.KINDS.keys()
REASONS = ("entered_in_error", "duplicate", "wrong_person")
KIND_OF_REFERENCE = {"presence-events": "presence_events"}


@dataclass(frozen=True)
class Sent:
    """A record of the model: the place of its content in ``CONTENTS``, or the reason of a retraction."""

    external_id: str
    revision: int | None
    person: str
    content: int | None
    reason: str | None
    by_cpr: bool
    faulty: bool


@st.composite
def sent_records(draw: st.DrawFn, kind: str) -> Sent:
    """Small revisions and few ids, so that records meet; one in ten is taken for malformed."""
    retracts = draw(st.integers(0, 4)) == 4
    return Sent(
        external_id=draw(st.sampled_from(IDS)),
        revision=draw(st.one_of(st.none(), st.integers(0, 4))),
        person=draw(st.sampled_from(sorted(PEOPLE))),
        content=None if retracts else draw(st.integers(0, len(CONTENTS[kind]) - 1)),
        reason=draw(st.sampled_from(REASONS)) if retracts else None,
        by_cpr=draw(st.booleans()),
        faulty=draw(st.integers(0, 9)) == 9,
    )


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, list[Sent]]:
    """A kind, and one to six records of it."""
    kind = draw(st.sampled_from(KINDS))
    return kind, draw(st.lists(sent_records(kind), min_size=1, max_size=6))


def decided(models: Mapping[tuple[str, str], Standing], kind: str, client: str, sent: Sent) -> tuple[str, str | None]:
    """Outcome and code of the model, which then knows the record. Of two codes the conflict of revisions is told."""
    if sent.faulty:
        return "rejected", "unknown_field"
    model, said = models[kind, client], (sent.external_id, sent.revision, sent.person, sent.content, sent.reason)
    too_early = (
        kind == "presence-events"
        and sent.content is not None
        and CONTENTS[kind][sent.content]["date"] < PEOPLE[sent.person][1]
    )
    outcome = (copy.deepcopy(model) if too_early else model).receive(*said)
    if outcome == "rejected":
        return outcome, "revision_conflict"
    return ("rejected", "event_order") if too_early else (outcome, None)


class Counts:
    """The kept counts of a trial beside those of a rebuild, which is taken back."""

    def __init__(self, database_url: str) -> None:
        self.runner = asyncio.Runner()
        self.url = database_url
        self.engine: AsyncEngine | None = None

    def kept_and_rebuilt(self, trial_id: str) -> tuple[Any, Any]:
        return self.runner.run(self._kept_and_rebuilt(trial_id))

    async def _kept_and_rebuilt(self, trial_id: str) -> tuple[Any, Any]:
        self.engine = self.engine or make_engine(self.url, 1)
        async with self.engine.connect() as connection:
            trial = await load_trial(connection, trial_id)
            assert trial is not None
            kept = await self._everything(connection, trial_id)
            await rebuild(connection, trial)
            rebuilt = await self._everything(connection, trial_id)
            await connection.rollback()
        return kept, rebuilt

    async def _everything(self, connection: AsyncConnection, trial_id: str) -> Any:
        """Counts by jobcentre, arm, week and measure, zeros left out; and the states of everyone's weeks."""
        rows = await connection.execute(text("select * from week_count where trial_id = :trial"), {"trial": trial_id})
        counts: dict[tuple[Any, ...], int] = {}
        for row in rows.mappings():
            key = (row["jobcentre_code"], row["arm"], row["monday"])
            numbers = {name: n for name, n in row.items() if isinstance(n, int)} | row["other"]
            counts |= {(*key, name): n for name, n in numbers.items() if n}
        states = await connection.execute(
            text("select participant_id, first_monday, week_states from participant where trial_id = :trial"),
            {"trial": trial_id},
        )
        return counts, {row[0]: tuple(row[1:]) for row in states}

    def close(self) -> None:
        if self.engine is not None:
            self.runner.run(self.engine.dispose())
        self.runner.close()


class Records(RuleBasedStateMachine):
    """One history, in a trial of its own."""

    register: Register
    counts: Counts

    def __init__(self) -> None:
        super().__init__()
        register = self.register
        self.trial = register.new_trial()
        self.cpr = {name: new_cpr() for name in PEOPLE}
        self.ids = {
            name: register.drawn(self.trial, cpr=self.cpr[name], jobcentre=jobcentre, interview_on=day)
            for name, (jobcentre, day) in PEOPLE.items()
        }
        self.names = {participant: name for name, participant in self.ids.items()}
        self.clients: dict[str, Client] = {name: register.sender(client_id=name) for name in CLIENTS}
        self.models = {(kind, client): Standing() for kind in KINDS for client in CLIENTS}
        self.first: dict[tuple[str, str, str], int] = {}
        """The order in which records were first registered, by kind, client and external id."""
        self.sent: list[tuple[str, str, Sent]] = []
        self.touched: set[str] = set()
        """The kinds sent since the last look."""

    # --- what is sent ---

    def wire(self, kind: str, sent: Sent) -> dict[str, Any]:
        record: dict[str, Any] = {"external_id": sent.external_id}
        if sent.revision is not None:
            record["revision"] = sent.revision
        if sent.content is None:
            record |= {"retracted": True, "retraction_reason": sent.reason}
        else:
            person = {"cpr": self.cpr[sent.person]} if sent.by_cpr else {"participant_id": self.ids[sent.person]}
            record |= person | CONTENTS[kind][sent.content]
        return record | ({"comment": "x"} if sent.faulty else {})

    def note(self, kind: str, client: str, sent: Sent, outcome: str) -> None:
        self.touched.add(kind)
        if outcome in ("created", "retracted", "updated"):
            self.first.setdefault((kind, client, sent.external_id), len(self.first))

    def deliver(self, kind: str, client: str, records: list[Sent], mode: str) -> None:
        """A batch to both, the register and the model: the same outcomes, and in the model what the mode keeps."""
        models = copy.deepcopy(self.models)
        expected = [decided(models, kind, client, sent) for sent in records]
        rejected = any(outcome == "rejected" for outcome, _ in expected)
        keeps = mode == "plain" or (mode == "atomic" and not rejected)
        parameters = {} if mode == "plain" else {mode: "true"}
        batch = [self.wire(kind, sent) for sent in records]
        report = self.clients[client].push(self.trial, kind, batch, report="full", **parameters)
        found = []
        for result in report["results"]:
            (code,) = {error["code"] for error in result.get("errors", [])} or {None}
            found.append((result["outcome"], code))
        assert found == expected
        assert report["committed"] == keeps
        assert report["received"] == len(records)
        kept = ("created", "updated", "retracted") if mode == "atomic" and rejected else ()
        assert sum(report["counts"].values()) == sum(outcome not in kept for outcome, _ in expected)
        self.touched.add(kind)
        if keeps:
            self.models = models
            for sent, (outcome, _) in zip(records, expected, strict=True):
                self.note(kind, client, sent, outcome)
        self.sent += [(kind, client, sent) for sent in records]

    @rule(client=st.sampled_from(CLIENTS), batch=batches())
    def push(self, client: str, batch: tuple[str, list[Sent]]) -> None:
        self.deliver(client=client, kind=batch[0], records=batch[1], mode="plain")

    @rule(client=st.sampled_from(CLIENTS), batch=batches(), mode=st.sampled_from(["atomic", "dry_run"]))
    def push_all_or_on_trial(self, client: str, batch: tuple[str, list[Sent]], mode: str) -> None:
        self.deliver(client=client, kind=batch[0], records=batch[1], mode=mode)

    @rule(data=st.data())
    def push_again_shuffled(self, data: st.DataObject) -> None:
        """What was sent before, all of a client and kind or some of it, in another order."""
        if not self.sent:
            return
        kind, client, _ = data.draw(st.sampled_from(self.sent))
        before = [sent for of, by, sent in self.sent if (of, by) == (kind, client)]
        records = data.draw(st.permutations(before))[: data.draw(st.integers(1, 12))]
        self.deliver(kind, client, list(records), "plain")

    @rule(client=st.sampled_from(CLIENTS), kind=st.sampled_from(KINDS), data=st.data())
    def put_or_delete(self, client: str, kind: str, data: st.DataObject) -> None:
        """One record: the outcome as a status."""
        sent = data.draw(sent_records(kind))
        path = f"/v1/trials/{self.trial}/{kind}/{sent.external_id}"
        known = sent.external_id in self.models[kind, client].records
        if sent.content is None:
            sent = Sent(sent.external_id, sent.revision, sent.person, None, sent.reason, False, False)
            parameters = {"retraction_reason": sent.reason} | (
                {} if sent.revision is None else {"revision": sent.revision}
            )
            response = self.clients[client].delete(path, **parameters)
        else:
            body = self.wire(kind, sent)
            del body["external_id"]
            response = self.clients[client].put(path, body)
        outcome, code = decided(self.models, kind, client, sent)
        answer = response.json()
        if outcome == "rejected":
            assert response.status_code == (422 if code == "unknown_field" else 409)
            assert [error["code"] for error in answer["errors"]] == [code]
        elif outcome == "stale":
            assert (response.status_code, answer["code"]) == (409, "stale")
        else:
            assert (response.status_code, answer["outcome"]) == (201 if outcome == "created" else 200, outcome)
            assert known == (outcome != "created") or sent.content is None
        self.note(kind, client, sent, outcome)
        self.sent.append((kind, client, sent))

    @rule(moment=st.integers(0, 3))
    def start_anew(self, moment: int) -> None:
        """In one of four cases, because it takes longer than anything else: the service stops and starts."""
        if moment == 0:
            self.register.http.__exit__(None, None, None)
            self.register.http.__enter__()

    @rule(client=st.sampled_from(CLIENTS), kind=st.sampled_from(KINDS), external_id=st.sampled_from(IDS))
    def look(self, client: str, kind: str, external_id: str) -> None:
        """A single read: the record, its retraction, or nothing."""
        response = self.clients[client].get(f"/v1/trials/{self.trial}/{kind}/{external_id}", client_id=client)
        known = self.models[kind, client].records.get(external_id)
        if known is None:
            assert response.status_code == 404
            return
        rank, _, reason = known
        shown = response.json()
        assert (-1 if shown["revision"] is None else shown["revision"]) == rank
        assert (shown["retracted"], shown["retraction_reason"]) == (reason is not None, reason)

    # --- what must hold ---

    @invariant()
    def what_is_kept_is_what_was_sent(self) -> None:
        """The lists are the model's; the kept counts are those of a rebuild."""
        if not self.touched:
            return
        for kind in sorted(self.touched):
            self.check_list(kind)
        self.touched = set()
        kept, rebuilt = self.counts.kept_and_rebuilt(self.trial)
        assert kept == rebuilt

    def check_list(self, kind: str) -> None:
        page = self.clients["one"].get(f"/v1/trials/{self.trial}/{kind}", limit=1000).json()
        assert page["next"] is None
        shown: dict[tuple[str, str], Any] = {}
        for record in page["items"]:
            key = (record["client_id"], record["external_id"])
            assert key not in shown
            assert record["retracted"] is False
            rank = -1 if record["revision"] is None else record["revision"]
            shown[key] = (rank, self.names[record["participant_id"]], record)
        expected = {
            (client, external_id): (rank, person, content)
            for client in CLIENTS
            for external_id, (rank, (person, content)) in self.models[kind, client].standing().items()
        }
        assert {key: each[:2] for key, each in shown.items()} == {key: each[:2] for key, each in expected.items()}
        for key, (_, _, content) in expected.items():
            facts = CONTENTS[kind][content]
            found = {name: shown[key][2][name] for name in facts}
            if "hours_per_week" in facts:
                facts = {**facts, "hours_per_week": float(facts["hours_per_week"])}
            assert found == facts

    def person(self, name: str) -> dict[str, Any]:
        """What stands of someone, as the reference reads it, in the order of first registration."""
        person: dict[str, Any] = {"interview_on": PEOPLE[name][1]}
        for kind in KINDS:
            records = [
                (self.first[kind, client, external_id], {**CONTENTS[kind][content], "client": client})
                for client in CLIENTS
                for external_id, (_, (of, content)) in self.models[kind, client].standing().items()
                if of == name
            ]
            in_order = [record for _, record in sorted(records, key=lambda each: each[0])]
            person[KIND_OF_REFERENCE.get(kind, kind)] = in_order
        return person

    def teardown(self) -> None:
        """Everybody's weeks, and all the lists once more."""
        for kind in KINDS:
            self.check_list(kind)
        for name, participant in self.ids.items():
            path = f"/v1/trials/{self.trial}/participants/{participant}/weeks"
            shown = self.clients["one"].get(path).json()["items"]
            expected = reference_weeks("prvij-2010-11", "2012-03-31", self.person(name), LONG_PAST)
            found = [
                {
                    "week": week["week"],
                    "number": week["number"],
                    "state": week["state"],
                    "flags": [flag for flag, value in week.items() if value is True],
                    "deviations": week["deviations"],
                }
                for week in shown
            ]
            assert found == expected


@pytest.fixture
def counts(register: Register) -> Iterator[Counts]:
    counts = Counts(register.database_url)
    yield counts
    counts.close()


@pytest.mark.parametrize(
    ("histories", "steps"),
    [(20, 12), pytest.param(MANY, 20, marks=[pytest.mark.slow, pytest.mark.timeout(120 + 5 * MANY)])],
    ids=["few", "many"],
)
def test_records_are_a_dictionary(register: Register, counts: Counts, histories: int, steps: int) -> None:
    """A failure of the few is shown as it was found, at once; the many take the time to find the shortest."""

    class History(Records):
        pass

    History.register, History.counts = register, counts
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            phases=[phase for phase in Phase if phase is not Phase.shrink or histories > 20],
            suppress_health_check=list(HealthCheck),
        ),
    )
