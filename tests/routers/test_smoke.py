"""The register in one breath: a trial, a screening with its draw, records, weeks, the summary."""

from tests.register import Register, record_id


def test_from_screening_to_summary(register: Register) -> None:
    trial = register.new_trial()
    participant = register.drawn(trial)
    case_system = register.case_system("849")
    talk = {"external_id": record_id(), "participant_id": participant, "date": "2010-11-16"}
    assert case_system.push(trial, "conversations", [talk])["counts"]["created"] == 1
    assert case_system.push(trial, "conversations", [talk])["counts"]["unchanged"] == 1
    weeks = case_system.get(f"/v1/trials/{trial}/participants/{participant}/weeks").json()["items"]
    assert [week["conversation_held"] for week in weeks[:3]] == [False, True, False]
    summary = case_system.get(f"/v1/trials/{trial}/weekly-summary", week="2010-W46").json()
    assert [row["conversation_held"] for row in summary["items"]] == [1]
