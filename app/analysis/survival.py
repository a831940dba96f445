"""Time to the first exit to a job or education: Kaplan–Meier by arm, log-rank stratified by jobcentre."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.analysis.differences import FloatArray, finite


@dataclass(frozen=True, slots=True)
class Exited:
    """The share that has found the way out by a day, 1 − Kaplan–Meier, and its standard error (Greenwood)."""

    share: float
    standard_error: float


def exited_by(days: FloatArray, exited: FloatArray, at: Iterable[int]) -> list[Exited]:
    """The shares by some days. ``days``: to the exit, or of observation where there was none (``exited`` false)."""
    import numpy as np  # noqa: PLC0415 - see the package
    from statsmodels.duration.survfunc import SurvfuncRight  # noqa: PLC0415 - the same

    if not len(days) or not exited.any():
        return [Exited(0.0, 0.0) for _ in at]
    curve = SurvfuncRight(days, exited.astype(int))
    places = np.searchsorted(curve.surv_times, list(at), side="right") - 1
    return [
        Exited(0.0, 0.0)
        if place < 0
        else Exited(1 - float(curve.surv_prob[place]), finite(curve.surv_prob_se[place]) or 0.0)
        for place in places
    ]


@dataclass(frozen=True, slots=True)
class LogRank:
    """Log-rank test of the time to the first exit to a job or education, stratified by jobcentre."""

    chi_squared: float
    """One degree of freedom."""
    p_value: float
    jobcentres: int
    """Jobcentres with people of both arms."""


def log_rank(days: FloatArray, exited: FloatArray, treated: FloatArray, jobcentres: FloatArray) -> LogRank | None:
    """Compares the arms within each jobcentre; one with an empty arm says nothing. None: nothing can be compared."""
    import numpy as np  # noqa: PLC0415 - see the package
    from statsmodels.duration.survfunc import survdiff  # noqa: PLC0415 - the same

    both = [code for code in np.unique(jobcentres) if len(np.unique(treated[jobcentres == code])) == 2]
    kept = np.isin(jobcentres, both)
    if not (exited & kept).any():
        return None
    strata = jobcentres[kept] if len(both) > 1 else None
    try:
        chi_squared, p_value = survdiff(days[kept], exited[kept].astype(int), treated[kept].astype(int), strata=strata)
    except np.linalg.LinAlgError:  # every exit came when nobody else was left to compare with
        return None
    return LogRank(float(chi_squared), float(p_value), len(both))
