"""Row counts, column types and column lineage of what dbt has built."""

import json

import dagster as dg
import duckdb
import pytest
from dagster_dbt import DbtCliResource

from orchestration.lib.column_lineage import column_lineage
from orchestration.lib.dbt_cli import DbtCli
from orchestration.lib.dbt_metadata import table_metadata

DEALS = {
    "staging.deals": {"deal_id": "varchar", "amount": "decimal(18,2)", "owner": "varchar"},
    "staging.owners": {"owner": "varchar", "team": "varchar"},
}
SQL = """
with deals as (select * from "w"."staging"."deals"),
by_team as (
    select owners.team, sum(deals.amount) as won_amount, count(*) as deal_count
    from deals join "w"."staging"."owners" as owners on deals.owner = owners.owner
    group by owners.team
)
select * from by_team
"""


def test_a_column_is_followed_through_stars_joins_and_sums_to_its_sources():
    assert column_lineage(SQL, DEALS) == {
        "team": [("staging.owners", "team")],
        "won_amount": [("staging.deals", "amount")],
        "deal_count": [],
    }


def test_a_query_that_cannot_be_parsed_has_no_lineage():
    assert column_lineage("select from where", DEALS) == {}


@pytest.fixture
def con():
    with duckdb.connect() as con:
        con.execute("create schema staging; create schema marts")
        con.execute(
            "create view staging.deals as select '1' as deal_id, 2.5 as amount, 'a' as owner"
        )
        con.execute("create view staging.owners as select 'a' as owner, 'north' as team")
        con.execute("create table marts.teams as " + SQL.replace('"w".', ""))
        yield con


def _manifest(path, sql=SQL):
    def node(name):
        return {
            "schema": "staging",
            "name": name,
            "resource_type": "model",
            "depends_on": {"nodes": []},
        }

    teams = {
        "schema": "marts",
        "name": "teams",
        "resource_type": "model",
        "compiled_code": sql,
        "depends_on": {"nodes": ["m.deals", "m.owners"]},
    }
    nodes = {"m.deals": node("deals"), "m.owners": node("owners"), "m.teams": teams}
    path.write_text(json.dumps({"nodes": nodes, "sources": {}}))


def test_a_table_has_rows_types_and_lineage_and_a_view_no_rows(con, tmp_path):
    _manifest(tmp_path / "manifest.json")
    teams, deals = dg.AssetKey(["marts", "teams"]), dg.AssetKey(["staging", "deals"])
    missing = dg.AssetKey(["marts", "never_built"])
    found = table_metadata(con, [teams, deals, missing], tmp_path)
    assert set(found) == {teams, deals}
    assert found[teams]["dagster/row_count"] == 1
    assert "dagster/row_count" not in found[deals]
    columns = found[teams]["dagster/column_schema"].columns
    assert [(one.name, one.type) for one in columns] == [
        ("team", "varchar"),
        ("won_amount", "decimal(38,1)"),
        ("deal_count", "bigint"),
    ]
    lineage = found[teams]["dagster/column_lineage"].deps_by_column
    assert lineage["won_amount"] == [dg.TableColumnDep(deals, "amount")]


def test_a_lineage_is_kept_until_the_sql_changes(con, tmp_path):
    manifest, cache = tmp_path / "manifest.json", tmp_path / "column_lineage.json"
    teams = dg.AssetKey(["marts", "teams"])

    def lineage():
        metadata = table_metadata(con, [teams], tmp_path)
        return metadata[teams]["dagster/column_lineage"].deps_by_column

    _manifest(manifest)
    lineage()
    kept = json.loads(cache.read_text())
    kept["marts.teams"]["lineage"] = {"team": []}
    cache.write_text(json.dumps(kept))
    assert lineage() == {"team": []}
    _manifest(manifest, SQL.replace("sum(", "max("))
    assert set(lineage()) == {"team", "won_amount", "deal_count"}


@pytest.mark.parametrize("name", ["_cli_version", "_initialize_dbt_core_adapter"])
def test_what_the_dbt_resource_leaves_out_is_still_what_dagster_dbt_does(name):
    assert name in vars(DbtCliResource)
    assert name in vars(DbtCli)
