"""Slips of the engine that a comparison has to notice: the program as it is, but for one phrase."""

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType, ModuleType
from typing import Any

from servicemap import nones
from servicemap.coverage import covering, gaps, measure, place_share, roles, targets, tree

# what goes wrong → where, what it says there and nowhere else, what the slip says; the most glaring first
SLIPS: dict[str, tuple[ModuleType, str, str]] = {
    "closed places count": (roles, "AND (r.closed_on IS NULL OR r.closed_on > ?)", "AND COALESCE(?, '') <> ''"),
    "a place counts on the day it closes": (roles, "r.closed_on > ?", "r.closed_on >= ?"),
    "a place does not count on the day it opens": (roles, "r.opened_on <= ?", "r.opened_on < ?"),
    "what waits for review counts": (roles, "WHEN 'reported' THEN 0 WHEN 'town' THEN 1", "WHEN '' THEN 0"),
    "a place that waits for review counts": (roles, "COALESCE(v.state, 'county')", "'county'"),
    "a look that was taken back counts": (roles, "AND (l.voided_on IS NULL OR l.voided_on > ?)", "AND ? <> ''"),
    "places stand where they stand today": (roles, "w.to_on > ?) THEN", "w.to_on > ? AND 1 = 0) THEN"),
    "links of a hidden place are told": (roles, "CASE WHEN {{hidden}} THEN NULL ELSE", "CASE WHEN 1 = 0 THEN NULL ELSE"),
    "a hidden place is told": (roles, "HIDDEN if tree.public else", "'1 = 0' if tree.public else"),
    "whom a place serves is where it stands": (roles, "ELSE s.division_id END, {STOOD}", "ELSE f.division_id END, {STOOD}"),
    "what is linked is climbed": (roles, "ELSE 8 END", "ELSE 0 END"),
    "a division is there on the day it ends": (tree, "valid_to > ?", "valid_to >= ?"),
    "a division is not there on its first day": (tree, "valid_from <= ?", "valid_from < ?"),
    "virtual divisions count": (covering, " AND NOT d.virtual", ""),
    "who serves three communities covers one": (
        roles,
        "role_serves s ON s.role_id = r.id",
        "role_serves s ON s.role_id = r.id"
        " AND s.division_id = (SELECT MIN(m.division_id) FROM role_serves m WHERE m.role_id = r.id)",
    ),
    "who serves three communities is three places": (
        measure,
        "{each.facility: each for each in active_roles(tree, definition, on)}.values()",
        "active_roles(tree, definition, on)",
    ),
    "a role of any level counts": (covering, "and way.level != level", "and False"),
    "a waiting place was looked at": (roles, "WHEN 'town' THEN 1", "WHEN 'town' THEN 3"),
    "residents of a count to come": (measure, "max((day for day in dates if day <= on)", "max((day for day in dates)"),
    "a title holds on the day it expires": (measure, "expires_on > ?", "expires_on >= ?"),
    "a class is the same as another": (covering, 'f"{begins}%"', '"%"'),
    "the first plaque of a place speaks for all": (
        place_share,
        "before is None or BEST.index(is_right) < BEST.index(before[1])",
        "before is None",
    ),
    "not known is no": (place_share, "found.unknown if is_right is None else found.no", "found.no"),
    "what was said before a merger is said of the whole": (nones, "(said >= since or since == began)", "True"),
    "one that had none is enough": (nones, "if all(before) else", "if any(before) else"),
    "who goes on was not a part": (nones, "if began != since else set()", "if False else set()"),
    "a waiting place is no answer": (gaps, 'if id_ in covered["reported"] else', 'if False else'),
    "just reached is missed": (targets, "value >= bound - self.tolerance", "value > bound - self.tolerance"),
    "a part of one more is enough": (targets, "max(0, ceil(share", "max(0, int(share"),
    "a place is suspended on the day it opens again": (roles, "x.to_on > ?", "x.to_on >= ?"),
    "a link holds on its last day": (roles, "s.to_on > ?", "s.to_on >= ?"),
}  # fmt: skip


@contextmanager
def slipped(name: str) -> Iterator[None]:
    """The engine with the slip."""
    module, says, slip = SLIPS[name]
    source = inspect.getsource(module)
    assert source.count(says) == 1, name
    names = dict(vars(module))
    exec(compile(source.replace(says, slip), str(module.__file__), "exec"), names)
    with ExitStack() as stack:
        for path, (holder, attribute) in _written(module):
            then = names[path[0]] if len(path) == 1 else vars(names[path[0]])[path[1]]
            stack.callback(setattr, holder, attribute, getattr(holder, attribute))
            setattr(holder, attribute, then if isinstance(then, str) else then.__code__)
        yield


def _written(module: ModuleType) -> Iterator[tuple[tuple[str, ...], tuple[Any, str]]]:
    """Where a statement, a function or a method stands, and what holds it; of what others have imported, its code."""
    for name, value in list(vars(module).items()):
        if isinstance(value, str) and name.isupper():
            yield (name,), (module, name)
        if getattr(value, "__module__", "") != module.__name__:
            continue
        if isinstance(value, FunctionType):
            yield (name,), (value, "__code__")
        elif isinstance(value, type):
            for inner, method in list(vars(value).items()):
                if isinstance(method, FunctionType) and method.__code__.co_filename == module.__file__:
                    yield (name, inner), (method, "__code__")
