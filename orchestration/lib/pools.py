"""The concurrency pools of the project."""

DUCKDB = "duckdb"
"""Held by every step that opens the build database: DuckDB admits one process at a time."""
