"""A slow, plain reference of domain.md, written without looking at the production code. See weeks.py."""
