"""Dagster's event log without waiting for the disk at each of a night's thousands of events.

Dagster opens and closes a connection to its SQLite files for every event. Each commit then waits
for the disk, and each close of the last connection folds the write-ahead log back into the file
and waits twice more: a fifth of a night. Nothing of that keeps the log sound: in write-ahead mode
a crash of the machine costs the last events at most.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

_held: dict[str, sqlite3.Connection] = {}


def hasten() -> None:
    """From now on, this process's SQLite connections leave it to the system when to write."""
    if not event.contains(Engine, "connect", _connected):
        event.listen(Engine, "connect", _connected)


def _connected(connection: Any, record: object) -> None:
    """Settings of a new connection; to each file one more stays open until the process ends."""
    if not isinstance(connection, sqlite3.Connection):
        return
    if connection.execute("pragma journal_mode").fetchone() != ("wal",):
        return  # in other modes the waiting is what keeps the file sound
    connection.execute("pragma synchronous = normal")
    path = connection.execute("pragma database_list").fetchone()[2]
    if path not in _held:
        held = sqlite3.connect(path, check_same_thread=False)
        held.execute("select count(*) from sqlite_master").fetchone()
        _held[path] = held
