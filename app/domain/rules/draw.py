"""The draw: big stick with limit 3 by jobcentre, concealed by a seed and verifiable afterwards (domain 3.3)."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Arm = Literal["treatment", "control"]
ARMS: tuple[Arm, ...] = ("treatment", "control")


def commitment(seed: bytes) -> str:
    """SHA-256 of the seed, hex: shown from the trial's creation, so that the seed cannot be changed unseen."""
    return hashlib.sha256(seed).hexdigest()


def coin(seed: bytes, trial: str, jobcentre: str, position: int) -> Arm:
    """The first bit of HMAC-SHA256(seed, "trial:jobcentre:position"): 0 is treatment, 1 is control."""
    digest = hmac.digest(seed, f"{trial}:{jobcentre}:{position}".encode(), "sha256")
    return "control" if digest[0] & 0x80 else "treatment"


def arm_of_draw(seed: bytes, trial: str, jobcentre: str, position: int, balance: int, limit: int) -> Arm:
    """The arm of draw number ``position`` (0, 1, 2 …).

    ``balance`` is treatment − control among the draws before it; ``limit`` comes from the protocol.
    """
    if balance >= limit:
        return "control"
    if balance <= -limit:
        return "treatment"
    return coin(seed, trial, jobcentre, position)


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
