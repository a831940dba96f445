"""Verification of the published draws of a closed trial, from its seed (domain 3.3)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.rules.draw import Arm, arm_of_draw, commitment


def sequence(seed: bytes, trial: str, jobcentre: str, limit: int) -> Iterator[Arm]:
    """All draws of a jobcentre from the first on, endless."""
    position = balance = 0
    while True:
        arm = arm_of_draw(seed, trial, jobcentre, position, balance, limit)
        yield arm
        position += 1
        balance += 1 if arm == "treatment" else -1


@dataclass(frozen=True, slots=True)
class PublishedDraw:
    """What the API publishes of a draw and a verification needs."""

    jobcentre: str
    position: int
    arm: str


def check_draws(
    seed: bytes, seed_commitment: str, trial: str, limit: int, published: Iterable[PublishedDraw]
) -> Sequence[str]:
    """Recomputes every draw of a closed trial; one sentence a fault, none when all is as drawn.

    Found are: a seed that is not the committed one, a gap or repeat among a jobcentre's positions, another arm.
    """
    committed = commitment(seed) == seed_commitment
    faults = [] if committed else ["the seed is not the one committed to at the trial's creation"]
    by_jobcentre: dict[str, list[PublishedDraw]] = {}
    for draw in published:
        by_jobcentre.setdefault(draw.jobcentre, []).append(draw)
    for jobcentre, draws in sorted(by_jobcentre.items()):
        positions = sorted(draw.position for draw in draws)
        if positions != list(range(len(draws))):
            faults.append(f"jobcentre {jobcentre}: the positions are not 0 to {len(draws) - 1} without gap or repeat")
            continue
        expected = sequence(seed, trial, jobcentre, limit)
        for draw in sorted(draws, key=lambda each: each.position):
            arm = next(expected)
            if draw.arm != arm:
                which = f"jobcentre {jobcentre}, draw {draw.position}"
                faults.append(f"{which}: published {draw.arm}, the seed gives {arm}")
    return faults
