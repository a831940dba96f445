"""Tests of the simulation: the plan alone, and the player against a fake server."""
