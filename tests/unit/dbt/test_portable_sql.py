"""Models stay portable: what is one engine's own lives in macros with `adapter.dispatch`."""

import re
from pathlib import Path

import pytest

FORBIDDEN = {
    "a cast by ::": r"::",
    "qualify": r"\bqualify\b",
    "a double-quoted identifier": r'"[^"\n]*"',
    "target.type": r"\btarget\.(type|name)\b",
    "the wall clock": r"\b(current_date|current_timestamp|now\s*\(|today\s*\()",
    "dbt.safe_cast": r"\bdbt\.safe_cast\b",
    "dbt.date_spine": r"\bdbt\.date_spine\b",
    "a DuckDB function": (
        r"\b(list_\w+|array_agg|arg_max|arg_min|strptime|strftime|try_strptime|date_part|epoch_ms|"
        r"make_timestamp|make_date|read_csv|read_parquet|unnest|regexp_matches|string_split|"
        r"try_cast|json_extract\w*|any_value|quantile_\w+|median|generate_series)\s*\("
    ),
    "DuckDB syntax": r"(\bexclude\s*\(|\b(group|order) by all\b|\basof\b)",
}
JINJA = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
COMMENT = re.compile(r"--[^\n]*")
MODELS = Path(__file__).parents[3] / "transformations" / "models"


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.sql")), ids=lambda path: path.stem)
def test_a_model_uses_no_engines_own_sql(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    sql = COMMENT.sub("", JINJA.sub("", text)).lower()
    found = [what for what, pattern in FORBIDDEN.items() if re.search(pattern, sql)]
    found += [what for what in ("target.type",) if re.search(FORBIDDEN[what], text)]
    assert found == []


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.sql")), ids=lambda path: path.stem)
def test_a_model_has_its_yaml_beside_it(path: Path) -> None:
    assert path.with_suffix(".yml").exists()
