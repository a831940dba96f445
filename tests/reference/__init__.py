"""A slow, plain reference of domain.md, written from the text alone, without looking at the production code.

One module a section, one function a rule, in the text's order: `presence` (4.1, 4.2), `conversations` (4.5),
`activations` (4.6), `weeks` (4.3, 4.4 and the deviations), `door` (4.8), `figures`, `contacts`, `outcomes` (5),
`evaluation` (curve and flow of 5), `eligibility` (3.1, 3.2), `draw` (3.3), `protocols` (the table of 6).
"""
