"""The scorer on frames as people have them: every type, gaps, few rows, rare outcomes, leaks."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from venn_abers import VennAbers

from ml_assets.evaluation import log_loss, roc_auc
from ml_assets.scoring import BinaryScorer, FitReport, ScorerSettings
from ml_assets.scoring.attribution import TreeAttribution
from ml_assets.scoring.boosting import suited
from ml_assets.scoring.calibration import two_curves
from ml_assets.scoring.line import fitted_line, sigmoid
from ml_assets.scoring.linear import LinearModel, LinearTrainer
from ml_assets.scoring.reasons import cell_texts
from ml_assets.scoring.splits import group_codes, plan_folds, stratified_folds

QUICK = ScorerSettings(max_rounds=40, tuning=0)


def leads(rows: int = 600, seed: int = 1, base: float = -0.5) -> pl.DataFrame:
    """Columns of every type that a warehouse has; the chance follows budget, source and visits."""
    rng = np.random.default_rng(seed)
    budget = rng.normal(size=rows)
    web = rng.random(rows) < 0.5
    visits = rng.poisson(2, rows)
    chance = 1 / (1 + np.exp(-(base + 1.6 * budget + 1.2 * web + 0.3 * (visits - 2))))
    first = datetime(2025, 1, 1)
    hours = rng.integers(0, 8_000, rows)
    return pl.DataFrame(
        {
            "budget": pl.Series([Decimal(f"{1000 * np.exp(b):.2f}") for b in budget]).cast(
                pl.Decimal(18, 2)
            ),
            "source": np.where(web, "web", "fair"),
            "country": pl.Series(rng.choice(["DE", "FR", "UK"], rows)).cast(pl.Categorical),
            "visits": visits,
            "is_partner": rng.random(rows) < 0.3,
            "created_at": [first + timedelta(hours=int(h)) for h in hours],
            "since_visit": [timedelta(hours=int(h)) for h in rng.integers(0, 900, rows)],
            "called_at": [time(int(h), 30) for h in rng.integers(8, 18, rows)],
            "score": np.where(rng.random(rows) < 0.1, np.inf, rng.normal(size=rows)),
            "converted": rng.random(rows) < chance,
            "chance": chance,
        }
    ).with_columns(pl.when(pl.Series(rng.random(rows) < 0.9)).then(pl.col("since_visit")))


def fitted(frame: pl.DataFrame, **more: object) -> tuple[BinaryScorer, FitReport]:
    scorer = BinaryScorer("converted", exclude=["chance"], settings=QUICK, **more)  # type: ignore[arg-type]
    return scorer, scorer.fit(frame)


@pytest.fixture(scope="module")
def trained() -> tuple[BinaryScorer, FitReport]:
    return fitted(leads(1_500))


def best_auc(frame: pl.DataFrame) -> float:
    return roc_auc(frame["converted"].cast(float).to_numpy(), frame["chance"].to_numpy())


def test_five_lines_are_enough_for_a_frame_of_every_type(tmp_path: Path) -> None:
    frame, later = leads(1_500), leads(800, seed=2)
    scorer = BinaryScorer("converted", exclude=["chance"])
    fit = scorer.fit(frame)
    report = scorer.evaluate(later)
    scores = scorer.predict(later.drop("converted"))
    scorer.save(tmp_path)
    assert report.metrics["roc_auc"].value > best_auc(later) - 0.03
    assert report.skills["brier", "base_rate"] > 0.15
    assert scores.columns == [
        "probability", "probability_low", "probability_high", "top_factors",
    ]  # fmt: skip
    assert BinaryScorer.load(tmp_path).predict(later).equals(scores)
    assert fit.suspected_leaks == ()
    assert fit.left_out == {}
    assert set(fit.held_out_losses) == {"trees", "linear", "blend", "base_rate"}


def test_what_is_linear_is_left_to_the_linear_model_or_a_blend(
    trained: tuple[BinaryScorer, FitReport],
) -> None:
    """The log-odds of the frame are a sum of columns, one of them the logarithm of an amount."""
    _, report = trained
    assert report.kept in {"linear", "blend"}
    losses = report.held_out_losses
    assert losses["blend"] <= min(losses["trees"], losses["linear"]) < losses["base_rate"]


def test_what_needs_trees_gets_them() -> None:
    rng = np.random.default_rng(3)
    left, right = rng.random(3_000), rng.random(3_000)
    frame = pl.DataFrame(
        {"left": left, "right": right, "converted": ((left > 0.5) ^ (right > 0.5))
         ^ (rng.random(3_000) < 0.1)}
    )  # fmt: skip
    report = BinaryScorer("converted", settings=QUICK).fit(frame)
    assert report.kept == "trees"
    assert report.held_out_losses["linear"] > 0.6 > report.held_out_losses["trees"]


def test_without_a_linear_rival_the_trees_are_kept() -> None:
    frame = leads()
    scorer = BinaryScorer(
        "converted", exclude=["chance"], settings=ScorerSettings(linear=False, tuning=0)
    )
    assert scorer.fit(frame).kept == "trees"


@pytest.mark.parametrize("kept", ["trees", "linear", "blend"])
def test_contributions_of_every_kind_of_model_add_up_to_its_log_odds(
    kept: str, trained: tuple[BinaryScorer, FitReport]
) -> None:
    scorer, _ = fitted(leads(1_500))
    inner = scorer._fitted
    assert inner is not None
    trees, linear = inner.model.trees, inner.model.linear
    matrix = inner.encoder.transform(leads(1_200, seed=9))
    trainer = LinearTrainer(
        matrix, np.arange(len(matrix)) % 2.0, np.ones(len(matrix)), inner.encoder.category_positions
    )
    linear = linear or trainer.fit(np.arange(len(matrix)), [0.1])[0]
    trees = trees or lgb.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1},
        lgb.Dataset(matrix, np.arange(len(matrix)) % 2),
        5,
    )
    blend = type(inner.model)(
        None if kept == "linear" else trees,
        None if kept == "trees" else linear,
        {"trees": 1.0, "linear": 0.0, "blend": 0.3}[kept],
    )
    parts = blend.contributions(matrix, 1)
    assert parts.sum(axis=1) == pytest.approx(blend.log_odds(matrix, 1), abs=1e-9)


def test_attribution_equals_lightgbms_own_shap_values() -> None:
    """Missing values, zeros, categories that training has not seen, splits of both defaults."""
    rng = np.random.default_rng(1)
    rows = 3_000
    matrix = rng.normal(size=(rows, 6))
    matrix[:, 4] = rng.integers(0, 40, rows)
    matrix[:, 5] = rng.integers(-1, 3, rows)
    chance = sigmoid(matrix[:, 0] * matrix[:, 1] + (matrix[:, 4] % 7 == 2) - matrix[:, 5] / 2)
    outcome = (rng.random(rows) < chance).astype(float)
    matrix[rng.random((rows, 6)) < 0.1] = np.nan
    matrix[:, 3] = np.nan_to_num(matrix[:, 3])
    for zero_as_missing in (False, True):
        parameters = {
            "objective": "binary", "num_leaves": 16, "verbosity": -1, "num_threads": 1,
            "cat_smooth": 1, "min_data_in_leaf": 10, "zero_as_missing": zero_as_missing,
        }  # fmt: skip
        booster = lgb.train(parameters, lgb.Dataset(matrix, outcome, categorical_feature=[4]), 20)
        asked = matrix.copy()
        asked[:20, 4], asked[20:40, 4], asked[40:60, 3] = 77, -3, np.nan
        attribution = TreeAttribution(booster)
        expected = np.asarray(booster.predict(asked, pred_contrib=True))
        assert attribution.contributions(asked) == pytest.approx(expected, abs=1e-12)
        # Again, with patterns that it has met and some that it has not.
        other = asked[::-1] + (np.arange(6) < 2) * 0.5
        expected = np.asarray(booster.predict(other, pred_contrib=True))
        assert attribution.contributions(other) == pytest.approx(expected, abs=1e-12)


def test_attribution_of_trees_with_many_leaves_or_of_none_is_exact_too() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(1_000, 3))
    outcome = (rng.random(1_000) < sigmoid(matrix[:, 0])).astype(float)
    for leaves, least in ((60, 5), (4, 900)):
        booster = lgb.train(
            {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": least,
             "verbosity": -1, "num_threads": 1},
            lgb.Dataset(matrix, outcome), 3,
        )  # fmt: skip
        expected = np.asarray(booster.predict(matrix, pred_contrib=True))
        assert TreeAttribution(booster).contributions(matrix) == pytest.approx(expected)


def test_the_linear_model_is_scikit_learns_on_standardised_columns() -> None:
    rng = np.random.default_rng(4)
    matrix = rng.integers(0, 9, size=(500, 2)).astype(float)  # few values: no ranks
    outcome = (rng.random(500) < sigmoid(matrix[:, 0] - 4)).astype(float)
    trainer = LinearTrainer(matrix, outcome, np.ones(500), [])
    ours = trainer.fit(np.arange(500), [0.1])[0]
    standard = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    theirs = LogisticRegression(C=0.1, tol=1e-8).fit(standard, outcome)
    assert ours.log_odds(matrix) == pytest.approx(theirs.decision_function(standard), abs=1e-3)
    assert LinearModel.from_dict(ours.as_dict()).log_odds(matrix) == pytest.approx(
        ours.log_odds(matrix), abs=0
    )


@pytest.mark.parametrize("weight", [1, 3])
def test_calibration_curves_are_those_of_the_published_algorithm(weight: int) -> None:
    """Against the `venn-abers` package; a weight of three is a row that occurs three times."""
    rng = np.random.default_rng(5)
    scores = np.round(rng.random(200), 2)
    outcome = (rng.random(200) < scores).astype(float)
    knots, knot_of = np.unique(scores, return_inverse=True)
    below, above = two_curves(knot_of, outcome, np.full(200, float(weight)), len(knots))
    package = VennAbers()
    every = np.repeat(np.lexsort((outcome, scores)), weight)
    package.fit(np.column_stack([1 - scores[every], scores[every]]), outcome[every])
    place = np.searchsorted(package.c, knots, side="right")
    assert below == pytest.approx(package.p0[place, 1])
    place = np.searchsorted(package.c, knots, side="left")
    assert above == pytest.approx(package.p1[place, 1])


def test_a_line_undoes_level_and_slope() -> None:
    rng = np.random.default_rng(6)
    truth = rng.normal(size=20_000)
    outcome = (rng.random(20_000) < sigmoid(truth)).astype(float)
    line = fitted_line(outcome, 3 * truth + 2, np.ones(20_000))
    assert line.slope == pytest.approx(1 / 3, rel=0.05)
    assert line.level == pytest.approx(-2 / 3, abs=0.05)
    assert fitted_line(outcome, -truth, np.ones(20_000)).slope == 0


# --- leaks -------------------------------------------------------------------------------------


def test_a_column_that_explains_the_outcome_alone_is_named_and_not_used() -> None:
    frame = leads(1_000)
    noise = np.random.default_rng(7).normal(size=1_000)
    frame = frame.with_columns(
        call_seconds=pl.col("converted").cast(float) * 3 + noise * 0.7,
        stage=pl.when("converted").then(pl.lit("customer")).otherwise(pl.lit("lead")),
    )
    scorer, report = fitted(frame)
    assert [leak.column for leak in report.suspected_leaks] == ["call_seconds", "stage"]
    assert {leak.kind for leak in report.suspected_leaks} == {"explains_alone"}
    assert "ROC-AUC" in report.suspected_leaks[0].reason
    assert not set(report.features) & {"call_seconds", "stage"}
    scorer.predict(frame.drop("call_seconds", "stage"))


def test_a_suspected_column_is_used_if_it_is_allowed() -> None:
    frame = leads(1_000).with_columns(known=pl.col("converted").cast(float))
    _, report = fitted(frame, allow=["known"])
    assert "known" in report.features
    assert report.suspected_leaks[0].is_used


def test_a_column_that_is_filled_for_one_outcome_only_is_suspected() -> None:
    """Filled in half of the positives alone: a ROC-AUC of 0.75 would not raise suspicion."""
    rng = np.random.default_rng(8)
    reason = pl.when(pl.col("converted") & pl.Series(rng.random(1_000) < 0.5)).then(
        pl.lit("signed")
    )
    frame = leads(1_000).with_columns(reason=reason, blank=reason.fill_null(" "))
    _, report = fitted(frame)
    assert {leak.column for leak in report.suspected_leaks} == {"reason", "blank"}
    assert "0.0% of those with a negative one" in report.suspected_leaks[0].reason


def test_a_column_that_is_filled_for_decided_rows_only_is_suspected() -> None:
    rng = np.random.default_rng(9)
    decided = leads(800).with_columns(closed_by=pl.Series(rng.choice(["Ann", "Bob"], 800)))
    open_ones = leads(200, seed=3).with_columns(
        closed_by=pl.lit(None, pl.String), converted=pl.lit(None, pl.Boolean)
    )
    _, report = fitted(pl.concat([decided, open_ones]))
    assert report.dropped_rows == 200
    assert [(leak.column, leak.kind) for leak in report.suspected_leaks] == [
        ("closed_by", "filled_when_decided")
    ]


@pytest.mark.parametrize("seed", range(6))
def test_small_data_with_rare_positives_raises_no_false_alarm(seed: int) -> None:
    """Honest columns with gaps, also gaps that go with the outcome, at 400 rows and 4 %."""
    rng = np.random.default_rng(seed)
    frame = leads(400, seed=seed, base=-4.6)
    if frame["converted"].sum() < 10:
        frame = frame.with_columns(converted=pl.Series(frame["chance"].rank("ordinal") > 386))
    hint = frame["converted"].to_numpy()
    frame = frame.with_columns(
        pl.Series(f"gappy_{i}", np.where(rng.random(400) < 0.9, np.nan, rng.normal(size=400)))
        for i in range(20)
    ).with_columns(
        reply=pl.Series(np.where(hint | (rng.random(400) < 0.3), 1.0, np.nan)),
    )
    _, report = fitted(frame)
    assert report.suspected_leaks == ()


# --- columns without content -------------------------------------------------------------------


def test_columns_without_content_are_left_out_with_a_reason() -> None:
    frame = leads().with_columns(
        nothing=pl.lit(None),
        nan=pl.lit(float("nan")),
        same=pl.lit("x"),
        email=pl.Series([f"{i}@example.com" for i in range(600)]),
        row_number=pl.int_range(600),
    )
    scorer, report = fitted(frame)
    assert list(report.left_out) == ["nothing", "nan", "same", "email", "row_number"]
    assert "no values" in report.left_out["nothing"]
    assert "same value" in report.left_out["same"]
    assert "identifiers or free text" in report.left_out["email"]
    assert "running number" in report.left_out["row_number"]
    scorer.predict(frame.drop(report.left_out))


def test_a_column_with_one_value_and_gaps_is_kept() -> None:
    frame = leads().with_columns(newsletter=pl.when(pl.col("visits") > 2).then(pl.lit("yes")))
    assert "newsletter" in fitted(frame)[1].features


def test_no_column_left_is_an_error_that_says_why() -> None:
    frame = leads().select("converted", same=pl.lit(1))
    with pytest.raises(ValueError, match="want of content: same"):
        BinaryScorer("converted").fit(frame)


# --- few rows, rare positives ------------------------------------------------------------------


def test_four_hundred_rows_at_five_percent_give_sane_scores() -> None:
    """Ranking near the truth's, rates that are right on average, intervals that hold the truth."""
    found: list[tuple[float, float, float, float]] = []
    for seed in (0, 3, 4):
        frame, later = leads(400, seed=seed, base=-4.6), leads(2_000, seed=50 + seed, base=-4.6)
        assert 15 < frame["converted"].sum() < 40
        scorer, report = fitted(frame)
        assert report.calibration_rows == 400
        scores = scorer.predict(later)
        outcome = later["converted"].cast(float).to_numpy()
        inside = later["chance"].is_between(scores["probability_low"], scores["probability_high"])
        found.append(
            (
                best_auc(later) - roc_auc(outcome, scores["probability"].to_numpy()),
                float((scores["probability"] - later["chance"]).to_numpy().mean()),
                float(inside.to_numpy().mean()),
                log_loss(outcome, scores["probability"].to_numpy())
                - log_loss(outcome, np.full(2_000, frame["converted"].to_numpy().mean())),
            )
        )
    lost, bias, covered, gained = np.mean(found, axis=0)
    assert lost < 0.08
    assert abs(bias) < 0.02
    assert covered > 0.75
    assert gained < -0.02


