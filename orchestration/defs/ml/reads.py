"""What predictions are made from."""

from orchestration.defs.dbt.assets import dbt_core

CORE = sorted(key for key in dbt_core.keys if key.path[0] == "core")
"""The star schema."""
