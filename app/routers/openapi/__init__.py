"""The contract beside the code: what all operations share, examples, and the meaning of every code."""
