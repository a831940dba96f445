"""How the rules run: a wheel has them compiled, a checkout runs the same files interpreted (docs/decisions/0005)."""

from typing import Literal

Execution = Literal["compiled", "interpreted"]


def execution() -> Execution:
    """Return how this process runs the rules."""
    return "interpreted" if __file__.endswith(".py") else "compiled"
