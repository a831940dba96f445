"""Statistics of the effect analysis (domain 5, [E]): statsmodels and scipy on what ``app.domain.outcomes`` says.

The libraries are imported inside the functions that use them: they take 2 s and 150 MB, which a worker that is never
asked for effects does without.
"""
