"""Facts of screenings by protocol: eligible, apart from the failure of the role."""

from datetime import date, timedelta
from random import Random

from app.simulate.model import Body

TARGET_GROUPS = (2, 3, 11)
"""Target groups of the trial of flexible conversations (numbers of the law's § 2)."""


def prvij(rng: Random, role: str, day: date) -> Body:
    """Domain 3.1."""
    supplement = role in ("supplement", "unemployed_too_long")
    body: Body = {
        "channel": "supplement" if supplement else "rematch" if role == "rematch" else "new_match",
        "at_job_interview": role != "not_at_job_interview",
        "match_group": rng.choice([1, 3]) if role == "not_match_group_2" else 2,
        "benefit": "sickness_benefit"
        if role == "wrong_benefit"
        else rng.choice(["cash_benefit"] * 11 + ["start_benefit"]),
        "circumstances": [role] if role in ("in_stu", "pregnancy_related_illness", "residential_programme") else [],
        "exempt_from": rng.choice(["none"] * 22 + ["conversations", "activation"]),
    }
    if role == "exempt_from_everything":
        body["exempt_from"] = "both"
    if supplement:
        days = rng.randrange(200, 700) if role == "unemployed_too_long" else rng.randrange(10, 171)
        body["unemployed_since"] = (day - timedelta(days=days)).isoformat()
    elif rng.random() < 0.6:
        body["unemployed_since"] = (day - timedelta(days=rng.randrange(5, 1500))).isoformat()
    return body


def sickness(rng: Random, role: str, day: date) -> Body:
    """Domain 6 [S], sickness benefit: before the first follow-up, so sick for weeks; two in three have a job."""
    body: Body = {"benefit": "cash_benefit" if role == "wrong_benefit" else "sickness_benefit"}
    body |= {"sick_since": (day - timedelta(days=rng.randrange(20, 57))).isoformat(), "has_job": rng.random() < 0.67}
    return body | _excluded(role, "after_first_follow_up")


def flexjob(rng: Random, role: str, day: date) -> Body:
    """Domain 6 [S], referred to a flex-job. People of the first intake week are within the four months."""
    days = rng.randrange(40, 115)
    if role == "unemployed_too_short":
        days = rng.randrange(3, 36)
    elif role == "unemployed_too_long":
        days = rng.randrange(130, 600)
    body: Body = {"unemployed_since": (day - timedelta(days=days)).isoformat()}
    body |= {"has_job": False} | _excluded(role)
    if role != "not_referred_to_flexjob":
        circumstances = body["circumstances"]
        assert isinstance(circumstances, list)
        body["circumstances"] = [*circumstances, "referred_to_flexjob"]
    return body


def flexible(rng: Random, role: str, day: date) -> Body:
    """Domain 6 [C]; since when someone is unemployed may be told of anyone."""
    body: Body = {"target_group": 14 if role == "wrong_target_group" else rng.choice(TARGET_GROUPS)}
    if rng.random() < 0.8:
        body["unemployed_since"] = (day - timedelta(days=rng.randrange(5, 900))).isoformat()
    return body


def _excluded(role: str, *more: str) -> Body:
    exclusions = (
        "pension_case_started",
        "terminal_illness",
        "treatment_prevents_offers",
        "pregnancy_related_illness",
        *more,
    )
    return {"circumstances": [role] if role in exclusions else []}
