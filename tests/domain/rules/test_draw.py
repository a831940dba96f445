"""The draw (domain 3.3): big stick with limit 3, exactly; and the verification of what was published."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.draw_verification import PublishedDraw, check_draws, sequence
from app.domain.rules.draw import ARMS, Arm, arm_of_draw, coin, commitment
from tests.reference import draw as reference

SEEDS = st.binary(min_size=32, max_size=32)
TRIALS = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)
JOBCENTRES = st.from_regex(r"[0-9]{3}", fullmatch=True)
SEED = bytes(range(32))
LIMIT = 3
PATIENT = settings(deadline=None)


def big_stick(coins: Sequence[Arm]) -> list[Arm]:
    """Domain 3.3 once more, in its own words: the coin, unless one arm is 3 ahead; then the other arm."""
    drawn: list[Arm] = []
    for fair in coins:
        treatment, control = drawn.count("treatment"), drawn.count("control")
        if treatment - control >= 3:
            drawn.append("control")
        elif control - treatment >= 3:
            drawn.append("treatment")
        else:
            drawn.append(fair)
    return drawn


# --- the coin -------------------------------------------------------------------------------------------------------


@PATIENT
@given(SEEDS, TRIALS, JOBCENTRES, st.integers(0, 10_000))
def test_the_coin_is_the_first_bit_of_the_hmac(seed: bytes, trial: str, jobcentre: str, position: int) -> None:
    """Domain 3.3."""
    key = seed.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + f"{trial}:{jobcentre}:{position}".encode()).digest()
    digest = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()
    assert coin(seed, trial, jobcentre, position) == ("treatment" if digest[0] < 128 else "control")


def test_trial_jobcentre_and_position_each_make_a_coin_of_their_own() -> None:
    """Domain 3.3: no jobcentre's draws tell anything of another's."""
    tosses = {
        (trial, jobcentre): tuple(coin(SEED, trial, jobcentre, p) for p in range(128))
        for trial in ("prvij", "pilot")
        for jobcentre in ("849", "860")
    }
    assert len(set(tosses.values())) == len(tosses)
    for toss in tosses.values():
        assert 40 < Counter(toss)["treatment"] < 88


@PATIENT
@given(SEEDS)
def test_the_commitment_is_the_sha256_of_the_seed(seed: bytes) -> None:
    """Domain 3.3: hex."""
    assert commitment(seed) == hashlib.sha256(seed).hexdigest()


# --- the big stick --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("balance", range(-6, 7))
def test_one_arm_three_ahead_decides_and_nothing_less(balance: int) -> None:
    """Domain 3.3: at 3 the other arm, whatever the coin says; below it the coin."""
    arms = [arm_of_draw(SEED, "t", "849", position, balance, LIMIT) for position in range(64)]
    if balance >= 3:
        assert set(arms) == {"control"}
    elif balance <= -3:
        assert set(arms) == {"treatment"}
    else:
        assert arms == [coin(SEED, "t", "849", position) for position in range(64)]


def test_every_run_of_ten_coins_exactly() -> None:
    """Domain 3.3: all 1,024 of them against the rule said once more; both arms equally likely at every position."""
    length = 10
    seeds = {
        tuple(coin(seed, "t", "849", position) for position in range(length)): seed
        for seed in (number.to_bytes(32) for number in range(12_000))
    }
    assert len(seeds) == 2**length
    treated = Counter[int]()
    for coins, seed in seeds.items():
        arms = list(islice(sequence(seed, "t", "849", LIMIT), length))
        assert arms == big_stick(coins)
        treated.update(position for position, arm in enumerate(arms) if arm == "treatment")
    assert set(treated.values()) == {2**length // 2}
    assert treated.keys() == set(range(length))


@PATIENT
@given(SEEDS, TRIALS, JOBCENTRES)
def test_the_balance_is_never_beyond_three(seed: bytes, trial: str, jobcentre: str) -> None:
    """Domain 3.3, for any seed; and the draws are those of the plain reference."""
    arms = list(islice(sequence(seed, trial, jobcentre, LIMIT), 200))
    assert arms == reference.arms(seed, trial, jobcentre, 200)
    balance = 0
    for arm in arms:
        balance += 1 if arm == "treatment" else -1
        assert -3 <= balance <= 3


def test_the_next_arm_is_guessed_in_seven_cases_of_twelve() -> None:
    """Domain 3.3: .58, by whoever knows all draws before and names the arm that is behind; permuted blocks give ⅔."""
    coins: dict[Arm, int] = {
        arm: next(p for p in range(100) if coin(SEED, "t", "849", p) == arm) for arm in ARMS
    }  # a position for each side of the coin

    def steps(balance: int) -> Counter[int]:
        arms = [arm_of_draw(SEED, "t", "849", position, balance, LIMIT) for position in coins.values()]
        return Counter(balance + (1 if arm == "treatment" else -1) for arm in arms)

    stationary = {balance: Fraction(1, 12 if abs(balance) == 3 else 6) for balance in range(-3, 4)}
    after = dict.fromkeys(stationary, Fraction(0))
    right = Fraction(0)
    for balance, share in stationary.items():
        for following, ways in steps(balance).items():
            after[following] += share * ways / 2
        behind = balance - 1 if balance > 0 else balance + 1
        right += share * steps(balance)[behind] / 2
    assert after == stationary
    assert right == Fraction(7, 12)


# --- the verification -----------------------------------------------------------------------------------------------


def truth(seed: bytes, lengths: dict[str, int]) -> list[PublishedDraw]:
    return [
        PublishedDraw(jobcentre, position, arm)
        for jobcentre, length in lengths.items()
        for position, arm in enumerate(reference.arms(seed, "t", jobcentre, length))
    ]


def faults(seed: bytes, published: Sequence[PublishedDraw], committed: bytes | None = None) -> Sequence[str]:
    return check_draws(seed, commitment(committed or seed), "t", LIMIT, published)


LENGTHS = st.dictionaries(st.sampled_from(["849", "860", "450"]), st.integers(1, 25), min_size=1)


@PATIENT
@given(SEEDS, LENGTHS, st.randoms())
def test_draws_as_drawn_have_no_fault_in_any_order(seed: bytes, lengths: dict[str, int], chance: Random) -> None:
    """Domain 3.3: anyone can recompute every draw from the published list."""
    published = truth(seed, lengths)
    chance.shuffle(published)
    assert faults(seed, published) == []


def test_no_draws_have_no_fault() -> None:
    """Domain 3.3."""
    assert faults(SEED, []) == []


@PATIENT
@given(SEEDS, SEEDS, LENGTHS)
def test_another_seed_is_found(seed: bytes, committed: bytes, lengths: dict[str, int]) -> None:
    """Domain 3.3: the seed shown at the end is the one committed to at the beginning."""
    assert bool(faults(seed, truth(seed, lengths), committed)) == (seed != committed)


@PATIENT
@given(SEEDS, LENGTHS, st.data())
def test_a_changed_arm_is_found_and_named(seed: bytes, lengths: dict[str, int], data: st.DataObject) -> None:
    """Domain 3.3."""
    published = truth(seed, lengths)
    place = data.draw(st.integers(0, len(published) - 1))
    draw = published[place]
    other = data.draw(st.sampled_from(["treatment", "control", "Treatment", ""]).filter(lambda arm: arm != draw.arm))
    published[place] = PublishedDraw(draw.jobcentre, draw.position, other)
    (fault,) = faults(seed, published)
    assert f"jobcentre {draw.jobcentre}, draw {draw.position}:" in fault


@PATIENT
@given(SEEDS, st.integers(2, 25), st.data())
def test_a_missing_draw_is_found(seed: bytes, length: int, data: st.DataObject) -> None:
    """Domain 3.3: no gaps; only a list cut off at its end looks like one that ended there."""
    published = truth(seed, {"849": length, "860": 3})
    del published[data.draw(st.integers(0, length - 2))]
    (fault,) = faults(seed, published)
    assert "jobcentre 849" in fault


@PATIENT
@given(SEEDS, LENGTHS, st.data())
def test_a_repeated_draw_is_found(seed: bytes, lengths: dict[str, int], data: st.DataObject) -> None:
    """Domain 3.3: no repeats."""
    published = truth(seed, lengths)
    published.append(data.draw(st.sampled_from(published)))
    assert faults(seed, published)


@PATIENT
@given(SEEDS, st.data())
def test_whatever_is_published_the_faults_are_those_of_the_rule(seed: bytes, data: st.DataObject) -> None:
    """Domain 3.3: none exactly when every jobcentre's list is the beginning of what the seed gives."""
    draws = st.builds(
        PublishedDraw, st.sampled_from(["849", "860"]), st.integers(-1, 6), st.sampled_from(["treatment", "control"])
    )
    published = truth(seed, {"849": data.draw(st.integers(0, 5)), "860": data.draw(st.integers(0, 5))})
    for _ in range(data.draw(st.integers(0, 3))):
        change = data.draw(st.sampled_from(["add", "drop", "replace"]))
        place = data.draw(st.integers(0, max(len(published) - 1, 0)))
        if change == "add" or not published:
            published.append(data.draw(draws))
        elif change == "drop":
            del published[place]
        else:
            published[place] = data.draw(draws)
    listed = {code: sorted((d.position, d.arm) for d in published if d.jobcentre == code) for code in ("849", "860")}
    as_drawn = all(
        list(enumerate(reference.arms(seed, "t", code, len(found)))) == found for code, found in listed.items()
    )
    assert (faults(seed, published) == []) == as_drawn


def test_the_verification_holds_for_one_trial_and_one_limit() -> None:
    """Domain 3.3: draws of another trial, or by another limit, are not these."""
    published = truth(SEED, {"849": 60})
    assert check_draws(SEED, commitment(SEED), "another", LIMIT, published)
    assert check_draws(SEED, commitment(SEED), "t", 2, published)
