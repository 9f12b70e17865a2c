"""What indicators count of a role beside its places: doctors, beds, a play area."""

STATEMENTS = (
    """CREATE TABLE count_kind (
        key TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        name_en TEXT NOT NULL,
        unit TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX count_kind_name ON count_kind (name)",
    """CREATE TABLE role_count (
        role_id INTEGER NOT NULL,
        kind_id TEXT NOT NULL,
        from_on DATE NOT NULL,
        number INTEGER NOT NULL CHECK (number >= 0),
        source TEXT,
        PRIMARY KEY (role_id, kind_id, from_on),
        FOREIGN KEY (role_id) REFERENCES role (id) ON DELETE RESTRICT,
        FOREIGN KEY (kind_id) REFERENCES count_kind (key) ON DELETE RESTRICT
    )""",
    "CREATE INDEX role_count_kind_id ON role_count (kind_id)",
)
SQLITE = ()
POSTGRESQL = ()