def test_every_fold_holds_positives_however_rare() -> None:
    outcome = np.zeros(400)
    outcome[:12] = 1
    for _, held in stratified_folds(np.arange(400), outcome, 4, 7):
        assert outcome[held].sum() == 3
        assert len(held) == 100


def test_the_trees_suit_the_rows_and_columns() -> None:
    settings = ScorerSettings()
    assert suited(settings, 400, 20).min_rows_per_leaf == 13
    assert suited(settings, 50_000, 20) == settings
    assert suited(settings, 1_000_000, 20).max_rounds == 150
    assert suited(settings, 400, 2).feature_share == 1


@pytest.mark.parametrize(
    ("target", "values", "message"),
    [
        ("answer", ["yes", "no"] * 300, "== 'yes'"),
        ("answer", [0, 2] * 300, "also holds 2"),
        ("answer", [True] * 5 + [False] * 595, "there are 5 positive"),
        ("missing", [True] * 600, "no column 'missing'"),
    ],
)
def test_a_target_that_is_no_yes_or_no_is_refused_with_the_fix(
    target: str, values: list[object], message: str
) -> None:
    frame = leads().with_columns(answer=pl.Series(values))
    with pytest.raises(ValueError, match=message):
        BinaryScorer(target, exclude=["chance"]).fit(frame)


