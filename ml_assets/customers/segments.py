"""Which customers are alike: by rules that people set, and by groups that the data form.

Groups keep their numbers and names: within a calendar quarter every training starts from the groups
of its beginning, and a new quarter's groups take the names of those that most of their customers
were in. All of that is computed from the records anew, so it does not depend on when the job ran.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import (  # pyright: ignore[reportMissingTypeStubs]
    adjusted_rand_score,  # pyright: ignore[reportUnknownVariableType]
)

from ml_assets.customers.clustering import Clustering, Standardiser, jaccard, matched

Array = NDArray[np.float64]

MODEL_FILE = "segments.json"
SAME_GROUP = 0.5
"""Least Jaccard similarity from which on a group is the same as an earlier one."""
QUARTERS = 8
"""Ends of quarters that names are handed down from: who looks back further may find others."""
JUDGED_DAYS = 3
WORTH_A_WORD = 0.4
MOST_WORDS = 2

FEATURES = ("recency_days", "purchase_count", "amount_mean", "activities_365d", "employee_count")
LOGGED = ("purchase_count", "amount_mean", "activities_365d", "employee_count")
WORDS = {
    "recency_days": ("bought lately", "long without a purchase"),
    "purchase_count": ("bought once", "repeat buyers"),
    "amount_mean": ("small orders", "large orders"),
    "activities_365d": ("little contact", "close contact"),
    "employee_count": ("small companies", "large companies"),
}
"""Feature → what a group low in it and a group high in it is called."""


@dataclass(frozen=True)
class SegmentSettings:
    """Parameters of the clusters.

    Attributes:
        sizes: numbers of groups to try.
        replicates: resamples that judge the stability of the last three days' groups.
        naming_replicates: those of earlier days, whose groups only hand down names.
        least_customers: fewer are not grouped.
    """

    sizes: tuple[int, ...] = (3, 4, 5, 6)
    replicates: int = 20
    naming_replicates: int = 6
    least_customers: int = 60


@dataclass(frozen=True)
class SegmentModel:
    """Groups of customers with names.

    Attributes:
        scale: how customers are put on one scale.
        clustering: the groups; group i is number i.
        names: name of each group.
    """

    scale: Standardiser
    clustering: Clustering
    names: tuple[str, ...]

    def predict(self, customers: pl.DataFrame) -> pl.DataFrame:
        """The group of each customer.

        Args:
            customers: rows of `customer_states`.

        Returns:
            In the order of `customers`: cluster (number from 1), cluster_name, stability (share of
            resamples in which the customer is in this group), cluster_stability (mean Jaccard
            similarity of the group with its match in resamples).
        """
        points = self.scale.transform(customers)
        group = self.clustering.assign(points)
        return pl.DataFrame(
            {
                "cluster": group + 1,
                "cluster_name": pl.Series([self.names[each] for each in group], dtype=pl.String),
                "stability": self.clustering.agreement(points),
                "cluster_stability": self.clustering.stability[group],
            }
        )

    def save(self, folder: Path) -> None:
        """Write the groups as text into an existing folder."""
        content = {
            "scale": asdict(self.scale),
            "names": self.names,
            "centroids": self.clustering.centroids.tolist(),
            "silhouette": self.clustering.silhouette,
            "stability": self.clustering.stability.tolist(),
            "resampled": self.clustering.resampled.tolist(),
            "candidates": {str(k): v for k, v in self.clustering.candidates.items()},
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        (folder / MODEL_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no groups.
        """
        path = folder / MODEL_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"No {MODEL_FILE} in {folder}: the model was moved or never finished. Train again."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            scale=Standardiser(**{name: tuple(each) for name, each in content["scale"].items()}),
            clustering=Clustering(
                centroids=np.array(content["centroids"]),
                silhouette=content["silhouette"],
                stability=np.array(content["stability"]),
                resampled=np.array(content["resampled"]),
                candidates={int(k): tuple(v) for k, v in content["candidates"].items()},
            ),
            names=tuple(content["names"]),
        )


