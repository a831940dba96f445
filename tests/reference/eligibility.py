"""Eligibility (domain 3.1 and 6), without `not_available`, which needs the other screenings.

A screening is the body of `POST .../participants`; a trial that of `POST /v1/trials`, whose dates may be left out where
the protocol has them.
"""

import math
from datetime import date, timedelta
from typing import Any

from tests.reference.days import day, monday_of
from tests.reference.protocols import PROTOCOLS


def last_day_of_month(year: int, month: int) -> int:
    """28 to 31."""
    first_of_next = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)
    return (first_of_next - timedelta(days=1)).day


def add_months(start: date, months: int) -> date:
    """The same day of the month, months later; clamped to the month's last day (domain 3.1)."""
    year, month = start.year, start.month
    for _ in range(months):
        month += 1
        if month == 13:
            year, month = year + 1, 1
    return date(year, month, min(start.day, last_day_of_month(year, month)))


def weekly_target(jobcentre: dict[str, Any], intake_from: date | str, intake_to: date | str) -> int:
    """Given, or ceil(2 x agreed treatment participants / ISO weeks touched by the intake period) (domain 3.2)."""
    if jobcentre.get("weekly_target") is not None:
        return int(jobcentre["weekly_target"])
    touched = 0
    monday = monday_of(day(intake_from))
    while monday <= day(intake_to):
        touched += 1
        monday += timedelta(days=7)
    return math.ceil(2 * int(jobcentre["agreed_participants"]) / touched)


def birth_date(cpr: str) -> date:
    """DDMMYYSSSS; the 7th digit and the year give the century; a synthetic person has day + 60 (domain 7)."""
    days, month, year, seventh = int(cpr[0:2]), int(cpr[2:4]), int(cpr[4:6]), int(cpr[6])
    if days > 60:
        days -= 60
    if seventh <= 3:
        century = 1900
    elif seventh in (4, 9):
        century = 2000 if year <= 36 else 1900
    else:
        century = 2000 if year <= 57 else 1800
    return date(century + year, month, days)


def intake_period(protocol_id: str, trial: dict[str, Any]) -> tuple[date, date]:
    """The trial's, or the protocol's."""
    protocol = PROTOCOLS[protocol_id]
    first = trial.get("intake_from") or protocol["intake_from"]
    last = trial.get("intake_to") or protocol["intake_to"]
    return day(first), day(last)


def prvij_failures(screening: dict[str, Any], interview_on: date, circumstances: list[str]) -> list[str]:
    """Domain 3.1, the rules on the person."""
    codes: list[str] = []
    if screening["match_group"] != 2:
        codes.append("not_match_group_2")
    if not screening["at_job_interview"]:
        codes.append("not_at_job_interview")
    if screening["benefit"] not in ("cash_benefit", "start_benefit"):
        codes.append("wrong_benefit")
    if add_months(birth_date(screening["cpr"]), 20 * 12) > interview_on:
        codes.append("under_20")
    for circumstance in ("in_stu", "pregnancy_related_illness", "residential_programme"):
        if circumstance in circumstances:
            codes.append(circumstance)
    if screening["exempt_from"] == "both":
        codes.append("exempt_from_everything")
    if screening["channel"] == "supplement" and add_months(day(screening["unemployed_since"]), 6) < interview_on:
        codes.append("unemployed_too_long")
    return codes


def aht_failures(
    protocol_id: str, screening: dict[str, Any], interview_on: date, circumstances: list[str], intake_from: date
) -> list[str]:
    """Domain 6, [S]: sickness benefit before the first follow-up, or flex-job and more than 5 weeks unemployed (at the
    trial's start at most 4 months); the exclusions are the same for both."""
    codes: list[str] = []
    if protocol_id == "aht-2008-sickness":
        if screening["benefit"] != "sickness_benefit":
            codes.append("wrong_benefit")
        if "after_first_follow_up" in circumstances:
            codes.append("after_first_follow_up")
    else:
        if "referred_to_flexjob" not in circumstances:
            codes.append("not_referred_to_flexjob")
        unemployed_since = day(screening["unemployed_since"])
        if unemployed_since + timedelta(days=35) >= interview_on:
            codes.append("unemployed_too_short")
        if add_months(unemployed_since, 4) < intake_from:
            codes.append("unemployed_too_long")
    for exclusion in (
        "pension_case_started",
        "terminal_illness",
        "treatment_prevents_offers",
        "pregnancy_related_illness",
    ):
        if exclusion in circumstances:
            codes.append(exclusion)
    return codes


def target_groups_of(trial: dict[str, Any], code: str) -> list[int]:
    """Domain 6 [C]: the jobcentre's own target groups, and where it names none, the trial's."""
    for jobcentre in trial["jobcentres"]:
        if jobcentre["code"] == code and jobcentre.get("target_groups"):
            return list(jobcentre["target_groups"])
    return list(trial.get("target_groups") or [])


def failures(protocol_id: str, trial: dict[str, Any], screening: dict[str, Any]) -> list[str]:
    """Every failing rule, sorted. A channel that the protocol does not know is a malformed body, not a failure."""
    interview_on = day(screening["interview_on"])
    circumstances: list[str] = screening.get("circumstances") or []
    first, last = intake_period(protocol_id, trial)
    if protocol_id.startswith("prvij-"):
        if screening["channel"] not in PROTOCOLS[protocol_id]["channels"]:
            raise ValueError("channel")
        codes = prvij_failures(screening, interview_on, circumstances)
    elif protocol_id.startswith("aht-"):
        codes = aht_failures(protocol_id, screening, interview_on, circumstances, first)
    else:
        picked = target_groups_of(trial, screening["jobcentre"])
        codes = [] if screening["target_group"] in picked else ["wrong_target_group"]
    if interview_on < first or interview_on > last:
        codes.append("outside_intake_period")
    if screening["jobcentre"] not in [j["code"] for j in trial["jobcentres"]]:
        codes.append("unknown_jobcentre")
    return sorted(codes)
