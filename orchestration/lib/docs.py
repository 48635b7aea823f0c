"""Static pages for people: dbt's docs with lineage, and what the gates found."""

from __future__ import annotations

import subprocess
from pathlib import Path

from expectations.data_docs import build_data_docs
from orchestration.settings import Settings


def write_docs(settings: Settings, env: dict[str, str]) -> list[tuple[str, Path]]:
    """Write the pages below `published/docs/`.

    Args:
        settings: where the warehouse and its pages are.
        env: the variables for dbt.

    Returns:
        Title and path of each page.

    Raises:
        subprocess.CalledProcessError: when dbt fails; it has then said why.
    """
    docs = settings.published / "docs"
    dbt = docs / "dbt"
    dbt.mkdir(parents=True, exist_ok=True)
    folder = str(settings.transformations)
    command = ["dbt", "--quiet", "docs", "generate", "--static", "--target-path", str(dbt)]
    subprocess.run(
        [*command, "--project-dir", folder, "--profiles-dir", folder], env=env, check=True
    )
    return [
        ("dbt docs", dbt / "static_index.html"),
        ("gates", build_data_docs(settings.database, docs / "gates")),
    ]
