"""Rights: tokens of posts, kept as hashes."""

STATEMENTS = (
    """CREATE TABLE token (
        id {id},
        label TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'verifier', 'admin')),
        division_id INTEGER,
        hash TEXT NOT NULL,
        issued_at TEXT NOT NULL,
        issued_by TEXT NOT NULL,
        expires_on DATE NOT NULL,
        revoked_at TEXT,
        last_used_on DATE,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE UNIQUE INDEX token_hash ON token (hash)",
    "CREATE INDEX token_division_id ON token (division_id)",
    "CREATE UNIQUE INDEX token_current ON token (label) WHERE revoked_at IS NULL",
)

SQLITE = POSTGRESQL = ()
