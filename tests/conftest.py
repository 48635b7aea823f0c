"""What all tests share: where the project is and how its dbt project reads."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The dbt manifest, parsed anew."""
    target = tmp_path_factory.mktemp("dbt_target")
    folder = str(PROJECT / "transformations")
    command = [str(Path(sys.executable).parent / "dbt"), "--quiet", "parse", "--no-partial-parse"]
    subprocess.run(
        [*command, "--project-dir", folder, "--profiles-dir", folder, "--target-path", str(target)],
        check=True,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))
