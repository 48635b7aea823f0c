"""What reps record of the sales process: which criteria of a stage are met, and since when.

A criterion is recorded more often by a diligent rep and in a deal whose hidden causes are good,
some days after the stage was entered and only while the deal is in it. How the deal ends has no
part in it; what is recorded after a win belongs to Closed Won.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo import hazards as process
from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, HOUR, NEVER
from orchestration.sources.demo.company import Company
from orchestration.sources.demo.deals import Deals, seat_owner, standardised
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, Floats, Ints, chance, every, normal

PLACES = 128  # numbers of records per opportunity, more than there are criteria
CRITERIA = tuple(words.STAGE_CRITERIA)
_STAGE = np.array([words.STAGES.index(stage) for stage, _, _ in CRITERIA], dtype=np.int64)
_KIND = np.array([words.CRITERION_KINDS.index(kind) for _, kind, _ in CRITERIA], dtype=np.int64)
# How readily reps record activities, deliverables and exit criteria (log odds).
_READINESS = np.array([-1.3, 0.45, 0.85])
_OF_DILIGENCE, _OF_CAUSES = 0.65, 0.30
_USUAL_DAYS = np.array([15.0, 18.0, 25.0, 27.0, 28.0, 26.0, 30.0])
_SEGMENT_TIME = np.array([0.62, 1.0, 1.55])
_AT_FIRST_NOT_MET = 0.16


def diligence(company: Company, users: Ints, seed: int) -> Floats:
    """How carefully users keep the CRM (mean 0, spread 1): partly skill, mostly habit."""
    return 0.45 * company.skill[users] + 0.9 * normal(users, seed, "diligence")


def recorded_evidence(deals: Deals, company: Company, seed: int) -> pl.DataFrame:
    """Criteria that reps record: opportunity, criterion, user, moment, met, gone.

    `moment` is the entry of the record, `met` when it says that the criterion is met (later, if it
    was entered as open at first; NEVER, if that never changed), `gone` when it was deleted (NEVER,
    if it was not). One row per opportunity and criterion.
    """
    visits = _visits(deals)
    opportunity, stage = visits["opportunity"].to_numpy(), visits["stage"].to_numpy()
    entered = visits["entered"].to_numpy()
    seat_stage = np.minimum(stage, process.NEGOTIATION)
    user = seat_owner(deals.opportunities, company, opportunity, seat_stage, entered)
    causes = standardised(deals.opportunities, opportunity, company.skill[user])
    score = (causes * process.WEIGHTS[:, seat_stage].T).sum(axis=1)
    score = np.where(stage == process.WON, 0.0, score)
    ready = _OF_DILIGENCE * diligence(company, user, seed) + _OF_CAUSES * score
    counts = np.bincount(_STAGE, minlength=len(words.STAGES))[stage]
    visit = np.repeat(np.arange(len(stage)), counts)
    first = np.searchsorted(_STAGE, stage)
    within = np.arange(len(visit)) - np.repeat(np.cumsum(counts) - counts, counts)
    criterion = first[visit] + within
    key = (opportunity[visit] * PLACES + criterion) * 32 + visits["visit"].to_numpy()[visit] % 32
    odds = ready[visit] + _READINESS[_KIND[criterion]]
    does = chance(key, seed, "evidence recorded") < 1 / (1 + np.exp(-odds))
    segment = deals.opportunities["segment"][opportunity[visit]]
    usual = _USUAL_DAYS[stage[visit]] * _SEGMENT_TIME[segment]
    delay = usual * (0.05 - 0.4 * np.log1p(-chance(key, seed, "evidence after days")))
    moment = entered[visit] + (delay * DAY).astype(np.int64) + HOUR // 6
    does &= moment < visits["left"].to_numpy()[visit]
    return _finished(
        pl.DataFrame(
            {
                "opportunity": opportunity[visit], "criterion": criterion, "user": user[visit],
                "moment": moment, "key": key, "over": visits["over"].to_numpy()[visit],
            }
        ).filter(pl.Series(does)),
        seed,
    )  # fmt: skip


def _visits(deals: Deals) -> pl.DataFrame:
    """Visits to stages that have criteria, until left, deleted or, once won, for good.

    Columns: opportunity, stage, entered, left, over (the next close or the deletion), visit.
    """
    frame = deals.visits.frame().sort("opportunity", "entered", maintain_order=True)
    gone = pl.Series(deals.opportunities["deleted"][frame["opportunity"].to_numpy()])
    closing = pl.when(pl.col("stage") >= process.WON).then("entered")
    following = closing.shift(-1).backward_fill().over("opportunity").fill_null(NEVER)
    return (
        frame.with_columns(
            visit=pl.int_range(pl.len()).over("opportunity"),
            left=pl.min_horizontal("left", gone),
            over=pl.min_horizontal(following, gone),
        )
        .filter((pl.col("stage") <= process.WON) & (pl.col("entered") < pl.col("left")))
        .drop("row")
    )


def _finished(records: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The first record of each criterion of a deal, with when it is met and when it is deleted."""
    records = records.sort("opportunity", "criterion", "moment", maintain_order=True).unique(
        subset=["opportunity", "criterion"], keep="first", maintain_order=True
    )
    key: Array = records["key"].to_numpy()
    moment, over = records["moment"].to_numpy(), records["over"].to_numpy()
    open_at_first = chance(key, seed, "evidence open") < _AT_FIRST_NOT_MET
    later = moment + ((2 + 9 * chance(key, seed, "evidence met after")) * DAY).astype(np.int64)
    met = np.where(open_at_first, np.where(later < over, later, NEVER), moment)
    serial = records["opportunity"].to_numpy() * 7 + records["criterion"].to_numpy()
    ends = np.maximum(moment, np.where(met < NEVER, met, moment)) + (
        (1 + 11 * chance(key, seed, "evidence deleted after")) * DAY
    ).astype(np.int64)
    deleted = every(serial, RATES["deleted_evidence"], 5) & (ends < over)
    return records.with_columns(
        met=pl.Series(met), gone=pl.Series(np.where(deleted, ends, NEVER))
    ).drop("key", "over")
