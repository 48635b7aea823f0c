"""An expectation about rows that a query describes: it counts the failing ones, and that is all."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from great_expectations.expectations.core import unexpected_rows_expectation

_UnexpectedRowsExpectation = unexpected_rows_expectation.UnexpectedRowsExpectation


class ExpectNoFailingRows(_UnexpectedRowsExpectation):
    """The query of failing rows finds none.

    Great Expectations' own `UnexpectedRowsExpectation` also fetches failing rows whenever it is
    evaluated. This one runs the query once, for the count, and never holds a row.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> Any:
        failing = cast(int, metrics["unexpected_rows_query.row_count"])
        return {"success": failing == 0, "result": {"unexpected_count": failing}}
