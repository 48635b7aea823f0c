"""A growing table of numpy columns: what the simulation remembers about one kind of entity."""

from typing import Any

import numpy as np
import polars as pl

from orchestration.sources.demo.streams import Array, Ints


class Store:
    """Columns of equal length that grow month by month; a row's number never changes.

    Rows are appended for whole months only, so a number does not depend on the last day.
    """

    def __init__(self, **columns: type) -> None:
        self._columns: dict[str, Array] = {
            name: np.empty(0, dtype=kind) for name, kind in columns.items()
        }

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> Array:
        return self._columns[name]

    def append(self, rows: int, **values: Any) -> Ints:
        """Add `rows` rows; a value is an array of that length or a scalar. Returns their numbers.

        Raises:
            KeyError: a column is missing or unknown.
        """
        if missing := set(self._columns) ^ set(values):
            raise KeyError(f"columns given and columns known differ in {sorted(missing)}")
        first = len(self)
        for name, column in self._columns.items():
            new = np.broadcast_to(np.asarray(values[name], dtype=column.dtype), (rows,))
            self._columns[name] = np.concatenate([column, new])
        return np.arange(first, first + rows, dtype=np.int64)

    def frame(self, *names: str) -> pl.DataFrame:
        """The columns (all by default) as a frame, with the row's number in `row`."""
        chosen = names or tuple(self._columns)
        data: dict[str, Any] = {"row": np.arange(len(self), dtype=np.int64)}
        data.update({name: self._columns[name] for name in chosen})
        return pl.DataFrame(data)
