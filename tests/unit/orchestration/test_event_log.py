"""The event log stays sound and is not waited for."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

PROBE = """
import os
import signal
import sys
import threading
import dagster as dg
from sqlalchemy import create_engine, text
from orchestration.lib.event_log import hasten

hasten()
hasten()
with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:
    assert dg.materialize([dg.asset(name="a")(lambda: None)], instance=instance).success
    log = instance.event_log_storage
    print(log.get_latest_materialization_events([dg.AssetKey("a")]))
    elsewhere = []
    looking = threading.Thread(target=lambda: elsewhere.extend(log.all_asset_keys()))
    looking.start()
    looking.join()
    print("seen by another thread", elsewhere)
    with log.index_connection() as con:
        print("synchronous", con.execute(text("pragma synchronous")).scalar())
    with log.index_connection() as again:
        print("kept", again is con)
    with create_engine(f"sqlite:///{sys.argv[1]}/plain.db").connect() as con:
        print("plain", con.execute(text("pragma synchronous")).scalar())
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_events_are_there_for_others_and_only_write_ahead_files_are_not_waited_for(
    tmp_path: Path,
) -> None:
    """In a process of its own, because the setting is the process's, and killed, as a night may be.

    1 is normal, 2 is full.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    printed = done.stdout
    assert "seen by another thread [AssetKey(['a'])]" in printed
    assert "kept True" in printed
    assert "AssetMaterialization" in printed
    assert "synchronous 1" in printed
    assert "plain 2" in printed
    index = next(tmp_path.rglob("index.db"))
    with sqlite3.connect(index) as con:
        assert con.execute("pragma integrity_check").fetchone() == ("ok",)
        assert con.execute("select count(*) from event_logs").fetchone()[0] > 0
