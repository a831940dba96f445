"""A trial from before the rules of the text as mended: what migration 0008 leaves, the next start makes anew."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.domain.figures.counts import VERSION
from app.protocols import digest_of, protocols
from tests.database import check_audit_trail, query, register_faults
from tests.register import Register, record_id

_COUNTS = "select * from week_count order by jobcentre_code, arm, monday"
_STATES = "select participant_id, first_monday, week_states from participant order by participant_id"


def stored(url: str) -> Sequence[Any]:
    """The week counts and the states of weeks."""
    return query(url, _COUNTS), query(url, _STATES)


def test_the_start_after_the_migration_makes_counts_and_digests_anew(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    url = new_database()
    with Register(url, tmp_path) as register:
        trial = register.new_trial()
        people = [register.drawn(trial) for _ in range(4)]
        records = [
            {"external_id": record_id(), "participant_id": each, "date": "2010-11-16", "form": "telephone"}
            for each in people
        ]
        assert register.case_system().push(trial, "conversations", records)["counts"]["created"] == 4
    counted = stored(url)
    assert query(url, "select counts_version from trial")[0][0] == VERSION  # counted by these rules from the first
    # As an earlier version left it, after migration 0008.
    query(
        url,
        "update week_count set conversation_due = conversation_due + 1, other = '{\"state:counted\": 7}'",
        "update participant set week_states = reverse(week_states)",
        "update trial set protocol_digest = null, counts_version = 0",
        "select",
    )
    assert stored(url) != counted
    for _ in range(2):  # the second start changes nothing
        with Register(url, tmp_path) as register:
            assert register_faults(register) == []
            rows = register.client("agency").get(f"/v1/trials/{trial}/weekly-summary", week="2010-W46").json()["items"]
            assert sum(row["conversation_held"] for row in rows if "jobcentre" in row["group"]) == 4
        assert stored(url) == counted
        assert [tuple(row) for row in query(url, "select protocol_digest, counts_version from trial")] == [
            (digest_of(protocols()["prvij-2010-11"]), VERSION)
        ]
        entries = query(url, "select trial_id, details from audit_entry where action = 'trial.protocol_digest_set'")
        assert [row["trial_id"] for row in entries] == [trial]
        assert check_audit_trail(url) == []
