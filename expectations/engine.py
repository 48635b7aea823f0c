"""Great Expectations over one DuckDB connection: a list of expectations in, typed results out.

The one module that touches Great Expectations' own classes and their loose types.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import duckdb
import duckdb_sqlalchemy
import great_expectations
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import BatchExpectation
from sqlalchemy.pool import StaticPool

gx = cast(Any, great_expectations)

# Counts are enough; sample values of failing rows stay in the warehouse.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Result:
    """What Great Expectations says about one expectation.

    `unexpected_count` counts failing rows, for an expectation about rows; `observed` is the figure
    or the list of names that an expectation about the whole table found; `error` is set when the
    expectation could not be evaluated.
    """

    meta: dict[str, Any]
    success: bool
    observed: str | None
    unexpected_count: int | None
    error: str | None


class Engine:
    """Runs suites on the relations that one open connection sees, its temporary tables included."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        source = context.data_sources.add_sql(
            name="warehouse",
            connection_string="duckdb:///:memory:",
            create_temp_table=False,
            kwargs={
                "creator": lambda: duckdb_sqlalchemy.ConnectionWrapper(con),
                "poolclass": StaticPool,
                # A reset or a transaction would discard DuckDB's result before it is read.
                "pool_reset_on_return": None,
                "isolation_level": "AUTOCOMMIT",
                "skip_autocommit_rollback": True,
            },
        )
        # One asset for all suites: adding one makes Great Expectations write its configuration
        # down, which would take longer than judging.
        self._asset = source.add_query_asset(name="judged", query="select * from judged_batch")

    def validate(
        self, name: str, query: str, expectations: Sequence[BatchExpectation]
    ) -> list[Result]:
        """Judge the rows of a query; one result per expectation, in their order.

        Args:
            name: the suite's name.
            query: the rows to judge, as a select.
            expectations: what is expected of them, each with its meta.

        Raises:
            duckdb.CatalogException: when a relation of the query does not exist.
            duckdb.BinderException: when a column of the query does not exist.
        """
        self._con.execute(f"create or replace temp view judged_batch as {query}")
        batch = self._asset.get_batch(self._asset.build_batch_request())
        suite = gx.ExpectationSuite(name=name)
        for position, expectation in enumerate(expectations):
            own = cast(Any, expectation)
            own.meta = {**own.meta, "position": position}
            suite.add_expectation(own)
        validated = batch.validate(suite, result_format=_RESULT_FORMAT).results
        results = [_result(one) for one in validated]
        return sorted(results, key=lambda result: result.meta["position"])


def _without_values(message: str) -> str:
    """The first line of an error, without the values that DuckDB quotes in it."""
    first = message.strip().splitlines()[0][:200]
    return re.sub(r"'[^']*'", "'…'", first).rstrip(".")


def _result(validated: Any) -> Result:
    found: dict[str, Any] = validated.result or {}
    observed = found.get("observed_value")
    return Result(
        meta=validated.expectation_config.meta,
        success=bool(validated.success),
        observed=None if observed is None else _text(observed),
        unexpected_count=found.get("unexpected_count"),
        error=None if validated.success else _error(validated.exception_info or {}),
    )


def _text(observed: Any) -> str:
    if isinstance(observed, float):
        return f"{observed:.4g}" if abs(observed) < 1 else f"{observed:,.2f}"
    if isinstance(observed, list):
        return ", ".join(str(item) for item in cast(list[object], observed))
    return str(observed)


def _error(info: dict[str, Any]) -> str | None:
    for entry in (info, *info.values()):
        if isinstance(entry, dict) and cast(dict[str, Any], entry).get("raised_exception"):
            return _without_values(str(cast(dict[str, Any], entry)["exception_message"]))
    return None