def test_missing_times_and_negative_weights_are_refused() -> None:
    frame = leads().with_columns(
        day=pl.when(pl.col("visits") > 0).then(pl.lit(date(2025, 1, 1))), w=pl.lit(-1.0)
    )
    with pytest.raises(ValueError, match="Time column 'day' is empty in"):
        BinaryScorer("converted", time="day").fit(frame)
    with pytest.raises(ValueError, match="Weight column 'w'"):
        BinaryScorer("converted", weight="w").fit(frame)


def test_rows_to_evaluate_without_outcome_are_left_aside_or_refused_beside_baselines(
    trained: tuple[BinaryScorer, FitReport],
) -> None:
    scorer, _ = trained
    frame = leads(200, seed=4).with_columns(
        converted=pl.when(pl.int_range(200) >= 50).then(pl.col("converted"))
    )
    assert scorer.evaluate(frame).row_count == 150
    assert scorer.decide(frame, share=0.1).selected_count >= 15
    with pytest.raises(ValueError, match="50 rows have no outcome"):
        scorer.evaluate(frame, baselines={"half": np.full(200, 0.5)})


# --- splits ------------------------------------------------------------------------------------


def dated(rows: int, accounts: int, seed: int = 1) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "day": [date(2025, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 300, rows)],
            "account": [f"a{i}" for i in rng.integers(0, accounts, rows)],
        }
    )
    return frame, (rng.random(rows) < 0.4).astype(float)


