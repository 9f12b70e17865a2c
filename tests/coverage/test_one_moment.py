"""A report is of one moment, though it asks many questions: whoever changes the divisions meanwhile moves no figure."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import peewee
import psycopg
import pytest

from servicemap import db, divisions
from servicemap.coverage.measure import measure
from tests.factories import TODAY, scaled

CITY = "441800000000"
FAR = (
    100_000  # how far the numbers of the nested set are moved, again and again; nothing else of them changes
)


@contextmanager
def renumbered(url: str) -> Iterator[None]:
    """Meanwhile another thread gives all divisions other places in the nested set, each time at once."""
    done = threading.Event()

    def renumber() -> None:
        db.connect()
        try:
            while not done.is_set():
                for way in (FAR, -FAR):
                    with db.transaction():
                        db.execute("UPDATE division SET lft = lft + ?, rgt = rgt + ?", (way, way))
        finally:
            db.database.close()

    thread = threading.Thread(target=renumber)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def figures(measured: Callable[..., list]) -> list:
    root = divisions.get(CITY)
    return [(m.indicator.id, m.division.id, m.denominator) for m in measured(root, TODAY, down_to="town")]


def test_who_renumbers_the_divisions_moves_no_figure_and_without_one_moment_would(reference):
    expected = figures(measure)
    without = measure.__wrapped__  # the control: each question at its own moment
    wrong = 0
    with renumbered(reference):
        for _ in range(scaled(60, 10)):
            assert figures(measure) == expected
        for _ in range(200):
            wrong += figures(without) != expected
            if wrong:
                break

    assert wrong


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_of_a_connection_that_breaks_meanwhile_the_first_error_is_told(registry):
    @db.one_moment()
    def broken() -> None:
        [(pid,)] = db.query("SELECT pg_backend_pid()")
        with psycopg.connect(registry, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        with suppress(peewee.DatabaseError):
            db.query("SELECT 1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

    db.connect()
    assert db.query("SELECT 1") == [(1,)]
