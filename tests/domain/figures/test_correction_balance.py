"""The exact tests of the balance of corrections (domain 3.4)."""

import pytest
from scipy.stats import binomtest, fisher_exact

from app.domain.figures.correction_balance import balance_p, swaps_p


@pytest.mark.parametrize(("treated", "corrected"), [(0, 5), (2, 5), (5, 5), (7, 12)])
def test_the_balance_of_requests_is_fishers(treated: int, corrected: int) -> None:
    drawn_treated, drawn = 21, 40
    table = [
        [treated, corrected - treated],
        [drawn_treated - treated, drawn - drawn_treated - corrected + treated],
    ]
    assert balance_p(treated, corrected, drawn_treated, drawn) == pytest.approx(fisher_exact(table).pvalue)


def test_swaps_are_tested_by_the_share_between_arms() -> None:
    share = 2 * 21 * 19 / (40 * 39)
    assert swaps_p(5, 5, 21, 40) == pytest.approx(binomtest(5, 5, share).pvalue)


def test_nothing_to_test() -> None:
    assert balance_p(0, 0, 20, 40) is None
    assert balance_p(1, 1, 40, 40) is None
    assert balance_p(10, 50, 20, 40) is None
    assert swaps_p(0, 0, 20, 40) is None