def test_forward_folds_learn_from_earlier_rows_of_other_groups() -> None:
    frame, outcome = dated(1_000, 5_000)
    plan = plan_folds(
        frame, outcome, group_codes(frame, "account"), time="day",
        settings=ScorerSettings(gap_days=10),
    )  # fmt: skip
    assert len(plan.forward) == 2
    for train, held in plan.forward:
        assert frame[train]["day"].max() < frame[held]["day"].min() - timedelta(days=10)
        assert not set(frame[train]["account"]) & set(frame[held]["account"])
    held_out = np.concatenate([held for _, held in plan.forward])
    assert sorted(held_out) == np.flatnonzero(plan.calibrates).tolist()


def test_where_nothing_carries_over_to_later_rows_both_models_speak_by_half() -> None:
    """What drove the outcome in the first half of the time drives nothing in the second."""
    rng = np.random.default_rng(10)
    cause = rng.normal(size=2_000)
    early = np.arange(2_000) < 1_000
    frame = pl.DataFrame(
        {
            "day": np.arange(2_000),
            "cause": cause,
            "noise": rng.normal(size=2_000),
            "converted": rng.random(2_000) < sigmoid(np.where(early, 2 * cause, 0.0)),
        }
    )
    report = BinaryScorer("converted", time="day", settings=QUICK).fit(frame)
    assert (report.folds, report.kept, report.tree_weight) == ("undecided", "blend", 0.5)
    steady = frame.with_columns(converted=pl.Series(rng.random(2_000) < sigmoid(2 * cause)))
    assert BinaryScorer("converted", time="day", settings=QUICK).fit(steady).folds == "time"


