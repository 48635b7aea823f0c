"""Static pages for people: dbt's docs with lineage, and what the gates found."""

from __future__ import annotations

import shutil
import subprocess
import sys
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
    docs.mkdir(parents=True, exist_ok=True)
    target, folder = settings.dbt_target, str(settings.transformations)
    command = [sys.executable, "-m", "orchestration.lib.dbt_process", "--quiet"]
    command += ["docs", "generate", "--static", "--target-path", str(target)]
    subprocess.run(
        [*command, "--project-dir", folder, "--profiles-dir", folder], env=env, check=True
    )
    dbt = docs / "dbt.html"
    shutil.copyfile(target / "static_index.html", dbt)
    return [
        ("dbt docs", dbt),
        ("gates", build_data_docs(settings.database, docs / "gates")),
    ]
