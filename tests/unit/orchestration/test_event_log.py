"""The event log stays sound and is not waited for."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

PROBE = """
import sys
import dagster as dg
from sqlalchemy import create_engine, text
from orchestration.lib.event_log import hasten

hasten()
hasten()
with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:
    assert dg.materialize([dg.asset(name="a")(lambda: None)], instance=instance).success
    print(instance.event_log_storage.get_latest_materialization_events([dg.AssetKey("a")]))
    engine = create_engine(instance.event_log_storage.conn_string_for_shard("index"))
    with engine.connect() as con:
        print("synchronous", con.execute(text("pragma synchronous")).scalar())
    with create_engine(f"sqlite:///{sys.argv[1]}/plain.db").connect() as con:
        print("plain", con.execute(text("pragma synchronous")).scalar())
"""


def test_events_are_there_for_others_and_only_write_ahead_files_are_not_waited_for(
    tmp_path: Path,
) -> None:
    """In a process of its own, because the setting is the process's. 1 is normal, 2 is full."""
    printed = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
    ).stdout
    assert "AssetMaterialization" in printed
    assert "synchronous 1" in printed
    assert "plain 2" in printed
    index = next(tmp_path.rglob("index.db"))
    with sqlite3.connect(index) as con:
        assert con.execute("pragma integrity_check").fetchone() == ("ok",)
        assert con.execute("select count(*) from event_logs").fetchone()[0] > 0
