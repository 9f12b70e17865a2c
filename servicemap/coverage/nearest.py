"""最近的服务点: how far it is from a division to the nearest site that counts.

No survey says where a village lies: the middle of its own placed places stands for it, so a division without
any has no distance. Only public places speak, of themselves and of their village.
"""

from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from servicemap import db, geo
from servicemap.coverage.tree import Tree

PRECISE = ("door", "street", "community")  # the middle of a town says nothing of a village


@dataclass(frozen=True, slots=True)
class Site:
    """A placed public place; WGS-84 degrees."""

    facility: int
    name: str
    lng: float
    lat: float


class Positions:
    """Where places stand, and so the divisions of the tree that hold them. One query, of every placed place."""

    def __init__(self, tree: Tree) -> None:
        rows = db.query(
            "SELECT id, name, lng, lat, division_id, position_precision FROM facility"
            " WHERE lat IS NOT NULL AND visibility = 'public' AND merged_into_id IS NULL"
        )
        self._sites = {row[0]: Site(*row[:4]) for row in rows}
        self._sums: dict[int, tuple[float, float, int]] = {}
        for _, _, lng, lat, division_id, precision in rows:
            node = tree.nodes.get(division_id) if precision in PRECISE else None
            while node is not None:
                x, y, n = self._sums.get(node.id, (0.0, 0.0, 0))
                self._sums[node.id] = (x + lng, y + lat, n + 1)
                node = tree.nodes.get(node.parent_id or 0)

    def middle(self, division_id: int) -> tuple[float, float] | None:
        """(lng, lat) of the middle of the places within the division; None where none is placed."""
        x, y, n = self._sums.get(division_id, (0.0, 0.0, 0))
        return (x / n, y / n) if n else None

    def sites(self, facility_ids: Iterable[int]) -> "Sites":
        """Those of these places that are placed and public."""
        return Sites(self._sites[id_] for id_ in facility_ids if id_ in self._sites)


class Sites:
    """Sites in the order of latitude: the search looks north and south until nothing nearer can come."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self.sites = sorted(sites, key=lambda site: (site.lat, site.lng, site.facility))
        self.lats = [site.lat for site in self.sites]

    def nearest(self, lng: float, lat: float) -> tuple[float, Site] | None:
        """(metres, site), of equally near ones the lower code; None without sites."""
        metres, start, best = geo.distance_from(lng, lat), bisect(self.lats, lat), None
        for way in (range(start, len(self.sites)), range(start - 1, -1, -1)):
            for number in way:
                site = self.sites[number]
                if best is not None and metres(lng, site.lat) > best[0]:
                    break
                found = (metres(site.lng, site.lat), site.facility, site)
                best = found if best is None or found[:2] < best[:2] else best
        return (best[0], best[2]) if best else None
