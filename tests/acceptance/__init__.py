"""The register from outside, through its API alone."""
