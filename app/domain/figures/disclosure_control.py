"""Small groups stay unseen: which cells of a table must not be shown, those that give others away included.

A cell that counts 1 to ``SMALLEST_GROUP`` − 1 people could tell of a single one: it is hidden. Where a row's or
column's total is known, a single hidden cell would follow from the others, and so would a hidden handful; further cells
are hidden until that is no longer so.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

SMALLEST_GROUP = 5
"""People that a shown cell counts at least, if any [choice]: the usual limit in Danish statistics on persons."""

Cell = TypeVar("Cell", bound=Hashable)


def hidden_cells(counts: Mapping[Cell, int], lines: Sequence[Collection[Cell]]) -> set[Cell]:
    """The cells to hide. ``lines`` are sets of cells whose sum is known to the reader.

    In every line either nothing is hidden, or at least two cells that count ``SMALLEST_GROUP`` people or more together;
    or all of it but empty cells.
    """
    hidden = {cell for cell, n in counts.items() if 0 < n < SMALLEST_GROUP}
    changed = bool(hidden)
    while changed:
        changed = False
        for line in lines:
            mine = [cell for cell in line if cell in hidden]
            open_cells = [cell for cell in line if cell not in hidden and counts[cell]]
            given_away = mine and (len(mine) == 1 or sum(counts[cell] for cell in mine) < SMALLEST_GROUP)
            if given_away and open_cells:
                hidden.add(min(open_cells, key=lambda cell: (counts[cell], repr(cell))))
                changed = True
    return hidden
