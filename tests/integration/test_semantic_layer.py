"""What MetricFlow answers is what the marts say: one definition, two ways to ask."""

import csv
import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantic_interfaces.protocols.semantic_manifest import SemanticManifest
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from tests.integration.conftest import BIN, PROJECT, Warehouse

Figures = dict[tuple[Any, ...], float]
Ask = Callable[..., Figures]

TOTALS = [
    "bookings",
    "bookings_constant_currency",
    "won_count",
    "lost_count",
    "opportunities_created",
    "opportunities_qualified",
    "pipeline_created",
    "new_customer_count",
    "created_and_won_count",
    "created_and_won_amount",
    "leads_created",
    "activity_count",
    "call_count",
    "email_count",
    "meeting_count",
    "demo_count",
]
STATES = ["open_pipeline", "open_opportunity_count", "weighted_pipeline"]
RATIOS = [
    "win_rate",
    "win_rate_narrow",
    "win_rate_value",
    "average_deal_size",
    "sales_cycle_days",
    "lead_to_won_days",
    "lead_conversion_rate",
    "slip_rate",
    "slip_rate_value",
]


class Writer:
    """As much of a client as MetricFlow needs to write SQL; the test runs it read-only."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()


@pytest.fixture(scope="module")
def semantics(evening: Warehouse) -> SemanticManifest:
    written = (evening.data / "dbt" / "semantic_manifest.json").read_text(encoding="utf-8")
    return parse_manifest_from_dbt_generated_manifest(manifest_json_string=written)


@pytest.fixture(scope="module")
def engine(semantics: SemanticManifest) -> MetricFlowEngine:
    return MetricFlowEngine(SemanticManifestLookup(semantics), Writer())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ask(evening: Warehouse, engine: MetricFlowEngine) -> Ask:
    """A metric by what it is grouped by, without nulls."""

    def answer(metric: str, *by: str, where: str | None = None) -> Figures:
        request = MetricFlowQueryRequest.create(
            metric_names=[metric],
            group_by_names=list(by),
            where_constraints=[where] if where else None,
        )
        rows = evening.inside(engine.explain(request).sql_statement.sql)
        return {
            tuple(_plain(part) for part in row[:-1]): float(row[-1])
            for row in rows
            if row[-1] is not None
        }

    return answer


def _plain(part: Any) -> Any:
    return part.date() if isinstance(part, datetime) else part


def mart(evening: Warehouse, kpi: str, period_type: str, segment_type: str) -> Figures:
    rows = evening.query(
        "select period_start, segment, value from marts.mart_exec_kpi "
        f"where kpi = '{kpi}' and period_type = '{period_type}' "
        f"and segment_type = '{segment_type}' and value is not null"
    )
    by_company = segment_type == "company"
    return {(start,) if by_company else (start, part): float(value) for start, part, value in rows}


def seen(figures: Figures, evening: Warehouse, *, zeros: bool) -> Figures:
    """Without the days to come; without zeros where nothing happened means no row or a zero."""
    [(today,)] = evening.query("select max(as_of_date) from marts.mart_exec_kpi")
    return {
        key: value
        for key, value in figures.items()
        if (value or zeros) and key[0] is not None and key[0] <= today
    }


@pytest.mark.parametrize("metric", TOTALS + STATES + RATIOS)
def test_a_metric_by_month_is_the_mart_s(metric: str, ask: Ask, evening: Warehouse) -> None:
    zeros = metric in RATIOS
    asked = seen(ask(metric, "metric_time__month"), evening, zeros=zeros)
    published = seen(mart(evening, metric, "month", "company"), evening, zeros=zeros)
    assert published
    assert asked == pytest.approx(published, abs=2e-6 if zeros else 0.05)


@pytest.mark.parametrize(
    ("metric", "period_type", "segment_type", "cut"),
    [
        ("bookings", "fiscal_quarter", "company", None),
        ("win_rate_value", "fiscal_year", "company", None),
        ("open_pipeline", "fiscal_quarter", "company", None),
        ("bookings", "month", "segment", "account__segment"),
        ("bookings", "quarter", "team", "owner__team"),
        ("average_deal_size", "quarter", "region", "account__region"),
        ("win_rate", "quarter", "opportunity_type", "opportunity__opportunity_type"),
        ("sales_cycle_days", "year", "sales_region", "owner__sales_region"),
        ("leads_created", "quarter", "region", "lead__region"),
        ("activity_count", "quarter", "team", "owner__team"),
        ("quota_attainment", "quarter", "company", None),
        ("quota_attained_share", "quarter", "company", None),
        ("bookings_per_seller", "quarter", "company", None),
    ],
)
def test_a_metric_by_period_and_segment_is_the_mart_s(
    metric: str, period_type: str, segment_type: str, cut: str | None, ask: Ask, evening: Warehouse
) -> None:
    by = [f"metric_time__{period_type}", *([cut] if cut else [])]
    zeros = metric not in TOTALS + STATES
    asked: Figures = {}
    for key, value in ask(metric, *by).items():
        known = (key[0], "Unknown") if cut and key[-1] is None else key
        asked[known] = asked.get(known, 0) + value
    asked = seen(asked, evening, zeros=zeros)
    published = seen(mart(evening, metric, period_type, segment_type), evening, zeros=zeros)
    assert published
    assert asked == pytest.approx(published, abs=2e-6 if zeros else 0.05)


def test_open_pipeline_of_a_day_is_that_of_the_daily_mart(ask: Ask, evening: Warehouse) -> None:
    day = date(2026, 3, 31)
    asked = ask(
        "open_pipeline",
        "metric_time__day",
        where=f"{{{{ TimeDimension('metric_time', 'day') }}}} = '{day}'",
    )
    [(amount,)] = evening.query(
        f"select sum(amount) from marts.mart_pipeline_daily where date_day = '{day}'"
    )
    assert asked == {(day,): pytest.approx(float(amount))}


def test_the_win_rate_of_created_deals_is_the_cohort_basis(ask: Ask, evening: Warehouse) -> None:
    published = evening.query(
        "select period_start, win_rate from marts.mart_win_rate where basis = 'cohort' "
        "and period_type = 'month' and segment_type = 'company' and denominator > 0"
    )
    asked = seen(ask("win_rate_cohort", "metric_time__month"), evening, zeros=True)
    assert asked == pytest.approx({(day,): float(rate) for day, rate in published}, abs=1e-6)


def test_rates_of_stages_and_velocity_are_those_of_their_marts(
    ask: Ask, evening: Warehouse
) -> None:
    where = "period_type = 'month' and segment_type = 'company'"
    stages = evening.query(
        "select stage, sum(progressed_count) / sum(entered_count), null "
        f"from marts.mart_stage_conversion where {where} group by 1"
    )
    assert ask("stage_conversion_rate", "stage_conversion_row__stage") == pytest.approx(
        {(stage,): rate for stage, rate, _ in stages}
    )
    stays = evening.query(
        "select stage, sum(finished_days) / sum(finished_count) "
        f"from marts.mart_stage_velocity where {where} group by 1"
    )
    assert ask("stage_days", "stage_stay_row__stage_of_stay") == pytest.approx(
        {(stage,): float(days) for stage, days in stays}
    )
    velocity = evening.query(
        "select period_start, velocity_per_day from marts.mart_sales_velocity "
        f"where {where} and velocity_per_day is not null"
    )
    asked = ask("sales_velocity", "metric_time__month")
    assert {(day,): float(value) for day, value in velocity} == pytest.approx(asked, abs=0.01)


def test_what_the_other_marts_carry_is_answered_as_they_say(ask: Ask, evening: Warehouse) -> None:
    def rows(sql: str) -> Figures:
        return {tuple(key): float(value) for *key, value in evening.query(sql)}

    where = "period_type = 'month' and segment_type = 'company' and denominator > 0"
    for metric, sql in {
        "lead_win_rate": "select period_start, win_rate from marts.mart_win_rate "
        f"where basis = 'qualified_leads' and {where}",
        "lead_contacted_share": "select date_trunc('month', created_date)::date, "
        "avg(is_contacted::int) from marts.mart_lead_response where is_counted group by 1",
        "lead_response_hours": "select date_trunc('month', created_date)::date, "
        "sum(business_minutes_to_first_touch) / 60 / count(*) from marts.mart_lead_response "
        "where is_counted and is_contacted group by 1",
        "pipeline_risk_accuracy": "select date_trunc('month', snapshot_date)::date, accuracy_rate "
        "from marts.mart_deal_risk_backtest where scope = 'month_end' and flag = 'any_flag' "
        "and outcome = 'lost_or_slipped'",
        "forecast_accuracy": "select period_start, accuracy_rate from marts.mart_forecast_accuracy "
        "where node_type = 'company' and forecaster = 'manager' and weeks_to_close = 4 "
        "and accuracy_rate is not null",
    }.items():
        published = rows(sql)
        assert published, metric
        asked = ask(metric, "metric_time__month")
        assert asked == pytest.approx(published, abs=2e-6), metric
    [(coverage,)] = evening.query(
        "select coverage_ratio from marts.mart_coverage where date_day = as_of_date "
        "and node_type = 'company' and close_period_offset = 0"
    )
    assert ask("pipeline_coverage")[()] == pytest.approx(float(coverage), abs=1e-6)


def test_the_waterfall_of_a_month_balances_when_it_is_asked_by_bucket(ask: Ask) -> None:
    bars: dict[date, dict[str, float]] = {}
    asked = ask("pipeline_change", "metric_time__month", "pipeline_movement_row__bucket")
    for (month, bucket), amount in asked.items():
        bars.setdefault(month, {})[bucket] = amount
    assert len(bars) > 20
    for month, parts in bars.items():
        end = parts.pop("end", 0)
        assert sum(parts.values()) == pytest.approx(end, abs=0.005), month


def test_qualified_opportunities_per_seller_come_from_the_quotas(
    ask: Ask, evening: Warehouse
) -> None:
    published = evening.query(
        "select date_trunc('month', period_end)::date, "
        "sum(attained_amount) / count(distinct user_id) from marts.mart_quota_attainment "
        "where measure = 'qualified_opportunities' and quota_amount > 0 group by 1"
    )
    asked = ask("qualified_opportunities_per_seller", "metric_time__month")
    assert asked == pytest.approx({(month,): float(value) for month, value in published})


def test_the_catalogue_and_the_semantic_layer_name_the_same_metrics(
    semantics: SemanticManifest,
) -> None:
    with (PROJECT / "seeds" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        # What a model's backtest says is one figure a version; the layer sums what marts carry.
        rows = [
            row
            for row in csv.DictReader(file)
            if not row["valid_to"] and row["mart"].startswith("mart_")
        ]
    catalogue = {row["metric"]: (row["name"], row["description"]) for row in rows}
    metrics = semantics.metrics
    defined = {one.name: (one.label, (one.description or "").strip()) for one in metrics}
    assert sorted(catalogue.keys() - defined.keys()) == []
    differing = {name for name in catalogue if catalogue[name] != defined[name]}
    # A month is the longest period of which the layer knows these.
    assert differing == {"created_and_won_amount", "created_and_won_count"}
    parts = {
        part.name
        for one in metrics
        for part in (
            one.type_params.numerator,
            one.type_params.denominator,
            *(one.type_params.metrics or []),
        )
        if part is not None
    }
    assert sorted(defined.keys() - catalogue.keys() - parts) == []


def test_the_commands_of_the_guide_answer(
    evening: Warehouse, engine: MetricFlowEngine, tmp_path: Path
) -> None:
    guide = (PROJECT / "docs" / "guides" / "metrics.md").read_text(encoding="utf-8")
    commands = [
        line
        for block in re.findall(r"```bash\n(.*?)```", guide, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("mf query")
    ]
    assert len(commands) >= 3
    for command in commands:
        words = shlex.split(command)[2:]
        asked = dict(zip(words[::2], words[1::2], strict=True))
        where = asked.pop("--where", None)
        request = MetricFlowQueryRequest.create(
            metric_names=asked.pop("--metrics").split(","),
            group_by_names=asked.pop("--group-by").split(","),
            order_by_names=[one for one in asked.pop("--order", "").split(",") if one],
            where_constraints=[where] if where else None,
        )
        assert asked == {}, command
        assert evening.inside(engine.explain(request).sql_statement.sql), command

    # A process for each would take long, so the command line itself answers the first.
    done = subprocess.run(
        [str(BIN / "mf"), *shlex.split(commands[0])[1:]],
        cwd=PROJECT / "transformations",
        env=evening.build_copy(tmp_path).env() | {"DBT_LOG_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert re.search(r"^2026-01-01\S* +\d", done.stdout, re.MULTILINE), done.stdout
