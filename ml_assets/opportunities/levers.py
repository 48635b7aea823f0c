"""What would move a score: the model's own answer to changes that a seller can bring about.

Each lever changes what is known of a deal (facts), not single features: a meeting more is also an
activity more, and the days since the last one are none. The features are derived anew from the
changed facts and scored again; the difference is what the model has seen between deals like these.
It is an association: whoever calls the buyer does not thereby become a deal in which buyers call.
How far a fact is moved is what deals that were won had in the same stage, no more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.features import features_of

MOST_LEVERS = 3
LEAST_GAIN = 0.005
MIN_WON_ROWS = 20
QUARTER_DAYS = 91
ANY_STAGE = ""
# fact → quantile of the snapshots of won deals that a lever may move it to
BENCHMARKS: Mapping[str, float] = {
    "inbound_30d": 0.5,
    "meetings_30d": 0.5,
    "people_30d": 0.75,
    "contact_role_count": 0.75,
    "stage_evidence_count": 0.75,
    "days_to_close_date": 0.5,
}

Score = Callable[[pl.DataFrame], NDArray[np.float64]]


@dataclass(frozen=True)
class Lever:
    """Something that a seller can bring about.

    Attributes:
        key: stable name.
        label: the advice.
        fact: the fact that tells how things are now.
        words: what the fact counts.
        applies: on which rows there is something to change.
        changes: fact → its value afterwards.
    """

    key: str
    label: str
    fact: str
    words: str
    applies: pl.Expr
    changes: Mapping[str, pl.Expr]


@dataclass(frozen=True)
class Benchmarks:
    """What won deals had in each stage: stage → fact → value; the stage "" stands for any other."""

    values: Mapping[str, Mapping[str, float]]

    @classmethod
    def of_won(cls, snapshots: pl.DataFrame) -> Self:
        """Learn from snapshots (features and `is_won`)."""
        won = snapshots.filter(pl.col("is_won"))
        stages = won.drop_nulls("stage").group_by("stage").len().filter(pl.col("len") > 0)
        values = {ANY_STAGE: _quantiles(won)}
        for stage, row_count in stages.sort("stage").iter_rows():
            if row_count >= MIN_WON_ROWS:
                values[stage] = _quantiles(won.filter(pl.col("stage") == stage))
        return cls(values)

    def beside(self, facts: pl.DataFrame) -> pl.DataFrame:
        """The facts with `usual_won_<fact>` of their stage."""
        rows = [
            self.values.get(stage if stage is not None else ANY_STAGE, self.values[ANY_STAGE])
            for stage in facts["stage"]
        ]
        return facts.with_columns(
            pl.Series(_benchmark(name), [row.get(name) for row in rows], dtype=pl.Float64)
            for name in BENCHMARKS
        )


def _benchmark(fact: str) -> str:
    return f"usual_won_{fact}"


def _quantiles(won: pl.DataFrame) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, share in BENCHMARKS.items():
        column = won[name].drop_nulls()
        if name == "days_to_close_date":
            column = column.filter(column > 0)
        if len(column):
            values[name] = float(column.quantile(share, "nearest") or 0.0)
    return values


def _missing(fact: str) -> pl.Expr:
    """How much is missing to what won deals had."""
    return (pl.col(_benchmark(fact)) - pl.col(fact)).cast(pl.Int64)


def _more(names: tuple[str, ...], by: pl.Expr) -> dict[str, pl.Expr]:
    return {name: pl.col(name) + by for name in names}


def _none(*names: str) -> dict[str, pl.Expr]:
    return {name: pl.lit(0, dtype=pl.Int64) for name in names}


_CONTACTS = {"contact_role_count": pl.col("contact_role_count") + 1}
_ANSWERS = _missing("inbound_30d")
_MEETINGS = _missing("meetings_30d")
_NEW_DAYS = pl.col(_benchmark("days_to_close_date")).cast(pl.Int64)


def _confirmed(element: str, words: str) -> Lever:
    fact = f"has_{element}"
    return Lever(
        f"confirm_{element}",
        f"Have the {element} confirmed",
        fact,
        words,
        ~pl.col(fact),
        {
            fact: pl.lit(True),
            "qualification_met_count": pl.col("qualification_met_count") + 1,
        },
    )


LEVERS: tuple[Lever, ...] = (
    Lever(
        "reply",
        "Get answers from the buyer",
        "inbound_30d",
        "inbound in 30 days",
        _ANSWERS > 0,
        _more(
            (
                "inbound_30d",
                "inbound_90d",
                "inbound_total",
                "inbound_emails_total",
                "activities_30d",
                "activities_90d",
            ),
            _ANSWERS,
        )
        | {"inbound_7d": pl.col("inbound_7d") + 1}
        | _none("days_since_inbound", "days_since_activity"),
    ),
    Lever(
        "meeting",
        "Hold the next meeting",
        "meetings_30d",
        "meetings in 30 days",
        _MEETINGS > 0,
        _more(
            (
                "meetings_30d",
                "meetings_90d",
                "meetings_total",
                "activities_30d",
                "activities_90d",
            ),
            _MEETINGS,
        )
        | _none("days_since_meeting", "days_since_activity"),
    ),
    Lever(
        "champion",
        "Find and name a champion",
        "has_champion",
        "champion named",
        ~pl.col("has_champion"),
        {"has_champion": pl.lit(True)} | _CONTACTS,
    ),
    Lever(
        "decision_maker",
        "Engage the decision maker",
        "has_decision_maker",
        "decision maker named",
        ~pl.col("has_decision_maker"),
        {"has_decision_maker": pl.lit(True)} | _CONTACTS,
    ),
    Lever(
        "contacts",
        "Bring more people in",
        "contact_role_count",
        "contacts with a role",
        _missing("contact_role_count") > 0,
        _more(("contact_role_count", "people_total"), _missing("contact_role_count")),
    ),
    Lever(
        "evidence",
        "Complete the criteria of the stage",
        "stage_evidence_count",
        "criteria of the stage met",
        _missing("stage_evidence_count") > 0,
        _more(("stage_evidence_count", "evidence_count"), _missing("stage_evidence_count")),
    ),
    Lever(
        "follow_ups",
        "Do the follow-ups that are overdue",
        "follow_ups_overdue_count",
        "follow-ups overdue",
        pl.col("follow_ups_overdue_count") > 0,
        _more(("follow_ups_done_count",), pl.col("follow_ups_overdue_count"))
        | _none("follow_ups_overdue_count"),
    ),
    _confirmed("budget", "budget confirmed"),
    _confirmed("authority", "authority confirmed"),
    _confirmed("need", "need confirmed"),
    _confirmed("timeline", "timeline confirmed"),
    Lever(
        "close_date",
        "Agree on a close date that lies ahead",
        "days_to_close_date",
        "days to the close date",
        (pl.col("days_to_close_date") < 0) & _NEW_DAYS.is_not_null(),
        {
            "days_to_close_date": _NEW_DAYS,
            "push_count": pl.col("push_count") + 1,
            "days_pushed": pl.col("days_pushed") + _NEW_DAYS - pl.col("days_to_close_date"),
            "days_from_close_date_to_quarter_end": (pl.col("days_to_quarter_end") - _NEW_DAYS)
            % QUARTER_DAYS,
            "days_since_any_change": pl.lit(0, dtype=pl.Int64),
        },
    ),
    Lever(
        "next_step",
        "Agree on a next step and write it down",
        "next_step_count",
        "next steps written",
        pl.col("days_since_next_step").fill_null(QUARTER_DAYS) > 30,
        {"next_step_count": pl.col("next_step_count") + 1} | _none("days_since_next_step"),
    ),
)


def levers_of(
    facts: pl.DataFrame, benchmarks: Benchmarks, score: Score, current: NDArray[np.float64]
) -> list[str]:
    """The levers of each deal as JSON text, those that raise its score most first.

    Args:
        facts: see `opportunity_facts`, sorted by the keys.
        benchmarks: what won deals had.
        score: features → probabilities, shape (rows,).
        current: the deals' probabilities now, shape (rows,).

    Returns:
        For each row a list of at most three {lever, name, now, then, probability, gain}.
    """
    asked = benchmarks.beside(facts)
    found: list[list[dict[str, object]]] = [[] for _ in range(facts.height)]
    for lever in LEVERS:
        applies = asked.select(lever.applies.fill_null(False)).to_series().to_numpy()
        rows = np.flatnonzero(applies)
        if len(rows) == 0:
            continue
        part = asked[rows]
        changed = part.with_columns(
            expression.cast(part.schema[fact]).alias(fact)
            for fact, expression in lever.changes.items()
        )
        probability = score(features_of(changed))
        for row, now, then, chance in zip(
            rows.tolist(),
            part[lever.fact].to_list(),
            changed[lever.fact].to_list(),
            probability.tolist(),
            strict=True,
        ):
            gain = chance - current[row]
            if gain >= LEAST_GAIN:
                found[row].append(
                    {
                        "lever": lever.key,
                        "name": lever.label,
                        "now": f"{lever.words}: {_said(now)}",
                        "then": f"{lever.words}: {_said(then)}",
                        "probability": round(chance, 4),
                        "gain": round(gain, 4),
                    }
                )
    return [
        json.dumps(
            sorted(each, key=lambda lever: (-float(str(lever["gain"])), str(lever["lever"])))[
                :MOST_LEVERS
            ],
            ensure_ascii=False,
        )
        for each in found
    ]


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)
