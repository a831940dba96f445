"""How much the slow tests try. What CI has time for is a tenth; a quiet hour sets ``RETTEVEJ_THOROUGHNESS=1``."""

import os

THOROUGHNESS = float(os.environ.get("RETTEVEJ_THOROUGHNESS", "0.1"))


def so_many(all_of_them: int) -> int:
    """The share of a number that is tried, one at least."""
    return max(1, round(all_of_them * THOROUGHNESS))
