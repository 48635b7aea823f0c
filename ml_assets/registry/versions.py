"""Names of model versions and the days on which models are trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date

VERSION_DIGITS = 10


def training_clock(as_of: date, every_days: int) -> date:
    """The last training day on or before `as_of`.

    Training days lie on a fixed grid (with 7 days: Sundays), so which model scores a day depends on
    the day alone, and not on when or how often the job has run.

    Raises:
        ValueError: `every_days` is not positive.
    """
    if every_days < 1:
        raise ValueError(f"A model is trained every 1 or more days, not every {every_days}.")
    return date.fromordinal(as_of.toordinal() - as_of.toordinal() % every_days)


def model_version(
    model_name: str,
    trained_as_of: date,
    *,
    data_fingerprint: str,
    code_version: str,
    seed: int,
    parameters: Mapping[str, object],
) -> str:
    """A name that follows from what a model is made of: `<model>-<YYYYMMDD>-<10 hex digits>`."""
    ingredients = json.dumps(
        [model_name, trained_as_of.isoformat(), data_fingerprint, code_version, seed, parameters],
        sort_keys=True,
    )
    digest = hashlib.sha256(ingredients.encode()).hexdigest()[:VERSION_DIGITS]
    return f"{model_name}-{trained_as_of:%Y%m%d}-{digest}"
