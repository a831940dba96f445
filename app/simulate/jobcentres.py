"""The eighteen jobcentres (domain 7) and their parameters in the simulation."""

from typing import NamedTuple


class SimulatedJobcentre(NamedTuple):
    """A jobcentre. Shares are of the weeks due in the treatment arm, 0 to 1.

    ``conversations`` are the published shares. Nyborg's and Jammerbugt's are known, and Næstved, Faxe and Fredensborg
    are the three lowest; which of the others is whose is chosen here (domain 7 [E]). ``size`` is its part of the
    people, chosen so that the pooled share is the published 82.5 %. ``activated`` and ``workplace`` vary around 81 %
    (chosen) and 46 % (published). ``remote`` is the share of the later conversations that are not in person.
    """

    code: str
    name: str
    region: str
    size: int
    conversations: float
    activated: float
    workplace: float
    remote: float

    @property
    def external_provider_talks(self) -> bool:
        """Whether conversations held by an external provider count: in Næstved it was not possible [E]."""
        return self.code != "370"


JOBCENTRES = (
    SimulatedJobcentre("860", "Hjørring", "nord", 8, 0.87, 0.83, 0.48, 0.35),
    SimulatedJobcentre("849", "Jammerbugt", "nord", 5, 0.93, 0.88, 0.55, 0.30),
    SimulatedJobcentre("766", "Hedensted", "midtjylland", 5, 0.89, 0.84, 0.50, 0.40),
    SimulatedJobcentre("657", "Herning", "midtjylland", 9, 0.91, 0.86, 0.50, 0.35),
    SimulatedJobcentre("756", "Ikast-Brande", "midtjylland", 5, 0.86, 0.82, 0.44, 0.45),
    SimulatedJobcentre("760", "Ringkøbing-Skjern", "midtjylland", 5, 0.91, 0.89, 0.57, 0.30),
    SimulatedJobcentre("779", "Skive", "midtjylland", 5, 0.91, 0.85, 0.49, 0.35),
    SimulatedJobcentre("671", "Struer", "midtjylland", 3, 0.89, 0.86, 0.43, 0.40),
    SimulatedJobcentre("621", "Kolding", "syddanmark", 9, 0.77, 0.77, 0.43, 0.50),
    SimulatedJobcentre("450", "Nyborg", "syddanmark", 4, 0.94, 0.90, 0.52, 0.30),
    SimulatedJobcentre("479", "Svendborg", "syddanmark", 7, 0.86, 0.83, 0.47, 0.40),
    SimulatedJobcentre("580", "Aabenraa", "syddanmark", 6, 0.80, 0.78, 0.44, 0.45),
    SimulatedJobcentre("320", "Faxe", "hovedstaden_sjaelland", 4, 0.71, 0.74, 0.43, 0.50),
    SimulatedJobcentre("210", "Fredensborg", "hovedstaden_sjaelland", 5, 0.69, 0.72, 0.36, 0.55),
    SimulatedJobcentre("217", "Helsingør", "hovedstaden_sjaelland", 8, 0.74, 0.76, 0.42, 0.50),
    SimulatedJobcentre("163", "Herlev", "hovedstaden_sjaelland", 4, 0.83, 0.84, 0.45, 0.40),
    SimulatedJobcentre("350", "Lejre", "hovedstaden_sjaelland", 3, 0.80, 0.81, 0.45, 0.40),
    SimulatedJobcentre("370", "Næstved", "hovedstaden_sjaelland", 10, 0.69, 0.71, 0.36, 0.50),
)
BY_CODE = {jobcentre.code: jobcentre for jobcentre in JOBCENTRES}

ORDINARY_CONVERSATIONS, ORDINARY_ACTIVATED, ORDINARY_WORKPLACE, ORDINARY_REMOTE = 0.135, 0.46, 0.21, 0.25
"""The ordinary effort: that of the control arm, and of everyone after the course. 13.5 and 21 % are published
(domain 7)."""

WITHOUT_REVISIONS = frozenset({"350", "671"})
"""Jobcentres whose case system sends no revisions: the later arrival wins."""

NEIGHBOUR = ("370", "390")
"""Næstved's case system also serves Vordingborg, which takes no part: screenings there are ``unknown_jobcentre``."""


def jobcentres_of(code: str) -> tuple[str, ...]:
    """Return the jobcentres that the case system of ``code`` is bound to."""
    return NEIGHBOUR if code == NEIGHBOUR[0] else (code,)


def sizes(people: int) -> dict[str, int]:
    """Distribute ``people`` over the jobcentres by size, by largest remainder."""
    total = sum(jobcentre.size for jobcentre in JOBCENTRES)
    exact = {jobcentre.code: people * jobcentre.size / total for jobcentre in JOBCENTRES}
    shares = {code: int(share) for code, share in exact.items()}
    by_remainder = sorted(exact, key=lambda code: (shares[code] - exact[code], code))
    for code in by_remainder[: people - sum(shares.values())]:
        shares[code] += 1
    return shares
