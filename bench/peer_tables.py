"""The registry's places in PostGIS, as the two peers want them: copied from the SQLite file that was built."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from bench.generate import TYPES

# unlogged: they live as long as the run
TABLES = (
    "division (id int PRIMARY KEY, padded_code text, name text, level text, parent_id int)",
    "facility_type (id int PRIMARY KEY, key text, name text, level text)",
    "hours (id int PRIMARY KEY, text text)",
    "facility (id int, name text, division_id int, address text, lng float8, lat float8,"
    " position_precision text, phone text, hours_id int, accessible bool, visibility text)",
    "role (id int, facility_id int, type_id int, opened_on date, fee text, monthly_fee int,"
    " age_from_months int, age_to_months int, inclusive bool, registration_no text)",
    "card (facility_id int, body text)",
)
BOOLEANS = ("accessible", "inclusive")
POINT = "ST_SetSRID(ST_MakePoint(f.lng, f.lat), 4326)::geography"
# tuned, for `knn`: one narrow row a place and type and one for any (0); an index for each type, which took
# 0.8 ms where one led by the type (btree_gist) took 1.5 ms, and 7 ms with its plan prepared
TUNED = (
    f"CREATE UNLOGGED TABLE place AS SELECT 0::int AS type_id, f.id AS facility_id, {POINT} AS geog, f.lng, f.lat,"
    " f.position_precision = 'community' AS approximate FROM facility f WHERE f.lat IS NOT NULL ORDER BY f.id",
    f"INSERT INTO place SELECT r.type_id, f.id, {POINT}, f.lng, f.lat, f.position_precision = 'community'"
    " FROM facility f JOIN role r ON r.facility_id = f.id WHERE f.lat IS NOT NULL ORDER BY r.type_id, f.id",
    *(f"CREATE INDEX ON place USING gist (geog) WHERE type_id = {type_id}" for type_id in range(1 + TYPES)),
    "CREATE UNIQUE INDEX ON card (facility_id)",
)
# plain, for `plain`: the tables as one would draw them, a spatial index, keys
PLAIN = (
    "ALTER TABLE facility ADD COLUMN geog geography(Point, 4326) GENERATED ALWAYS AS ("
    "ST_SetSRID(ST_MakePoint(lng, lat), 4326)::geography) STORED",
    "CREATE INDEX ON facility USING gist (geog)",
    "ALTER TABLE facility ADD PRIMARY KEY (id)",
    "CREATE INDEX ON role (facility_id)",
)


def build(url: str, registry: Path) -> float:
    """Make and fill the tables of both peers; returns their megabytes."""
    with psycopg.connect(url, autocommit=True) as postgresql, closing(sqlite3.connect(registry)) as sqlite:
        postgresql.execute("CREATE EXTENSION postgis")
        for table in TABLES:
            postgresql.execute(f"CREATE UNLOGGED TABLE {table}")
            _copy(sqlite, postgresql, table)
        for statement in (*PLAIN, *TUNED, "VACUUM (ANALYZE, FREEZE)", "CHECKPOINT"):
            postgresql.execute(statement)
        size = postgresql.execute("SELECT pg_database_size(current_database())").fetchone()
        return size[0] / 1e6 if size else 0.0


def _copy(sqlite: sqlite3.Connection, postgresql: psycopg.Connection, table: str) -> None:
    name, _, columns = table.partition(" (")
    names = [column.split()[0] for column in columns.rstrip(")").split(", ")]
    flags = [index for index, column in enumerate(names) if column in BOOLEANS]
    into = f"COPY {name} ({', '.join(names)}) FROM STDIN"
    with postgresql.cursor() as cursor, cursor.copy(into) as copy:
        for row in sqlite.execute(f"SELECT {', '.join(names)} FROM {name}"):
            values = list(row)
            for index in flags:
                values[index] = None if row[index] is None else bool(row[index])
            copy.write_row(values)
