"""Dagster's event log without what it does anew for each of a night's thousands of events.

Dagster makes an engine and a connection to its SQLite files for every statement. SQLAlchemy then
works out the text of each statement again, each commit waits for the disk, and each close of the
last connection folds the write-ahead log back into the file and waits twice more: more than a
fifth of a night. Nothing of that keeps the log sound: in write-ahead mode a crash of the machine
costs the last events at most.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

_held: WeakKeyDictionary[SqliteEventLogStorage, dict[str, Connection]] = WeakKeyDictionary()


def hasten() -> None:
    """From now on, this process keeps its connections to event logs and does not wait for disks."""
    storage: Any = SqliteEventLogStorage
    storage._connect = _connect


@contextmanager
def _connect(storage: Any, shard: str) -> Generator[Connection, None, None]:
    """A transaction on the one connection to a file; in place of Dagster's method of that name.

    As there, a lock lets one thread at a time have it.
    """
    with storage._db_lock:
        connections = _held.setdefault(storage, {})
        if shard not in connections:
            connections[shard] = _opened(storage, shard)
        with connections[shard].begin():
            yield connections[shard]


def _opened(storage: Any, shard: str) -> Connection:
    engine = create_engine(
        storage.conn_string_for_shard(shard),
        poolclass=NullPool,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    if shard not in storage._initialized_dbs:
        storage._initdb(engine)
        storage._initialized_dbs.add(shard)
    event.listen(engine, "connect", _do_not_wait)
    return engine.connect()


def _do_not_wait(connection: sqlite3.Connection, record: object) -> None:
    """Leave it to the system when to write, where the write-ahead log keeps the file sound."""
    if connection.execute("pragma journal_mode").fetchone() == ("wal",):
        connection.execute("pragma synchronous = normal")
