"""A report is of one moment, though it asks many questions: whoever changes the divisions meanwhile moves no figure."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
