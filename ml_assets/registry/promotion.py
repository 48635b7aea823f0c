"""When a challenger may replace what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml_assets.evaluation import BandReport, ScoreReport

Code = Literal["promoted", "insufficient_history", "leak_suspected", "no_signal", "bands_missed"]


NO_RANKING = 0.5


@dataclass(frozen=True)
class PromotionRule:
    """What a challenger has to show on later, unseen rows.

    Attributes:
        min_training_groups: distinct entities of each outcome to learn from.
        min_test_groups: distinct entities of each outcome to be judged on.
        max_roc_auc: a better one means that an outcome has leaked into the features.
        min_skill: least share of each baseline's log loss that must be removed; below it a gain
            may be real, or come from a drifting base rate, but is not worth acting on.
        entities, positive, negative: what is scored and its outcomes, in the words of a reason.
    """

    min_training_groups: int = 100
    min_test_groups: int = 50
    max_roc_auc: float = 0.95
    min_skill: float = 0.02
    entities: str = "deals"
    positive: str = "won"
    negative: str = "lost"


@dataclass(frozen=True)
class Decision:
    """Whether a challenger is promoted, and why, in a sentence."""

    code: Code
    reason: str

    @property
    def is_promoted(self) -> bool:
        """Whether it may speak."""
        return self.code == "promoted"


def too_little_history(
    part: str,
    positive_groups: int,
    negative_groups: int,
    needed: int,
    rule: PromotionRule | None = None,
) -> Decision | None:
    """A refusal, in the rule's words, if either outcome has too few entities, else None."""
    if min(positive_groups, negative_groups) >= needed:
        return None
    words = rule or PromotionRule()
    return Decision(
        "insufficient_history",
        f"Not promoted: {part} holds {positive_groups:,} {words.positive} and "
        f"{negative_groups:,} {words.negative} {words.entities} with a known outcome, and "
        f"{needed:,} of each are needed.",
    )


def decide(report: ScoreReport, rule: PromotionRule) -> Decision:
    """Judge a challenger by its report on later rows.

    It is promoted when it ranks better than chance, removes at least `min_skill` of the log loss of
    every baseline, and the bootstrap intervals of the gain in log loss and in Brier score lie above
    zero for every baseline; unless there is too little to judge by, or it is too good to be true.
    """
    short = too_little_history(
        "the later test period",
        report.positive_group_count,
        report.negative_group_count,
        rule.min_test_groups,
        rule,
    )
    if short is not None:
        return short
    auc = report.metrics["roc_auc"]
    if auc.value > rule.max_roc_auc:
        return Decision(
            "leak_suspected",
            f"Not promoted: ROC-AUC {auc.value:.3f} on later {rule.entities} is above "
            f"{rule.max_roc_auc:.2f}, which means that a feature knows the outcome. Look for it "
            "before using the model.",
        )
    evidence = (
        f"ROC-AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}) on {report.row_count:,} later "
        f"snapshots of {report.group_count:,} {rule.entities}"
    )
    if not auc.low > NO_RANKING:
        return Decision("no_signal", f"Not promoted: it can't rank {rule.entities}; {evidence}.")
    for (loss, baseline), gain in report.improvements.items():
        if not gain.is_above_zero():
            return Decision(
                "no_signal",
                f"Not promoted: against the {baseline.replace('_', ' ')} the gain in "
                f"{loss.replace('_', ' ')} is {gain.value:+.4f} ({gain.low:+.4f} to "
                f"{gain.high:+.4f}), which may be chance; {evidence}.",
            )
    for baseline in report.baseline_metrics:
        skill = report.skills["log_loss", baseline]
        if skill < rule.min_skill:
            return Decision(
                "no_signal",
                f"Not promoted: it removes {skill:.2%} of the log loss of the "
                f"{baseline.replace('_', ' ')}, and {rule.min_skill:.0%} is the least worth acting "
                f"on; {evidence}.",
            )
    gains = ", ".join(
        f"{report.skills['log_loss', baseline]:.1%} of the log loss of the "
        f"{baseline.replace('_', ' ')}"
        for baseline in report.baseline_metrics
    )
    return Decision("promoted", f"Promoted: it removes {gains}; {evidence}.")


def hold_bands(decision: Decision, bands: BandReport, min_r_squared: float) -> Decision:
    """Refuse a challenger, promoted so far, whose score does not mean what its bands promise.

    Args:
        decision: of `decide`; a refusal is passed on.
        bands: of the score on the same later rows.
        min_r_squared: the R² of the outcome rates of score bins must lie above it.
    """
    if not decision.is_promoted:
        return decision
    told = "; ".join(
        f"{band.promise.says()} promised, {band.rate.value:.1%} of {band.row_count:,}"
        if band.row_count
        else f"{band.promise.says()} promised, nobody there"
        for band in bands.bands
    )
    straight = f"R² {bands.r_squared:.2f} over {bands.bins.height} score bins"
    broken = [band for band in bands.bands if not band.is_kept]
    if broken:
        return Decision(
            "bands_missed", f"Not promoted: the score does not keep its word ({told}); {straight}."
        )
    if not bands.r_squared > min_r_squared:
        return Decision(
            "bands_missed",
            f"Not promoted: {straight}, where more than {min_r_squared:.2f} is asked for ({told}).",
        )
    return Decision("promoted", f"{decision.reason[:-1]}; {told}; {straight}.")
