"""Public codes: one that is misread is noticed, and none is ever used twice."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from servicemap import db
from servicemap.errors import NotFoundError
from servicemap.facilities import get
from servicemap.records import allocate, check_digit, load, parse_code, public_code
from tests.conftest import bound_to
from tests.factories import a_place, scaled

SAMPLE = [random.Random(7).randrange(10**7) for _ in range(scaled(2000, 200))]
NUMBERS = scaled(500, 50)


def take_numbers(url: str, _: int) -> list[int]:
    with bound_to(url):
        taken = []
        for count in range(1, NUMBERS):
            with db.transaction():
                first = allocate("facility", count % 3 + 1)
            taken += range(first, first + count % 3 + 1)
    return taken


def take_in_thread() -> int:
    db.connect()  # each thread has a connection of its own
    try:
        with db.transaction():
            return allocate("facility", 1)
    finally:
        db.database.close()


# Codes


@pytest.mark.parametrize(
    ("digits", "check"),
    [("0794", 5), ("79462", 3), ("00200667308", 5)],  # the standard's example; two of python-stdnum's
)
def test_thecheck_digit_is_that_of_iso_7064(digits, check):
    assert check_digit(digits) == check


@pytest.mark.parametrize("facility_id", SAMPLE[:20])
def test_a_code_means_its_facility_however_it_is_typed(facility_id):
    code = public_code(facility_id)

    for text in (code, code.replace("-", ""), code.lower(), code.replace("F", "F-")):
        assert parse_code(text) == facility_id


def test_every_single_wrong_digit_is_noticed():
    for facility_id in SAMPLE:
        digits = public_code(facility_id).replace("-", "")
        for place in range(1, 9):
            for digit in set("0123456789") - {digits[place]}:
                assert parse_code(digits[:place] + digit + digits[place + 1 :]) is None


def test_nearly_every_swap_of_neighbours_is_noticed():
    swaps = missed = 0

    for facility_id in SAMPLE:
        digits = public_code(facility_id).replace("-", "")
        for place in range(1, 8):
            first, second = digits[place : place + 2]
            swaps += first != second
            swapped = digits[:place] + second + first + digits[place + 2 :]
            missed += first != second and parse_code(swapped) is not None

    assert missed / swaps < 0.03  # ISO 7064's hybrid systems miss a few; a plain digit sum misses all


@pytest.mark.parametrize("text", ["", "F", "12345", "F0012345", "F0012345-7", "X0012345-1", "F００12345-1"])
def test_what_is_no_code_is_nobody(text):
    assert parse_code(text) is None


# Numbers


def test_numbers_go_up_from_one(registry):
    with db.transaction():
        firsts = [allocate("facility", 3), allocate("facility", 1), allocate("role", 2)]

    assert firsts == [1, 4, 1]


def test_processes_that_take_numbers_at_once_never_share_one(registry, in_processes):
    taken = list(chain(*in_processes(take_numbers, registry, 3)))

    assert sorted(taken) == list(range(1, len(taken) + 1))


def test_the_first_two_who_take_a_number_wait_for_each_other(registry):
    with ThreadPoolExecutor(1) as other:
        with db.transaction():
            first = allocate("facility", 1)
            waiting = other.submit(take_in_thread)
            time.sleep(0.2)
        second = waiting.result()

    assert (first, second) == (1, 2)


def test_a_number_that_was_rolled_back_was_seen_by_nobody(registry):
    def fail() -> None:
        with db.transaction():
            allocate("facility", 3)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    place = a_place()

    assert place.code == public_code(1)


# Records


def test_a_record_is_read_back_as_it_was_written(registry):
    place = a_place(
        phone="0763-3360000",
        hours="Mo-Fr 08:30-17:30",
        accessible=False,
        external_id="Q-1",
        types=["nursery"],
        age_from_months=6,
        age_to_months=36,
        registered=60,
        taken=0,
    )

    read = get(place.code.replace("-", ""))

    assert read == place
    assert (read.accessible, read.hours, read.external_id) == (False, "Mo-Fr 08:30-17:30", "Q-1")
    assert (read.roles[0].registered, read.roles[0].offered, read.roles[0].taken) == (60, None, 0)


def test_who_is_not_there_is_not_loaded_and_not_got(registry):
    place = a_place()

    with pytest.raises(NotFoundError, match="没有编号"):
        get(public_code(99))
    assert load([place.id, 99]) == {place.id: place}
    assert load([]) == {}
