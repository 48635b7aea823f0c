"""Exports in CSV, Parquet, JSON lines or Excel, described by a `source.yml`."""

from orchestration.sources.files.load import load_source
from orchestration.sources.files.spec import SourceSpec, SourceSpecError, read_spec

__all__ = ["SourceSpec", "SourceSpecError", "load_source", "read_spec"]