def naming_days(clock: date, quarters: int = QUARTERS) -> tuple[date, ...]:
    """The ends of the calendar quarters before a day, ascending, and the day itself."""
    days = [clock]
    first = date(clock.year, 3 * ((clock.month - 1) // 3) + 1, 1)
    for _ in range(quarters):
        days.insert(0, first - timedelta(days=1))
        first = date(days[0].year, 3 * ((days[0].month - 1) // 3) + 1, 1)
    return tuple(days)


def fit_segments(
    states: pl.DataFrame, days: Sequence[date], settings: SegmentSettings, seed: int
) -> dict[date, SegmentModel]:
    """The groups of each day, each named after the groups of the day before it in the list.

    The last day has as many groups as the day before it had; for the others the number is chosen.

    Args:
        states: rows of `customer_states` of all the days.
        days: ascending.
        settings: parameters.
        seed: of starts and resamples.

    Returns:
        Day → its groups; days with too few customers are left out.
    """
    models: dict[date, SegmentModel] = {}
    former: SegmentModel | None = None
    for day in days:
        customers = states.filter(pl.col("as_of_date") == day)
        if customers.height < settings.least_customers:
            continue
        is_named_only = day not in list(days)[-JUDGED_DAYS:]
        replicates = settings.naming_replicates if is_named_only else settings.replicates
        sizes = settings.sizes
        if former is not None and day == days[-1]:
            sizes = (len(former.names),)
        model = _fit(customers, sizes, replicates, seed)
        former = model if former is None else _named_after(model, former, customers)
        models[day] = former
    return models


def agreement_of(one: SegmentModel, other: SegmentModel, customers: pl.DataFrame) -> float:
    """Adjusted Rand index of two models on the same customers: 1 the same groups, 0 chance."""
    labels = one.clustering.assign(one.scale.transform(customers))
    others = other.clustering.assign(other.scale.transform(customers))
    return float(adjusted_rand_score(labels, others))


def unrelated(customers: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The same customers with every feature shuffled on its own: what has no groups by itself."""
    generator = np.random.default_rng(seed)
    return customers.with_columns(
        customers[name].gather(generator.permutation(customers.height)) for name in FEATURES
    )


def rule_segments(customers: pl.DataFrame, rules: pl.DataFrame) -> pl.Series:
    """The segment of each customer by rule.

    Args:
        customers: rows of `customer_states`.
        rules: rows of the seed segment_rules: rule_order, segment, feature, at_least, below.

    Raises:
        ValueError: a rule names a feature that customers don't have, or a customer is in none.

    Returns:
        Names of segments, in the order of `customers`.
    """
    unknown = set(rules["feature"].drop_nulls()) - set(customers.columns)
    if unknown:
        raise ValueError(
            f"seeds/segment_rules.csv: no such feature {sorted(unknown)}. Name one of those in "
            "seeds/segment_rules.yml."
        )
    chosen = pl.lit(None, dtype=pl.String)
    ordered = rules.sort("rule_order", "feature", nulls_last=True)
    for (_, segment), conditions in ordered.group_by("rule_order", "segment", maintain_order=True):
        meets = pl.lit(True)
        for condition in conditions.to_dicts():
            meets = meets & _holds(condition)
        chosen = pl.when(chosen.is_null() & meets).then(pl.lit(segment)).otherwise(chosen)
    segments = customers.select(segment=chosen)["segment"]
    if segments.null_count():
        raise ValueError(
            f"seeds/segment_rules.csv: {segments.null_count()} customers are in no segment. End "
            "with a segment without a condition."
        )
    return segments


def _holds(condition: dict[str, object]) -> pl.Expr:
    feature = condition["feature"]
    if feature is None:
        return pl.lit(True)
    value = pl.col(str(feature)).cast(pl.Float64)
    holds = value.is_not_null()
    if condition["at_least"] is not None:
        holds = holds & (value >= float(str(condition["at_least"])))
    if condition["below"] is not None:
        holds = holds & (value < float(str(condition["below"])))
    return holds.fill_null(False)


def _fit(customers: pl.DataFrame, sizes: Sequence[int], replicates: int, seed: int) -> SegmentModel:
    scale = Standardiser.fit(customers, FEATURES, LOGGED)
    points = scale.transform(customers)
    clustering = Clustering.fit(points, sizes=sizes, replicates=replicates, seed=seed)
    return SegmentModel(scale, clustering, _names(clustering.centroids, points.mean(axis=0)))


def _named_after(
    model: SegmentModel, former: SegmentModel, customers: pl.DataFrame
) -> SegmentModel:
    """The groups in the order, and with the names, of those that their customers were in."""
    here = model.clustering.assign(model.scale.transform(customers))
    there = former.clustering.assign(former.scale.transform(customers))
    count, former_count = len(model.names), len(former.names)
    pairs = matched(here, there, count, former_count)
    kept = {
        group: other
        for group, other in pairs.items()
        if jaccard(here, group, there, other) >= SAME_GROUP
    }
    places = {other: group for group, other in kept.items()}
    rest = [group for group in range(count) if group not in kept]
    order = [
        places[place] if place in places else rest.pop(0)
        for place in range(count)
        if place in places or rest
    ] + [places[place] for place in places if place >= count]
    inherited = {group: former.names[other] for group, other in kept.items()}
    names: list[str] = []
    for group in order:
        name = inherited.get(group, model.names[group])
        taken = {*names, *(inherited.values() if group not in inherited else ())}
        names.append(_distinct(name, taken))
    return SegmentModel(model.scale, model.clustering.reordered(order), tuple(names))


def _names(centroids: Array, centre: Array) -> tuple[str, ...]:
    """What sets each group most apart from the average customer, in words."""
    names: list[str] = []
    for offset in centroids - centre:
        order = np.argsort(-np.abs(offset), kind="stable")
        words = [
            WORDS[FEATURES[place]][int(offset[place] > 0)]
            for place in order
            if abs(offset[place]) >= WORTH_A_WORD
        ] or ["average customers"]
        count = MOST_WORDS
        name = ", ".join(words[:count])
        while name in names and count < len(words):
            count += 1
            name = ", ".join(words[:count])
        names.append(_distinct(name[0].upper() + name[1:], set(names)))
    return tuple(names)


def _distinct(name: str, taken: set[str]) -> str:
    """The name, with a number if another group has it already."""
    number, candidate = 2, name
    while candidate in taken:
        candidate = f"{name} ({number})"
        number += 1
    return candidate
