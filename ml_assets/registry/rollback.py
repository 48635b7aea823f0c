"""Taking a champion's word away, so that a former one speaks again."""

from __future__ import annotations

from datetime import date

import polars as pl

from ml_assets.registry.tables import PROMOTED, ROLLED_BACK


class RollbackError(ValueError):
    """A rollback that can't be done, with the reason."""


def rolled_back(
    registry: pl.DataFrame, model_name: str, as_of: date, to: str | None, reason: str
) -> pl.DataFrame:
    """The registry with a former champion in its place again.

    Every version that was promoted after it, up to `as_of`, is withdrawn and stays so; the next
    version that passes is champion again. Only versions for the champion's own features can speak.

    Args:
        registry: rows of ml_model_registry.
        model_name: whose champion.
        as_of: the evening that the warehouse stands at.
        to: version to go back to; None for the one before the champion.
        reason: why, for the registry.

    Raises:
        RollbackError: the model is unknown, or the version never was its champion.
    """
    promoted = registry.filter(
        (pl.col("model_name") == model_name)
        & (pl.col("promotion_decision") == PROMOTED)
        & (pl.col("trained_as_of") <= as_of)
    ).sort("trained_as_of", "is_champion", "model_version")
    if promoted.is_empty():
        known = ", ".join(registry["model_name"].unique().sort())
        raise RollbackError(f"{model_name!r} has no champion. Models in the registry: {known}.")
    champion = promoted.tail(1)
    usable = promoted.filter(pl.col("feature_schema") == champion["feature_schema"][0])
    versions: list[str] = usable["model_version"].to_list()
    if to is None:
        if len(versions) < 2:
            raise RollbackError(
                f"{versions[0]} is the only version of {model_name} that could speak."
            )
        to = versions[-2]
    if to not in versions:
        raise RollbackError(
            f"{to!r} is not among the versions that could speak: {', '.join(versions)}."
        )
    withdrawn = versions[versions.index(to) + 1 :]
    is_withdrawn = pl.col("model_version").is_in(withdrawn)
    return registry.with_columns(
        promotion_decision=pl.when(is_withdrawn)
        .then(pl.lit(ROLLED_BACK))
        .otherwise("promotion_decision"),
        promotion_reason=pl.when(is_withdrawn)
        .then(pl.lit(f"Rolled back to {to}: {reason}"))
        .otherwise("promotion_reason"),
        is_champion=pl.when(pl.col("model_name") == model_name)
        .then(pl.col("model_version") == to)
        .otherwise("is_champion"),
    )
