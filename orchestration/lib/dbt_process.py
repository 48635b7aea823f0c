"""dbt as the nightly runs it: `python -m orchestration.lib.dbt_process build …`.

The command line is dbt's own. Two things that it has no option for are set before it starts.
"""

from __future__ import annotations

import gc
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.cli.main import cli

credentials_class: Any = DuckDBCredentials
_keys = credentials_class._connection_keys


def _keys_that_matter(credentials: DuckDBCredentials) -> tuple[str, ...]:
    """What of a connection may change how the project reads: all but where the database lies.

    dbt reads a project anew when a connection differs from the last one, and no model asks where
    its database is. So every data folder shares one reading of the project, which takes seconds.
    """
    return tuple(key for key in _keys(credentials) if key != "path")


if __name__ == "__main__":
    credentials_class._connection_keys = _keys_that_matter
    # A tenth of the time goes into looking for garbage, of which a process this short has little.
    gc.disable()
    cli()
