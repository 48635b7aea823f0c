"""Tables and views made in place: replaced, also by the other kind, and kept when that fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MACROS = Path(__file__).parents[3] / "transformations" / "macros" / "materializations"
PROJECT = """
name: small
profile: small
config-version: 2
flags: {send_anonymous_usage_stats: false}
"""
PROFILE = """
small:
  target: duckdb
  outputs: {duckdb: {type: duckdb, path: small.duckdb}}
"""
MODEL = """
{{ config(materialized=var('kind')) }}
select {{ var('value') }} as value from range(3)
"""
CONTRACT = """
models:
  - name: made
    config: {contract: {enforced: true}}
    columns:
      - {name: value, data_type: bigint, constraints: [{type: not_null}]}
"""
BUILDS = """
import duckdb
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner

for kind, value in [
    ("table", "1::bigint"),
    ("table", "2::bigint"),
    ("table", "case when range < 1 then 3::bigint else error('no') end"),  # on the second row
    ("table", "null::bigint"),  # against the contract, row by row
    ("table", "'four'"),  # against the contract, as a whole
    ("view", "5::bigint"),
    ("view", "6::bigint"),
    ("table", "7::bigint"),
]:
    done = dbtRunner().invoke(["--quiet", "run", "--vars", f'{{kind: {kind}, value: "{value}"}}'])
    reset_adapters()
    with duckdb.connect("small.duckdb") as con:
        [(made,)] = con.execute("select table_type from information_schema.tables").fetchall()
        print(done.success, made, con.execute("select distinct value from made").fetchall())
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A dbt project of one model with our materialisations."""
    shutil.copytree(MACROS, tmp_path / "macros")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "made.sql").write_text(MODEL)
    (tmp_path / "models" / "made.yml").write_text(CONTRACT)
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(PROFILE)
    return tmp_path


def test_what_was_made_is_replaced_and_stays_when_that_fails(small: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUILDS],
        cwd=small,
        env={name: text for name, text in os.environ.items() if not name.startswith("DBT_")},
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith(("True", "False"))]
    assert said == [
        "True BASE TABLE [(1,)]",
        "True BASE TABLE [(2,)]",
        "False BASE TABLE [(2,)]",
        "False BASE TABLE [(2,)]",
        "False BASE TABLE [(2,)]",
        "True VIEW [(5,)]",
        "True VIEW [(6,)]",
        "True BASE TABLE [(7,)]",
    ]
    assert "enforced contract that failed" in done.stdout
