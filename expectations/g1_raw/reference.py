"""The stages and currencies that raw rows may name, as temporary tables.

dbt builds its seeds after this gate, so the seed files themselves are read.
"""

from __future__ import annotations

from pathlib import Path

from expectations import sql
from expectations.g1_raw.files import CLOSED_STAGES
from expectations.report import GateError
from expectations.row_rules import KNOWN_CURRENCIES, KNOWN_STAGES
from expectations.runner import GateSession


def make_reference_tables(
    session: GateSession, system: str, seeds: Path, *, has_stages: bool
) -> None:
    """Make `known_stages`, `closed_stages` and `known_currencies` for a system.

    Args:
        session: the gate's session.
        system: the system; `files` has the stages of its `source.yml`, the others the seed's.
        seeds: the folder with the seed files.
        has_stages: whether `mapped_files.stages` exists.

    Raises:
        GateError: when a seed file is missing.
    """
    stages = f"from {_seed(seeds, 'stages')} where source_system = {sql.literal(system)}"
    if system == "files":
        stages = "from mapped_files.stages where true"
    known = f"select lower(source_stage) as value {stages}"
    closed = f"{known} and not try_cast(is_open as boolean)"
    if system == "files" and not has_stages:
        known = closed = "select cast(null as varchar) as value where false"
    currencies = f"select upper(currency_code) as value from {_seed(seeds, 'currencies')}"
    for table, query in (
        (KNOWN_STAGES, known),
        (CLOSED_STAGES, closed),
        (KNOWN_CURRENCIES, currencies),
    ):
        session.con.execute(
            f"create or replace temp table {table} as "
            f"select distinct trim(value) as value from ({query}) as listed where value is not null"
        )


def _seed(seeds: Path, name: str) -> str:
    path = seeds / f"{name}.csv"
    if not path.is_file():
        raise GateError(f"G1: no seed {path}; restore the file from the repository")
    return f"read_csv({sql.literal(path)}, header = true, all_varchar = true)"
