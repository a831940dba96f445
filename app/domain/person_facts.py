"""Sex, date of birth and age band of a person, as the CPR number has them (domain 5, 7)."""

from datetime import date
from typing import Literal

from app.domain.rules.calendar import age_on

Sex = Literal["female", "male"]
AgeBand = Literal["under_20", "20_29", "30_39", "40_49", "50_and_over"]
_SYNTHETIC = 60
"""Synthetic people have this much added to the day."""
_LAST_TWO_OF_2000S = {"4": 36, "5": 57, "6": 57, "7": 57, "8": 57, "9": 36}
"""By the seventh digit the highest two-digit year that is of the 2000s."""


def sex_of(number: str) -> Sex:
    """Return the sex by the last digit of a CPR number: even is female."""
    return "male" if int(number[-1]) % 2 else "female"


def birth_date_of(number: str) -> date:
    """Return the birth date in a valid CPR number of ten digits; the seventh and the year give the century."""
    day, month, year, seventh = int(number[:2]), int(number[2:4]), int(number[4:6]), number[6]
    if seventh in "5678" and year > _LAST_TWO_OF_2000S[seventh]:
        century = 1800
    else:
        century = 2000 if year <= _LAST_TWO_OF_2000S.get(seventh, -1) else 1900
    return date(century + year, month, day - _SYNTHETIC if day > _SYNTHETIC else day)


def age_band_of(born_on: date, day: date) -> AgeBand:
    """Return the band of the age on a day, as the baseline has them."""
    age = age_on(born_on, day)
    if age < 20:
        return "under_20"
    return "20_29" if age < 30 else "30_39" if age < 40 else "40_49" if age < 50 else "50_and_over"
