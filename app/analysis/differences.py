"""Differences between the arms with 95 % intervals, stratified or clustered by jobcentre, and many of them at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.figures.activity_curve import Difference, Share

FloatArray = Any
"""A numpy array: one number a person."""


@dataclass(frozen=True, slots=True)
class EffectInterval:
    """95 % interval of a difference, with the p-value of no difference (null if nothing varies)."""

    low: float
    high: float
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Stratified:
    """Treatment − control within jobcentres, put together.

    The estimate weighs a jobcentre by n₁n₀/(n₁+n₀), as Mantel and Haenszel do: that is the coefficient of treatment in
    a linear regression with a constant for each jobcentre. ``stratified`` holds people for independent (HC1 variance),
    ``clustered`` lets those of a jobcentre be alike (cluster-robust, t with jobcentres − 1 degrees of freedom; None
    with one jobcentre).
    """

    estimate: float
    stratified: EffectInterval
    clustered: EffectInterval | None
    jobcentres: int


def stratified_difference(values: FloatArray, treated: FloatArray, jobcentres: FloatArray) -> Stratified | None:
    """The difference of means of 0/1 or of hours; a jobcentre with an empty arm says nothing. None if none is left."""
    import numpy as np  # noqa: PLC0415 - see the package: the memory of workers that never need it
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415 - the same

    codes = np.unique(jobcentres)
    both = [code for code in codes if len(np.unique(treated[jobcentres == code])) == 2]
    kept = np.isin(jobcentres, both)
    values, treated, jobcentres = values[kept], treated[kept], jobcentres[kept]
    if len(values) <= len(both) + 1:  # nothing is left to tell how much it varies
        return None
    constants = (jobcentres[:, None] == np.array(both)[None, :]).astype(float)
    model = OLS(values.astype(float), np.column_stack([treated.astype(float), constants]))
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing varies there is no p-value
        fitted = model.fit(cov_type="HC1")
        stratified, clustered = _interval(fitted), None
        if len(both) > 1:
            clustered = _interval(model.fit(cov_type="cluster", cov_kwds={"groups": jobcentres}, use_t=True))
    return Stratified(float(fitted.params[0]), stratified, clustered, len(both))


def _interval(fitted: Any) -> EffectInterval:
    low, high = fitted.conf_int()[0]
    return EffectInterval(float(low), float(high), finite(fitted.pvalues[0]))


def welch(one: FloatArray, other: FloatArray) -> Difference | None:
    """The difference of two means with its 95 % interval, variances not held for equal. None with fewer than two
    people in one of them."""
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW  # noqa: PLC0415 - see the package

    if min(len(one), len(other)) < 2:
        return None
    estimate = float(one.mean() - other.mean())
    if one.std() == 0 and other.std() == 0:
        return Difference(estimate, estimate, estimate)
    low, high = CompareMeans(DescrStatsW(one), DescrStatsW(other)).tconfint_diff(usevar="unequal")
    return Difference(estimate, float(low), float(high))


def exact_p_value(one: Share, other: Share) -> float | None:
    """Fisher's exact test of two shares, two-sided. None with nobody in one of them."""
    from scipy.stats import fisher_exact  # noqa: PLC0415 - see the package

    if not one.n or not other.n:
        return None
    table = [[one.count, one.n - one.count], [other.count, other.n - other.count]]
    return float(fisher_exact(table).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for that many comparisons (Holm 1979): the smallest times n, the next times n − 1 … each at
    least as large as the one before.

    Not by statsmodels' ``multipletests``: it collects garbage each time, and stops the whole process meanwhile.
    """
    adjusted = [1.0] * len(p_values)
    so_far = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = so_far
    return adjusted


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether differences vary more between jobcentres than chance would have it: Cochran's Q and its p-value, I²."""

    q: float
    degrees_of_freedom: int
    p_value: float
    i_squared: float


def heterogeneity(pairs: Sequence[tuple[Share, Share]]) -> Heterogeneity | None:
    """Of the differences of shares (treatment, control), one a jobcentre; None with fewer than two of them.

    Variances come from shares with one success and one failure added in each arm (Agresti and Caffo), since a share of
    0 has none of its own.
    """
    import numpy as np  # noqa: PLC0415 - see the package
    from scipy.stats import chi2  # noqa: PLC0415 - the same
    from statsmodels.stats.meta_analysis import combine_effects  # noqa: PLC0415 - the same

    if len(pairs) < 2:
        return None
    differences = np.array([one.count / one.n - other.count / other.n for one, other in pairs])
    variances = np.array([_variance(one) + _variance(other) for one, other in pairs])
    with np.errstate(divide="ignore"):  # its own I² where nothing varies
        q = float(combine_effects(differences, variances).q)
    degrees = len(pairs) - 1
    i_squared = max(0.0, (q - degrees) / q) if q > 0 else 0.0
    return Heterogeneity(q, degrees, float(chi2.sf(q, degrees)), i_squared)


def _variance(share: Share) -> float:
    p = (share.count + 1) / (share.n + 2)
    return p * (1 - p) / (share.n + 2)


def finite(number: float) -> float | None:
    """The number, None where there is none."""
    return float(number) if math.isfinite(number) else None
