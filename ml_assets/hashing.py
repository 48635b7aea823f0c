"""Hashes that are the same on every machine, in every run and in every order of rows.

Python's `hash` is salted and Polars' and DuckDB's may change with a version, so what must never
change (folds, sampling phases, fingerprints) is made from SHA-256 or BLAKE2 here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

ROWS_PER_CHUNK = 100_000
SOURCE_SUFFIXES = (".py", ".sql")


def stable_fraction(keys: Iterable[str], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each key, depending on nothing but the key and the salt.

    Args:
        keys: n texts; equal texts get equal numbers.
        salt: what the number is for, so that two uses don't correlate.

    Returns:
        Array of shape (n,).
    """
    salt_bytes = salt.encode()[:16]
    cached: dict[str, float] = {}
    fractions: list[float] = []
    for key in keys:
        fraction = cached.get(key)
        if fraction is None:
            digest = hashlib.blake2b(key.encode(), digest_size=6, salt=salt_bytes).digest()
            fraction = int.from_bytes(digest, "big") / 2**48
            cached[key] = fraction
        fractions.append(fraction)
    return np.array(fractions, dtype=np.float64)


def frame_fingerprint(frame: pl.DataFrame) -> str:
    """SHA-256 of a frame's content: its column names, types and rows, in any order of both.

    Each row is written as text and hashed; the sum of the row hashes does not depend on their
    order, and a row that occurs twice counts twice.

    Returns:
        64 hexadecimal characters.
    """
    columns = sorted(frame.columns)
    schema = ",".join(f"{name}:{frame.schema[name]}" for name in columns)
    total = 0
    for chunk in frame.select(columns).iter_slices(ROWS_PER_CHUNK):
        for line in chunk.write_csv(include_header=False, null_value="\\N").encode().split(b"\n"):
            if line:
                total += int.from_bytes(hashlib.sha256(line).digest(), "big")
    summary = f"{schema}|{frame.height}|{total % 2**256:064x}"
    return hashlib.sha256(summary.encode()).hexdigest()


@cache
def code_version() -> str:
    """Twelve hexadecimal characters that change when any source or SQL file here changes."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in SOURCE_SUFFIXES:
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
