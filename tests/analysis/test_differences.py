"""Differences and tests against published results of reference data sets, and against formulas written out by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from app.analysis.differences import (
    EffectInterval,
    Stratified,
    exact_p_value,
    heterogeneity,
    holm,
    stratified_difference,
    welch,
)
from app.domain.figures.activity_curve import Share

Table = tuple[int, int, int, int]
"""With the outcome and all of them, treatment, then control."""
UGDP: Sequence[Table] = ((8, 106, 5, 120), (22, 98, 16, 85))
"""Deaths in the University Group Diabetes Program by age (under 55, 55 and older), tolbutamide against placebo: the
standard example of pooling risk differences (Rothman, Epidemiology: An Introduction)."""


def people(tables: Sequence[Table]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Everyone's outcome, arm and stratum."""
    rows = [
        (float(number < count), treated, stratum)
        for stratum, (a, n, b, m) in enumerate(tables)
        for treated, count, size in ((True, a, n), (False, b, m))
        for number in range(size)
    ]
    outcome, treated, stratum = zip(*rows, strict=True)
    return np.array(outcome), np.array(treated), np.array([f"{each:03d}" for each in stratum])


def mantel_haenszel(tables: Sequence[Table]) -> tuple[float, float]:
    """The risk difference of Mantel and Haenszel, and its variance by Greenland and Robins (1985), written out."""
    weights = [n * m / (n + m) for _, n, _, m in tables]
    estimate = sum(w * (a / n - b / m) for w, (a, n, b, m) in zip(weights, tables, strict=True)) / sum(weights)
    terms = [(a * (n - a) * m**3 + b * (m - b) * n**3) / (n * m * (n + m) ** 2) for a, n, b, m in tables]
    return estimate, sum(terms) / sum(weights) ** 2


def found(tables: Sequence[Table]) -> Stratified:
    result = stratified_difference(*people(tables))
    assert result is not None
    return result


def standard_error(interval: EffectInterval) -> float:
    return (interval.high - interval.low) / (2 * 1.959964)


def test_the_published_risk_difference_of_the_ugdp() -> None:
    """Pooled 0.035 (Rothman), the variance that of Greenland and Robins."""
    result = found(UGDP)
    assert round(result.estimate, 3) == 0.035
    estimate, variance = mantel_haenszel(UGDP)
    assert result.estimate == pytest.approx(estimate)
    assert standard_error(result.stratified) == pytest.approx(variance**0.5, rel=0.02)
    assert result.jobcentres == 2


tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)).map(
    lambda four: (four[0], four[0] + four[1] + 1, four[2], four[2] + four[3] + 1)
)


@settings(deadline=None)
@given(st.lists(tables, min_size=1, max_size=8))
def test_the_estimate_is_that_of_mantel_and_haenszel(several: list[Table]) -> None:
    result = stratified_difference(*people(several))
    if result is None:
        assert sum(n + m for _, n, _, m in several) <= len(several) + 1
        return
    assert result.estimate == pytest.approx(mantel_haenszel(several)[0], abs=1e-9)
    assert result.stratified.low <= result.estimate + 1e-9
    assert result.estimate <= result.stratified.high + 1e-9
    assert (result.clustered is None) == (len(several) == 1)


def test_a_jobcentre_with_an_empty_arm_says_nothing() -> None:
    assert found([*UGDP, (0, 0, 30, 70), (7, 9, 0, 0)]) == found(UGDP)
    assert stratified_difference(*people([(3, 7, 0, 0)])) is None


def test_clustered_intervals_by_the_formula() -> None:
    """Sandwich over jobcentres of treatment less its mean in the jobcentre; G/(G−1)·(N−1)/(N−K); t with G − 1 degrees
    of freedom."""
    several = [*UGDP, (10, 40, 4, 50), (3, 20, 6, 30)]
    y, treated, stratum = people(several)
    x, residual = treated.astype(float), y.copy()
    for code in np.unique(stratum):
        here = stratum == code
        x[here] -= x[here].mean()
        residual[here] -= residual[here].mean()
    slope = (x @ residual) / (x @ x)
    residual -= slope * x
    scores = [float((x * residual)[stratum == code].sum()) for code in np.unique(stratum)]
    groups, n, k = len(several), len(y), len(several) + 1
    variance = sum(score**2 for score in scores) / (x @ x) ** 2 * groups / (groups - 1) * (n - 1) / (n - k)
    clustered = found(several).clustered
    assert clustered is not None
    t = 3.182446305
    assert clustered.high - clustered.low == pytest.approx(2 * t * variance**0.5, rel=1e-6)


def test_nothing_varies() -> None:
    result = found([(0, 10, 0, 10), (0, 12, 0, 9)])
    assert (result.estimate, result.stratified.low, result.stratified.high) == pytest.approx((0, 0, 0))
    assert result.stratified.p_value is None or 0 <= result.stratified.p_value <= 1


def test_welch_of_students_sleep_data() -> None:
    """R, ?t.test: extra ~ group of `sleep`, 95 % interval −3.3654832 to 0.2054832."""
    one = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    other = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    result = welch(one, other)
    assert result is not None
    assert (result.estimate, result.low, result.high) == pytest.approx((-1.58, -3.3654832, 0.2054832), abs=1e-7)


def test_welch_of_too_few_or_of_no_variation() -> None:
    assert welch(np.array([1.0]), np.array([1.0, 2.0])) is None
    same = welch(np.zeros(3), np.zeros(4))
    assert same is not None
    assert (same.estimate, same.low, same.high) == (0, 0, 0)


def test_fishers_tea() -> None:
    """R, ?fisher.test: TeaTasting, one-sided p = 0.2429; two-sided 0.4857."""
    p = exact_p_value(Share(4, 3), Share(4, 1))
    assert p is not None
    assert round(p, 4) == 0.4857
    assert exact_p_value(Share(0, 0), Share(4, 1)) is None


def test_holm_by_hand() -> None:
    """Holm (1979): the smallest times 3, the next times 2, never below the one before."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@pytest.mark.slow  # for what it imports
@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_heterogeneity_by_hand() -> None:
    """Cochran's Q: the weighted squares of the differences from their weighted mean; 0 where all are alike."""
    alike = heterogeneity([(Share(50, 10), Share(50, 5))] * 3)
    assert alike is not None
    assert (round(alike.q, 9), alike.degrees_of_freedom, round(alike.p_value, 9), alike.i_squared) == (0, 2, 1, 0)
    pairs = [(Share(98, 30), Share(98, 10)), (Share(98, 10), Share(98, 30))]
    apart = heterogeneity(pairs)
    assert apart is not None
    variance = (31 / 100 * 69 / 100 + 11 / 100 * 89 / 100) / 100
    assert apart.q == pytest.approx(2 * (20 / 98) ** 2 / variance)
    assert apart.p_value < 0.001
    assert apart.i_squared == pytest.approx(1 - 1 / apart.q)
    assert heterogeneity(pairs[:1]) is None
