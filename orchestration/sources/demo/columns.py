"""Columns made from raw buffers: fixed-length text and lists, without a Python object per row."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow  # pyright: ignore[reportMissingTypeStubs]

from orchestration.sources.demo.streams import Ints

_arrow: Any = pyarrow


def fixed_text(characters: npt.NDArray[np.uint8]) -> pl.Series:
    """Text of equal length from ASCII codes (rows by characters)."""
    rows, length = characters.shape
    offsets = np.arange(0, length * (rows + 1), length, dtype=np.int64)
    text: Any = _arrow.LargeStringArray.from_buffers(
        rows, _arrow.py_buffer(offsets), _arrow.py_buffer(np.ascontiguousarray(characters))
    )
    return pl.Series("text", text, dtype=pl.String)


def lists(entries: pl.Series, counts: Ints) -> pl.Series:
    """Lists of consecutive entries: the first `counts[0]`, then the next `counts[1]`, and so on."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    frame: Any = entries
    inner = frame.to_arrow()
    outer: Any = _arrow.LargeListArray.from_buffers(
        _arrow.large_list(inner.type),
        len(counts),
        [None, _arrow.py_buffer(offsets)],
        children=[inner],
    )
    return pl.Series("lists", outer)
