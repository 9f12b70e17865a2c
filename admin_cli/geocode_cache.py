"""What geocoders have answered, kept in a file of the user: nobody is asked the same twice."""

import json
import os
import sqlite3
import unicodedata
from dataclasses import asdict
from datetime import date
from pathlib import Path

from admin_cli.geocoders import Answer
from servicemap.errors import InvalidError

OURS = 0x5E4B1CE5  # SQLite's application_id: no other database is taken for a cache


def default_path() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "servicemap" / "geocoded.db"


class Cache:
    """(provider, address) → Answer, or None for "not found"; each is on the disk before the next is asked."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = not path.exists() or path.stat().st_size == 0
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            if not new and self._db.execute("PRAGMA application_id").fetchone() != (OURS,):
                raise InvalidError(f"{path} 是别的文件；请用 --cache 换一个", "not_a_cache")
            path.chmod(0o600)
            self._db.execute(f"PRAGMA application_id = {OURS}")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS answered (provider TEXT, address TEXT, answer TEXT NOT NULL,"
                " asked_on TEXT NOT NULL, PRIMARY KEY (provider, address)) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise InvalidError(
                f"不能用 {path} 作缓存（{error}）；请用 --cache 换一个", "cache_unusable"
            ) from None

    def find(self, provider: str, address: str) -> list[Answer | None]:
        """What was answered, as a list of one; empty: this was never asked."""
        found = self._db.execute(
            "SELECT answer FROM answered WHERE provider = ? AND address = ?", (provider, normal(address))
        ).fetchall()
        kept = [json.loads(text) for (text,) in found]
        return [None if answer is None else Answer(**answer) for answer in kept]

    def keep(self, provider: str, address: str, answer: Answer | None, on: date) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO answered VALUES (?, ?, ?, ?)",
            (provider, normal(address), json.dumps(answer and asdict(answer)), on.isoformat()),
        )

    def close(self) -> None:
        self._db.close()


def normal(address: str) -> str:
    """The address without what makes no other place: blanks, and how wide its characters are."""
    return "".join(unicodedata.normalize("NFKC", address).split())
