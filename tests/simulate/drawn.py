"""A population with arms by a coin of the test's own, so that plans can be looked at without a server."""

from functools import cache
from random import Random

from app.simulate.behaviour import make_plan
from app.simulate.model import Enrolled, Plan, Population
from app.simulate.population import make_population


def draw(population: Population, seed: int = 1) -> list[Enrolled]:
    """Everyone who is screened eligible, each once, candidates included."""
    enrolled: dict[int, Enrolled] = {}
    for screening in population.screenings:
        person = screening.person
        if screening.failures or screening.withdrawal or person.index in enrolled:
            continue
        arm = Random(f"{seed}/{person.index}").choice(["treatment", "control"])
        enrolled[person.index] = Enrolled(person, f"p-{person.index}", screening.sender, arm, screening.interview_on)
    return list(enrolled.values())


@cache
def planned(people: int, seed: int = 1) -> tuple[list[Enrolled], Plan]:
    """A drawn population and its plan."""
    population = make_population(people, seed)
    enrolled = draw(population)
    return enrolled, make_plan(seed, enrolled, population)
