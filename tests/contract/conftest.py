"""Fixtures of the contract's tests."""

from tests.contract.fuzz_world import world

__all__ = ["world"]
