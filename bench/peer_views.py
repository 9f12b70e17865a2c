"""The two peers: the same nearby question answered from PostGIS, under the same server.

Both leave out what the product adds (unplaced places behind the near ones, cursors, rounding of
approximate distances, strict parsing), in their favour. psycopg prepares every statement once.
"""

import os
from typing import Any

import psycopg
from flask import Flask, Response, request
from psycopg.rows import dict_row

SLACK = 10  # `<->` of geography orders by the sphere, up to 0.5 % off: a few more, then sorted exactly
POINT = "ST_SetSRID(ST_MakePoint(%(lng)s, %(lat)s), 4326)::geography"


def _connect(**options: Any) -> psycopg.Connection[Any]:
    url = os.environ["BENCH_POSTGRESQL_URL"]
    return psycopg.connect(url, autocommit=True, prepare_threshold=0, **options)


KNN = (
    f"(SELECT facility_id, lng, lat, approximate, geog FROM place WHERE type_id = {{}}"
    f" AND ST_DWithin(geog, {POINT}, %(radius_m)s) ORDER BY geog <-> {POINT} LIMIT %(limit)s + {SLACK})"
)
NEAREST = (
    f"SELECT s.facility_id, lng, lat, approximate, ST_Distance(geog, {POINT}) AS distance_m, body"
    " FROM ({}) s JOIN card USING (facility_id) ORDER BY distance_m, facility_id"
)


def knn() -> Flask:
    """Tuned: nearest first out of the index of each type, and the stored fragments, in one query."""
    app, database = Flask("knn", static_folder=None), _connect()
    database.prepared_max = 1000  # one for each set of types
    database.execute("SET plan_cache_mode = force_generic_plan")
    known = dict(database.execute("SELECT key, id FROM facility_type").fetchall())

    @app.get("/api/v1/facilities")
    def facilities() -> Response:
        args = request.args
        types = [known[key] for key in args.getlist("type")] or [0]
        sql = NEAREST.format(" UNION ALL ".join(map(KNN.format, types)))
        found: dict[int, str] = {}  # a place of two types counts once
        params = {name: float(args[name]) for name in ("lng", "lat", "radius_m")}
        limit = int(args["limit"])
        rows = database.execute(sql, params | {"limit": limit})
        for id_, lng, lat, approximate, distance_m, body in rows:
            found[id_] = (
                f'{{"lat":{lat:.7f},"lng":{lng:.7f},"distance_m":{distance_m:.2f},'
                f'"approximate":{"true" if approximate else "false"},{body}'
            )
        items = ",".join(list(found.values())[:limit])
        return Response(f'{{"items":[{items}],"next_cursor":null}}', mimetype="application/json")

    return app


NEAR = f"""
    SELECT f.*, h.text AS hours, f.position_precision = 'community' AS approximate,
        ST_Distance(f.geog, {POINT}) AS distance_m
    FROM facility f LEFT JOIN hours h ON h.id = f.hours_id
    WHERE ST_DWithin(f.geog, {POINT}, %(radius_m)s)
        AND (%(types)s::text[] = '{{}}' OR EXISTS (
            SELECT 1 FROM role r JOIN facility_type t ON t.id = r.type_id
            WHERE r.facility_id = f.id AND t.key = ANY(%(types)s)))
    ORDER BY distance_m, f.id LIMIT %(limit)s"""
ROLES = """
    SELECT r.*, t.key AS type, t.name AS type_name, t.level
    FROM role r JOIN facility_type t ON t.id = r.type_id WHERE r.facility_id = ANY(%s) ORDER BY r.id"""
DIVISIONS = """
    WITH RECURSIVE up AS (
        SELECT d.id AS of_id, 0 AS depth, d.* FROM division d WHERE d.id = ANY(%s)
        UNION ALL SELECT up.of_id, up.depth + 1, d.* FROM division d JOIN up ON d.id = up.parent_id
    ) SELECT of_id, padded_code AS code, name, level FROM up ORDER BY of_id, depth DESC"""


def plain() -> Flask:
    """As the tutorials have it: ST_DWithin, ORDER BY ST_Distance, rows to marshmallow, JSON."""
    from servicemap.api.schemas import FacilitiesSchema
    from servicemap.records import public_code

    app, database = Flask("plain", static_folder=None), _connect(row_factory=dict_row)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    schema = FacilitiesSchema()

    @app.get("/api/v1/facilities")
    def facilities() -> dict[str, Any]:
        args = request.args.to_dict() | {"types": request.args.getlist("type")}
        items = database.execute(NEAR, args).fetchall()
        roles = database.execute(ROLES, [[item["id"] for item in items]]).fetchall()
        steps = database.execute(DIVISIONS, [[item["division_id"] for item in items]]).fetchall()
        for item in items:
            item["code"] = public_code(item["id"])
            item["roles"] = [role | {"serves": []} for role in roles if role["facility_id"] == item["id"]]
            path = [step for step in steps if step["of_id"] == item["division_id"]]
            item["division"] = {**path[-1], "path": path}
            item |= {"suspensions": [], "titles": []}
        return schema.dump({"items": items, "next_cursor": None})

    return app
