"""A model of corrected numbers (domain 3.4): who has which number, and where each record belongs in the end.

It knows draws in their order, requests and decisions, and where every record was sent; of moving records it knows
nothing: their owner follows from who has which number when all is said.
"""

from dataclasses import dataclass, field


@dataclass(eq=False)
class Drawn:
    """Someone drawn; ``numbers`` are all that the person has or had."""

    participant_id: str
    jobcentre: str
    arm: str
    order: int
    number: str
    drawn_under: str
    numbers: set[str]
    duplicate_of: "Drawn | None" = None
    erased: bool = False


@dataclass(eq=False)
class Waiting:
    """A request that waits: a number with its reason, or a swap."""

    correction_id: str
    people: tuple[Drawn, ...]
    number: str | None
    reason: str | None


@dataclass(eq=False)
class Sent:
    """A record as sent: of a participant, or by a number."""

    external_id: str
    kind: str
    person: Drawn | None
    number: str | None
    day: str


@dataclass
class Model:
    """The trial as it should be."""

    people: list[Drawn] = field(default_factory=list)
    holders: dict[str, Drawn] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    records: list[Sent] = field(default_factory=list)
    closed: bool = False

    def present(self) -> list[Drawn]:
        """Everyone who is no duplicate."""
        return [each for each in self.people if each.duplicate_of is None]

    def add(self, participant_id: str, jobcentre: str, arm: str, number: str) -> None:
        drawn = Drawn(participant_id, jobcentre, arm, len(self.people), number, number, {number})
        self.people.append(drawn)
        self.holders[number] = drawn

    def is_bound(self, number: str) -> bool:
        """Whether someone drawn has or had the number."""
        return any(number in each.numbers for each in self.people)

    def is_requested(self, number: str, jobcentre: str) -> bool:
        return any(each.number == number and each.people[0].jobcentre == jobcentre for each in self.waiting)

    def request(self, correction_id: str, people: tuple[Drawn, ...], number: str | None, reason: str | None) -> None:
        """One request waits at a time on a participant."""
        self.waiting = [each for each in self.waiting if not set(each.people) & set(people)]
        self.waiting.append(Waiting(correction_id, people, number, reason))

    def is_taken(self, waiting: Waiting) -> bool:
        """Whether the number can only be refused."""
        if waiting.number is None:
            return False
        (person,) = waiting.people
        others = [each for each in self.people if waiting.number in each.numbers and each is not person]
        holder = self.holders.get(waiting.number)
        is_somebodys = holder is not None and holder is not person
        is_former = bool(others) and all(each.number != waiting.number for each in others)
        if any(each.erased for each in others) or is_former or (others and not is_somebodys):
            return True
        return self.closed and bool(others)

    def accept(self, waiting: Waiting) -> None:
        self.waiting.remove(waiting)
        if waiting.number is None:
            first, second = waiting.people
            first.number, second.number = second.number, first.number
            for each in waiting.people:
                self.holders[each.number] = each
                each.numbers.add(each.number)
            return
        (person,) = waiting.people
        if waiting.reason == "typing_error":
            del self.holders[person.number]
        other = self.holders.get(waiting.number)
        person.number = waiting.number
        person.numbers.add(waiting.number)
        if other is None or other is person:
            self.holders[waiting.number] = person
            return
        self._merge(person, other, waiting)

    def _merge(self, person: Drawn, other: Drawn, waiting: Waiting) -> None:
        """The draw made under the right number governs, else the earlier."""
        right = [each for each in (person, other) if each.drawn_under == waiting.number]
        governing = min((person, other), key=lambda each: each.order)
        if waiting.reason == "typing_error" and len(right) == 1:
            (governing,) = right
        duplicate = other if governing is person else person
        duplicate.duplicate_of = governing
        for number, holder in list(self.holders.items()):
            if holder is duplicate:
                self.holders[number] = governing
        self.holders[person.number] = governing
        self.waiting = [each for each in self.waiting if duplicate not in each.people]

    def owner(self, record: Sent) -> Drawn | None:
        """Whose the record is in the end; None while nobody has its number."""
        if record.number is not None:
            return self.holders.get(record.number)
        assert record.person is not None
        person = record.person
        while person.duplicate_of is not None and person.duplicate_of.jobcentre == person.jobcentre:
            person = person.duplicate_of
        return person
