"""Exact tests of whether corrected numbers are spread over the arms as the draws are (domain 3.4)."""

from fractions import Fraction
from math import comb


def balance_p(treated: int, corrected: int, drawn_treated: int, drawn: int) -> float | None:
    """Return the two-sided p of Fisher's exact test: corrections are as likely in one arm as in the other.

    ``treated`` of ``corrected`` people are in the treatment arm, and ``drawn_treated`` of ``drawn``. Several requests
    of one person count each, so that ``corrected`` may exceed ``drawn``; then and without any there is no test.
    """
    if not 0 < corrected <= drawn or drawn_treated in (0, drawn):
        return None
    ways = [comb(drawn_treated, k) * comb(drawn - drawn_treated, corrected - k) for k in range(corrected + 1)]
    return float(Fraction(sum(way for way in ways if way <= ways[treated]), sum(ways)))


def swaps_p(between_arms: int, swaps: int, drawn_treated: int, drawn: int) -> float | None:
    """Return the two-sided exact p that swaps are between the arms as often as pairs of drawn people are."""
    if swaps == 0 or drawn < 2:
        return None
    share = Fraction(2 * drawn_treated * (drawn - drawn_treated), drawn * (drawn - 1))
    chances = [comb(swaps, k) * share**k * (1 - share) ** (swaps - k) for k in range(swaps + 1)]
    return float(sum(chance for chance in chances if chance <= chances[between_arms]))
