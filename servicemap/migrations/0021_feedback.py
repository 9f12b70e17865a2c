"""What families report and what they are told; pairs of places that a person has told apart."""

STATEMENTS = (
    """CREATE TABLE feedback (
        id {id},
        receipt TEXT NOT NULL,
        facility_id INTEGER NOT NULL,
        kind TEXT NOT NULL
            CHECK (kind IN ('closed', 'moved', 'hours', 'phone', 'fee', 'not_for_children', 'other')),
        text TEXT,
        received_on DATE NOT NULL,
        received_at TEXT NOT NULL,
        answer TEXT CHECK (answer IN ('fixed', 'not_so', 'cannot_tell')),
        word TEXT,
        changed TEXT,
        answered_on DATE,
        answered_by TEXT,
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT
    )""",
    "CREATE UNIQUE INDEX feedback_receipt ON feedback (receipt)",
    "CREATE UNIQUE INDEX feedback_facility_id_received_on_kind_text"
    " ON feedback (facility_id, received_on, kind, text)",
    "CREATE INDEX feedback_open ON feedback (facility_id) WHERE answer IS NULL",
    """CREATE TABLE not_same (
        one_id INTEGER NOT NULL,
        other_id INTEGER NOT NULL,
        reason TEXT NOT NULL,
        decided_at TEXT NOT NULL,
        decided_by TEXT NOT NULL,
        PRIMARY KEY (one_id, other_id),
        CHECK (one_id < other_id),
        FOREIGN KEY (one_id) REFERENCES facility (id) ON DELETE RESTRICT,
        FOREIGN KEY (other_id) REFERENCES facility (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX not_same_other_id ON not_same (other_id)",
)

SQLITE = POSTGRESQL = ()