def test_where_every_account_returns_there_are_no_forward_folds() -> None:
    frame, outcome = dated(1_000, 20)
    plan = plan_folds(
        frame, outcome, group_codes(frame, "account"), time="day", settings=ScorerSettings()
    )
    assert plan.forward == []
    assert 0.45 < plan.calibrates.mean() < 0.55


def test_more_of_the_past_calibrates_where_the_latest_rows_hold_too_few_positives() -> None:
    frame, _ = dated(1_000, 5_000)
    early = (frame["day"].rank("ordinal") <= 200).to_numpy()
    plan = plan_folds(
        frame, early.astype(float), np.arange(1_000), time="day", settings=ScorerSettings()
    )
    assert (plan.calibrates & early).sum() >= 50


def test_group_numbers_follow_names_and_not_rows() -> None:
    names = pl.DataFrame({"g": ["b", None, "a", "b"]})
    codes = group_codes(names, "g")
    assert codes[0] == codes[3] != codes[2]
    assert len(set(codes)) == 3
    again = group_codes(names.reverse(), "g")
    assert again[::-1][[0, 2, 3]].tolist() == codes[[0, 2, 3]].tolist()


# --- what always holds -------------------------------------------------------------------------


def test_shuffled_labels_cannot_be_learnt() -> None:
    frame = leads(1_500).with_columns(pl.col("converted").shuffle(seed=5))
    scorer, report = fitted(frame)
    later = leads(3_000, seed=6).with_columns(pl.col("converted").shuffle(seed=8))
    auc = roc_auc(later["converted"].cast(float).to_numpy(), scorer.probability(later))
    assert auc == pytest.approx(0.5, abs=0.04)
    assert report.held_out_losses["blend"] > report.held_out_losses["base_rate"] - 0.01


