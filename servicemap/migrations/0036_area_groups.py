"""区划组: divisions that the plan wants looked at together (民族自治县), beside the others."""

STATEMENTS = (
    """CREATE TABLE area_group (
        key TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        source TEXT NOT NULL
    )""",
    """CREATE TABLE area_member (
        group_id TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        PRIMARY KEY (group_id, division_id),
        FOREIGN KEY (group_id) REFERENCES area_group (key) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX area_member_division_id ON area_member (division_id)",
)

SQLITE = ()
POSTGRESQL = ()
