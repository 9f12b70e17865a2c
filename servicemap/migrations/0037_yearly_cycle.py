"""年度监测: who reports for which departments, when values are due, who passed them, what was sent to whom."""

ROLES = """role IN ('viewer', 'editor', 'verifier', 'reporter', 'monitor', 'assessor', 'approver', 'admin')"""

STATEMENTS = (
    "CREATE TABLE token_before AS SELECT * FROM token",
    "DROP TABLE token",
    f"""CREATE TABLE token (
        id {{id}},
        label TEXT NOT NULL,
        role TEXT NOT NULL CHECK ({ROLES}),
        division_id INTEGER,
        hash TEXT NOT NULL,
        issued_at TEXT NOT NULL,
        issued_by TEXT NOT NULL,
        expires_on DATE NOT NULL,
        revoked_at TEXT,
        last_used_on DATE,
        departments TEXT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "INSERT INTO token SELECT id, label, role, division_id, hash, issued_at, issued_by, expires_on, revoked_at,"
    " last_used_on, NULL FROM token_before",
    "DROP TABLE token_before",
    "CREATE UNIQUE INDEX token_hash ON token (hash)",
    "CREATE INDEX token_division_id ON token (division_id)",
    "CREATE UNIQUE INDEX token_current ON token (label) WHERE revoked_at IS NULL",
    """CREATE TABLE period (
        key TEXT NOT NULL PRIMARY KEY,
        due_on DATE NOT NULL,
        set_by TEXT NOT NULL
    )""",
    """CREATE TABLE value_decision (
        indicator_id TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        year INTEGER NOT NULL,
        version INTEGER NOT NULL,
        passed {bool} NOT NULL,
        decided_on DATE NOT NULL,
        decided_by TEXT NOT NULL,
        reason TEXT,
        PRIMARY KEY (indicator_id, division_id, year, version),
        FOREIGN KEY (indicator_id) REFERENCES indicator (id) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX value_decision_division_id ON value_decision (division_id)",
    """CREATE TABLE sending (
        id {id},
        snapshot_id INTEGER NOT NULL,
        sent_to TEXT NOT NULL,
        sent_on DATE NOT NULL,
        document_no TEXT,
        note TEXT,
        noted_by TEXT NOT NULL,
        FOREIGN KEY (snapshot_id) REFERENCES snapshot (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX sending_snapshot_id ON sending (snapshot_id)",
)

SQLITE = ()
# numbers go on after those that were given out before
POSTGRESQL = (
    "SELECT setval(pg_get_serial_sequence('token', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM token), false)",
)
