"""Dashboards that read the marts, as external assets at the end of the lineage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.defs.dbt.assets import MANIFEST, TRANSLATOR


def _exposures() -> Iterator[dg.AssetSpec]:
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    for exposure in manifest["exposures"].values():
        upstream = [
            manifest["nodes"][node]
            for node in exposure["depends_on"]["nodes"]
            if node in manifest["nodes"]
        ]
        owner = exposure["owner"].get("email")
        yield dg.AssetSpec(
            ["exposures", exposure["name"]],
            deps=[TRANSLATOR.get_asset_key(node) for node in upstream],
            description=exposure["description"],
            group_name="exposures",
            kinds={exposure["type"]},
            owners=[owner] if owner else [],
            metadata={"url": dg.MetadataValue.url(exposure["url"])} if exposure["url"] else {},
        )


EXPOSURES = list(_exposures())
