"""The draw (domain 3.3): arms of a jobcentre's draws 0, 1, 2 ... from the trial's seed."""

import hashlib
import hmac


def coin(seed: bytes, trial: str, jobcentre: str, position: int) -> str:
    """The first bit of HMAC-SHA256(seed, "{trial}:{jobcentre}:{p}"): 0 is treatment, 1 is control."""
    digest = hmac.new(seed, f"{trial}:{jobcentre}:{position}".encode(), hashlib.sha256).digest()
    first_bit = digest[0] // 128
    return "treatment" if first_bit == 0 else "control"


def arms(seed: bytes, trial: str, jobcentre: str, n: int) -> list[str]:
    """Big stick with limit 3: the coin, unless one arm is 3 ahead; then the other arm."""
    drawn: list[str] = []
    for position in range(n):
        ahead = drawn.count("treatment") - drawn.count("control")
        if ahead >= 3:
            drawn.append("control")
        elif ahead <= -3:
            drawn.append("treatment")
        else:
            drawn.append(coin(seed, trial, jobcentre, position))
    return drawn


def seed_commitment(seed: bytes) -> str:
    """SHA-256 of the seed, hex."""
    return hashlib.sha256(seed).hexdigest()
