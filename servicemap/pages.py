"""HTML that cannot be broken by what stands in it: every text is escaped, only what `tag` made is not."""

from collections.abc import Iterable, Sequence
from html import escape

VOID = ("br", "col", "meta", "line", "rect", "path")


class Html(str):
    """Markup that was made here."""

    __slots__ = ()


Child = str | int | None


def tag(name: str, *children: Child, **attributes: str | int | float | None) -> Html:
    """An element; `class_` is class, an underscore within a name a hyphen, an attribute that is None is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}/>" if name in VOID else f"<{name}{said}>{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """One after the other; None is nothing. What no page may hold (control characters) is left out."""
    return Html("".join(child if isinstance(child, Html) else _escaped(child) for child in children))


def _escaped(child: Child) -> str:
    text = "" if child is None else str(child)
    return escape("".join(char for char in text if char >= " " or char == "\n"))


def table(headings: Sequence[str], rows: Iterable[Sequence[Child]], **attributes: str) -> Html:
    """A table whose head stands again on every printed page."""
    head = tag("thead", tag("tr", *(tag("th", heading, scope="col") for heading in headings)))
    body = (tag("tr", *(cell if _is_cell(cell) else tag("td", cell) for cell in row)) for row in rows)
    return tag("table", head, tag("tbody", *body), **attributes)


def _is_cell(child: Child) -> bool:
    return isinstance(child, Html) and child.startswith("<td")


def document(title: str, style: str, *body: Child) -> str:
    """A whole page, which loads nothing from elsewhere. `style` is ours and is not escaped."""
    head = (
        tag("meta", charset="utf-8"),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        Html(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{tag('html', tag('head', *head), tag('body', *body), lang='zh-CN')}\n"
