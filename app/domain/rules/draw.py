"""The draw: big stick with limit 3 by jobcentre, concealed by a seed and verifiable afterwards (domain 3.3)."""

import hashlib
import hmac
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