def test_training_twice_gives_the_same_bits(trained: tuple[BinaryScorer, FitReport]) -> None:
    again, report = fitted(leads(1_500))
    asked = leads(300, seed=11)
    assert report.as_dict() == trained[1].as_dict()
    assert again.predict(asked).equals(trained[0].predict(asked))


ODD_ROWS = st.fixed_dictionaries(
    {
        "budget": st.one_of(st.none(), st.decimals(-1_000, 10**9, places=2)),
        "source": st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["web", "fair"])),
        "visits": st.one_of(st.none(), st.integers(-5, 10**6)),
        "is_partner": st.one_of(st.none(), st.booleans()),
        "created_at": st.one_of(
            st.none(), st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1))
        ),
        "score": st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
    }
)


@given(st.lists(ODD_ROWS, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_any_row_gets_a_probability_within_its_interval_and_reasons(
    trained: tuple[BinaryScorer, FitReport], rows: list[dict[str, object]]
) -> None:
    """Unseen categories, missing, infinite and absurd values, in any mixture."""
    known = leads(len(rows))
    odd = pl.DataFrame(rows, schema={name: known.schema[name] for name in rows[0]})
    scores = trained[0].predict(known.with_columns(odd.get_columns()))
    for row in scores.iter_rows(named=True):
        assert 0 <= row["probability_low"] <= row["probability"] <= row["probability_high"] <= 1
        sizes = [abs(reason["contribution"]) for reason in row["top_factors"]]
        assert sizes == sorted(sizes, reverse=True)
        assert all(size > 0 for size in sizes)


def test_columns_of_another_type_than_in_training_are_named(
    trained: tuple[BinaryScorer, FitReport],
) -> None:
    with pytest.raises(TypeError, match="'since_visit' was a duration"):
        trained[0].predict(leads(5).with_columns(since_visit=pl.lit("soon")))
    empty = leads(5).with_columns(since_visit=pl.lit(None), source=pl.lit(None))
    assert trained[0].predict(empty).height == 5


def test_values_in_reasons_read_as_a_person_writes_them() -> None:
    texts = {
        "1,234,568": pl.Series([1_234_567.8]),
        "99.50": pl.Series([99.5]),
        "3": pl.Series([3.0]),
        "12345": pl.Series([12_345]),
        "no": pl.Series([False]),
        "2025-03-01": pl.Series([date(2025, 3, 1)]),
        "2025-03-01 08:05": pl.Series([datetime(2025, 3, 1, 8, 5, 9)]),
        "08:05": pl.Series([time(8, 5)]),
        "1.50 days": pl.Series([timedelta(hours=36)]),
        "12.30": pl.Series([Decimal("12.30")]),
        "unknown": pl.Series([float("nan")]),
    }
    for text, series in texts.items():
        assert cell_texts(series).to_list() == [text]
    assert cell_texts(pl.Series([None, timedelta(1)])).to_list() == ["unknown", "1 days"]


def test_long_frames_are_scored_in_chunks_as_short_ones(
    trained: tuple[BinaryScorer, FitReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = leads(1_000, seed=12)
    whole = trained[0].predict(rows)
    monkeypatch.setattr("ml_assets.scoring.binary_scorer.ROWS_PER_CHUNK", 300)
    assert trained[0].predict(rows).equals(whole)
