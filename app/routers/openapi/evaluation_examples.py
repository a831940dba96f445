"""Examples of the reports that compare the arms: activity curve, flow, effects."""

from collections.abc import Mapping
from typing import Any, Final

from app.routers.curve import curve_csv
from app.routers.flow import flow_csv

_AS_OF = {"as_of": "2011-02-08", "watermark": "2011-02-08T06:45:03.118275Z"}


def _share(n: int, count: int) -> dict[str, Any]:
    return {"n": n, "count": count, "share": count / n}


_CURVE: Final[dict[str, Any]] = {
    **_AS_OF,
    "measure": "conversation",
    "jobcentre": None,
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
    "jobcentre": "849",
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

EVALUATION_ANSWERS: Final[Mapping[str, Mapping[int, Any]]] = {
    "getActivityCurve": {200: {"application/json": _CURVE, "text/csv": curve_csv(_CURVE["items"]).decode()}},
    "getFlow": {200: {"application/json": _FLOW, "text/csv": flow_csv(_FLOW).decode()}},
}
