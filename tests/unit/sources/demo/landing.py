"""Reading landing files the way a stranger would: as text, with the file that a row came from."""

from pathlib import Path

import polars as pl


def decoded(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 with a mark, or Windows-1252."""
    raw = path.read_bytes()
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def files_of(landing: Path, system: str, name: str) -> list[Path]:
    return sorted((landing / system / name).iterdir())


def read(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path).cast(pl.String)
    if path.suffix == ".jsonl":
        return pl.read_ndjson(path, infer_schema_length=None)
    return pl.read_csv(decoded(path).encode(), infer_schema=False)


def rows_of(landing: Path, system: str, name: str) -> pl.DataFrame:
    """All rows of an object in file order, with `_file` (relative to landing)."""
    frames = [
        read(path).with_columns(_file=pl.lit(str(path.relative_to(landing))))
        for path in files_of(landing, system, name)
    ]
    return pl.concat(frames, how="diagonal_relaxed")


def objects(landing: Path) -> list[tuple[str, str]]:
    return sorted(
        (folder.parent.name, folder.name) for folder in landing.glob("*/*") if folder.is_dir()
    )


def instants(column: str) -> pl.Expr:
    """Salesforce timestamps as UTC datetimes."""
    return pl.col(column).str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S")
