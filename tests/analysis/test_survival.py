"""Kaplan–Meier and log-rank against published results of reference data sets."""

import csv
from pathlib import Path

import numpy as np
import pytest
import statsmodels

from app.analysis.survival import exited_by, log_rank

MERCAPTOPURINE = ([6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
PLACEBO: tuple[list[int], list[int]] = (
    [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23],
    [],
)
"""Weeks of remission in acute leukaemia, relapsed and censored (Freireich et al. 1963; R: MASS::gehan)."""


def arrays(*arms: tuple[list[int], list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = [
        (week, relapsed, number == 0)
        for number, arm in enumerate(arms)
        for relapsed, weeks in ((True, arm[0]), (False, arm[1]))
        for week in weeks
    ]
    days, relapsed, treated = zip(*rows, strict=True)
    return np.array(days), np.array(relapsed), np.array(treated)


def test_log_rank_of_the_leukaemia_data() -> None:
    """Published: 16.79 with one degree of freedom (R: survdiff(Surv(time, cens) ~ treat, gehan))."""
    days, relapsed, treated = arrays(MERCAPTOPURINE, PLACEBO)
    result = log_rank(days, relapsed, treated, np.full(len(days), "849"))
    assert result is not None
    assert round(result.chi_squared, 2) == 16.79
    assert result.p_value == pytest.approx(4.17e-5, abs=5e-7)


def test_kaplan_meier_of_the_leukaemia_data() -> None:
    """Published (Kalbfleisch and Prentice; Cox and Oakes): S(t) of 6-MP, and Greenwood's error at 6 weeks, 0.0764."""
    days, relapsed, _ = arrays(MERCAPTOPURINE)
    at = [5, 6, 7, 10, 13, 16, 22, 23, 35]
    curve = exited_by(days, relapsed, at)
    survived = [round(1 - each.share, 3) for each in curve]
    assert survived == [1.0, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448]
    assert round(curve[1].standard_error, 4) == 0.0764


def bone_marrow() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bone marrow transplants (Klein and Moeschberger), as statsmodels ships them: days, died or relapsed, group."""
    file = Path(statsmodels.__file__).parent / "duration" / "tests" / "results" / "bmt.csv"
    rows = [row for row in csv.DictReader(file.read_text().splitlines()) if row["Group"] != "ALL"]
    groups = [row["Group"] for row in rows]
    return (
        np.array([int(row["T"]) for row in rows]),
        np.array([row["Status"] == "1" for row in rows]),
        np.array([group == groups[0] for group in groups]),
    )


@pytest.mark.parametrize(("strata", "published"), [(1, 13.44556), (5, 11.97799), (8, 12.12631)])
def test_stratified_log_rank_of_the_bone_marrow_data(strata: int, published: float) -> None:
    """Results of R's survival package, as statsmodels' own tests have them."""
    days, died, group = bone_marrow()
    result = log_rank(days, died, group, np.array([str(place % strata) for place in range(len(days))]))
    assert result is not None
    assert result.chi_squared == pytest.approx(published, abs=1e-4)
    assert result.jobcentres == strata


def test_a_jobcentre_with_an_empty_arm_says_nothing() -> None:
    days, relapsed, treated = arrays(MERCAPTOPURINE, PLACEBO)
    more = np.append(days, [3, 4]), np.append(relapsed, [True, True]), np.append(treated, [True, True])
    codes = np.append(np.full(len(days), "849"), ["860", "860"])
    assert log_rank(*more, codes) == log_rank(days, relapsed, treated, codes[:-2])


def test_nobody_left() -> None:
    nothing = np.array([], dtype=bool)
    assert log_rank(np.array([5, 6]), np.array([False, False]), np.array([True, False]), np.array(["8", "8"])) is None
    assert [each.share for each in exited_by(np.array([], dtype=int), nothing, [0, 7])] == [0, 0]
    assert [each.share for each in exited_by(np.array([5]), np.array([False]), [0, 7])] == [0, 0]


def test_exits_that_nobody_is_left_to_compare_with() -> None:
    assert log_rank(np.array([1, 9]), np.array([False, True]), np.array([True, False]), np.array(["8", "8"])) is None


def test_an_exit_on_the_day_of_the_assignment() -> None:
    curve = exited_by(np.array([0, 5, 9, 9]), np.array([True, True, False, False]), [0, 4, 5, 20])
    assert [each.share for each in curve] == pytest.approx([0.25, 0.25, 0.5, 0.5])
