"""How dbt resources appear as Dagster assets: keys by schema, groups by layer and system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from orchestration.sources.catalog import FILES_SYSTEM


class WarehouseTranslator(DagsterDbtTranslator):
    """Keys are `[schema, name]`; a group is the folder below `models/`."""

    def __init__(self) -> None:
        # All tables of a system's quarantine are one asset.
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The relation's schema and name, so that assets are found by what SQL calls them."""
        schema, name = dbt_resource_props["schema"], dbt_resource_props["name"]
        if schema == "quarantine":
            return quarantine_key(name.partition("__")[0])
        return dg.AssetKey([schema, name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder below `models/`: `staging_salesforce`, `intermediate_crm`, `core` …"""
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        return "_".join(dbt_resource_props["fqn"][1:-1])


def quarantine_key(system: str) -> dg.AssetKey:
    """The asset that stands for everything a gate refused of one system."""
    return dg.AssetKey(["quarantine", system])


def raw_schema(system: str) -> str:
    """The schema whose tables G1 judges and staging reads."""
    return "mapped_files" if system == FILES_SYSTEM else f"raw_{system}"
