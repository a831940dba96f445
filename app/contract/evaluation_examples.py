"""Examples of the reports that compare the arms: activity curve, flow, effects."""

from collections.abc import Mapping
from typing import Any, Final

from app.routers.reports.activity_curve import curve_csv
from app.routers.reports.consort_flow import flow_csv
from app.routers.reports.effects import effects_csv

_AS_OF = {"as_of": "2011-02-08", "watermark": "2011-02-08T06:45:03.118275Z"}


def _share(n: int, count: int) -> dict[str, Any]:
    return {"n": n, "count": count, "share": count / n}


_CURVE: Final[dict[str, Any]] = {
    **_AS_OF,
    "measure": "conversation",
    "jobcentres": ["849", "860"],
    "items": [
        {
            "weeks_since_assignment": 9,
            "analysis": "conditional",
            "treatment": _share(70, 56),
            "control": _share(80, 48),
            "difference": 0.2,
            "difference_low": 0.0523988,
            "difference_high": 0.3338709,
            "running_sum": 4.6,
        }
    ],
}
_EXITS = {"match_group_3": 4, "job": 5, "education": 1, "moved": 3, "benefit_ended": 2, "deceased": 0}
_FLOW: Final[dict[str, Any]] = {
    **_AS_OF,
    "on": "2011-02-08",
    "jobcentres": ["849"],
    "screened": 97,
    "ineligible": {"people": 6, "by_code": {"not_match_group_2": 4, "under_20": 1, "wrong_benefit": 2}},
    "eligible": {"people": 91, "waiting": 1, "withdrawn": 2, "drawn": 88},
    "arms": [
        {
            "arm": arm,
            "drawn": 44,
            "exited": {"people": 15, "by_reason": _EXITS},
            "re_entered": 4,
            "in_trial": 33,
            "complete": 0,
        }
        for arm in ("treatment", "control")
    ],
}


def _cell(people: int, count: int | None, mean: float | None = None, missing: int | None = 0) -> dict[str, Any]:
    shown = count / people if mean is None and count is not None else mean
    return {"people": people, "missing": missing, "count": count, "mean": shown, "hidden": count is None}


_EMPLOYED = {"outcome": "employment", "treatment": _cell(1490, 104), "control": _cell(1510, 106)}
_NO_DIFFERENCE = {"difference": None, "difference_low": None, "difference_high": None}
_EFFECTS: Final[dict[str, Any]] = {
    "as_of": "2012-06-01",
    "watermark": "2012-05-29T06:45:03.118275Z",
    "jobcentre": None,
    "outcomes_until": "2012-W20",
    "after_weeks": 52,
    "smallest_group": 5,
    "warnings": ["multiple_comparisons", "few_jobcentres"],
    "items": [
        {
            "weeks_since_assignment": 52,
            **_EMPLOYED,
            "difference": -0.0004,
            "difference_low": -0.0188,
            "difference_high": 0.0180,
        }
    ],
    "effects": [
        {
            "outcome": "employment",
            "difference": -0.0004,
            "stratified": {"low": -0.0187, "high": 0.0179, "p_value": 0.97},
            "clustered": {"low": -0.0201, "high": 0.0193, "p_value": 0.966},
            "jobcentres": 18,
        }
    ],
    "by_jobcentre": [
        {
            "jobcentre": "849",
            "outcome": "employment",
            "treatment": _cell(71, 6),
            "control": _cell(73, 8),
            "difference": -0.0251,
            "difference_low": -0.1272,
            "difference_high": 0.0765,
            "p_value": 0.779,
            "p_adjusted": 1.0,
        },
        {
            "jobcentre": "860",
            "outcome": "employment",
            "treatment": _cell(114, None),
            "control": _cell(116, 9),
            **_NO_DIFFERENCE,
            "p_value": None,
            "p_adjusted": None,
        },
    ],
    "heterogeneity": [
        {"outcome": "employment", "q": 14.2, "degrees_of_freedom": 17, "p_value": 0.653, "i_squared": 0.0}
    ],
    "log_rank": {"chi_squared": 0.41, "p_value": 0.522, "jobcentres": 18},
    "success": [
        {
            "criterion": "job_or_education",
            "treatment": _cell(1490, 211, missing=None),
            "control": _cell(1510, 214, missing=None),
            "difference": -0.0001,
            "difference_low": -0.0251,
            "difference_high": 0.0249,
        }
    ],
}

EVALUATION_ANSWERS: Final[Mapping[str, Mapping[int, Any]]] = {
    "getActivityCurve": {200: {"application/json": _CURVE, "text/csv": curve_csv(_CURVE["items"]).decode()}},
    "getEffects": {200: {"application/json": _EFFECTS, "text/csv": effects_csv(_EFFECTS["items"]).decode()}},
    "getFlow": {200: {"application/json": _FLOW, "text/csv": flow_csv(_FLOW).decode()}},
}
