"""Turn what a gate found into Dagster's asset check results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dagster as dg

from expectations.report import GateReport, Outcome


def check_specs(gate: str, keys: Iterable[dg.AssetKey]) -> list[dg.AssetCheckSpec]:
    """One blocking check of a gate for each asset that it judges."""
    return [
        dg.AssetCheckSpec(
            name=gate.lower(),
            asset=key,
            blocking=True,
            description=f"{gate}: the table meets the gate's Great Expectations suite.",
        )
        for key in keys
    ]


def check_results(report: GateReport, keys: Iterable[dg.AssetKey]) -> Iterator[dg.AssetCheckResult]:
    """One result for each asset: failed when a critical expectation about its table failed.

    What a gate found in a table that has no check of its own counts for every asset.

    Args:
        report: what the gate found; its outcomes name schema and table.
        keys: the assets that the gate judges, `[schema, table]`.
    """
    own = {tuple(key.path) for key in keys}
    for key in keys:
        outcomes = [
            one
            for one in report.outcomes
            if (one.schema, one.table) == tuple(key.path) or (one.schema, one.table) not in own
        ]
        blocked = any(one.blocks for one in outcomes)
        findings = [one for one in outcomes if not one.success]
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=report.gate.lower(),
            passed=not blocked,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(one.message for one in findings)[:2000] or None,
            metadata={
                "expectations": len(outcomes),
                "met": sum(one.success for one in outcomes),
                "findings": dg.MetadataValue.md(_table(findings)),
            },
        )


def _table(findings: list[Outcome]) -> str:
    if not findings:
        return "none"
    lines = ["| severity | columns | rows | what |", "|---|---|---:|---|"]
    for one in findings:
        rows = "" if one.unexpected_count is None else f"{one.unexpected_count:,}"
        lines.append(f"| {one.severity} | {', '.join(one.columns)} | {rows} | {one.message} |")
    return "\n".join(lines)
