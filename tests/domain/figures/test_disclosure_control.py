"""Small groups stay unseen, and follow from nothing that is shown."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.figures.disclosure_control import SMALLEST_GROUP, hidden_cells


def test_a_small_cell_and_one_that_would_give_it_away() -> None:
    assert hidden_cells({"a": 3, "b": 40, "c": 9}, [["a", "b", "c"]]) == {"a", "c"}
    assert hidden_cells({"a": 3, "b": 40, "c": 9}, []) == {"a"}
    assert hidden_cells({"a": 5, "b": 0}, [["a", "b"]]) == set()


def test_two_small_cells_whose_sum_is_small_are_not_enough() -> None:
    assert hidden_cells({"a": 1, "b": 2, "c": 7, "d": 8}, [["a", "b", "c", "d"]]) == {"a", "b", "c"}
    assert hidden_cells({"a": 3, "b": 2, "c": 7}, [["a", "b", "c"]]) == {"a", "b"}


def test_rows_and_columns_in_turn() -> None:
    """The second cell of a column opens its row, which hides a third, and so the fourth."""
    counts = {("x", 1): 2, ("x", 2): 30, ("y", 1): 20, ("y", 2): 25}
    rows = [[cell for cell in counts if cell[0] == name] for name in "xy"]
    columns = [[cell for cell in counts if cell[1] == number] for number in (1, 2)]
    assert hidden_cells(counts, rows + columns) == set(counts)


tables = st.dictionaries(st.tuples(st.sampled_from("uvwxyz"), st.sampled_from([1, 2])), st.integers(0, 30), min_size=1)


@given(tables)
def test_nothing_hidden_follows_from_the_rest(counts: dict[tuple[str, int], int]) -> None:
    """In every line: nothing is hidden, or two cells of five people or more together, or all but the empty ones."""
    lines = [
        [cell for cell in counts if cell[place] == value]
        for place in (0, 1)
        for value in {cell[place] for cell in counts}
    ]
    hidden = hidden_cells(counts, lines)
    assert hidden >= {cell for cell, n in counts.items() if 0 < n < SMALLEST_GROUP}
    assert all(counts[cell] for cell in hidden)
    for line in lines:
        mine = [cell for cell in line if cell in hidden]
        enough = len(mine) >= 2 and sum(counts[cell] for cell in mine) >= SMALLEST_GROUP
        assert not mine or enough or all(cell in hidden or not counts[cell] for cell in line)
