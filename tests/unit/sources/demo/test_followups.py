"""Recorded meetings and what sellers promise: who is heard, who keeps it, what it gives away."""

import numpy as np
import polars as pl
import pytest

from orchestration.sources.demo import followups
from orchestration.sources.demo.attention import Attention
from orchestration.sources.demo.exports.book import Book

from .conftest import Demo
from .landing import instants

PARENTS = [("phone", "call_id"), ("meetings", "meeting_id")]


@pytest.fixture(scope="module")
def promised(full_world: Book) -> pl.DataFrame:
    """The follow-ups of four months at full size, with the skill of who talked."""
    attention = Attention(full_world)
    columns = ["serial", "user", "opportunity", "agreed", "due", "ended", "ending", "kind", "stage"]
    frame = pl.concat(
        draw(attention, month).select(columns)
        for month in (3, 9, 15, 21)
        for draw in (followups.call_actions, followups.meeting_actions)
    )
    return frame.with_columns(skill=pl.Series(full_world.company.skill[frame["user"].to_numpy()]))


def test_only_held_meetings_are_analysed_and_never_before_they_end(demo: Demo):
    analysed = demo.rows("meetings", "recordings").unique("meeting_id")
    meetings = demo.rows("meetings", "meetings").unique("meeting_id")
    joined = analysed.join(meetings, on="meeting_id")
    assert joined.height == analysed.height
    assert set(joined["status"]) == {"held"}
    ends = pl.col("end_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_zone="UTC")
    ready = instants("analyzed_at").dt.replace_time_zone("UTC")
    assert joined.select((ready > ends).all()).item()
    assert joined.select(
        (pl.col("duration_seconds") <= 90 * 60).all()
        & (pl.col("longest_monologue_seconds") <= pl.col("duration_seconds")).all()
    ).item()


@pytest.mark.parametrize(("system", "parent"), PARENTS)
def test_most_conversations_have_a_follow_up_and_none_more_than_three(
    demo: Demo, system: str, parent: str
):
    actions = demo.rows(system, "action_items").unique("action_id")
    heard = (
        demo.rows(system, "calls").filter(pl.col("disposition") == "connected")
        if system == "phone"
        else demo.rows(system, "recordings")
    )
    per_conversation = actions.group_by(parent).len()
    assert set(per_conversation[parent]) <= set(heard[parent])
    assert 0.50 < per_conversation.height / heard[parent].n_unique() < 0.76
    assert per_conversation["len"].max() == 3


@pytest.mark.parametrize(("system", "parent"), PARENTS)
def test_a_follow_up_is_exported_when_it_is_agreed_and_when_it_ends(
    demo: Demo, system: str, parent: str
):
    rows = demo.rows(system, "action_items").drop("_file").unique()
    assert rows.group_by("action_id").len()["len"].max() == 2
    assert (
        rows.filter(pl.col("status") == "open")
        .select((pl.col("created_at") == pl.col("updated_at")).all())
        .item()
    )
    ended = rows.filter(pl.col("status") != "open")
    assert ended["action_id"].is_unique().all()
    done = pl.col("status") == "completed"
    assert rows.select((done == pl.col("completed_at").is_not_null()).all()).item()
    assert rows.select((pl.col("updated_at") >= pl.col("created_at")).all()).item()
    fixed = rows.select("action_id", parent, "kind", "owner_email", "due_date", "created_at")
    assert fixed.unique().height == rows["action_id"].n_unique()


def test_texts_are_templates_of_their_kind(demo: Demo):
    rows = pl.concat(demo.rows(s, "action_items").select("kind", "text") for s, _ in PARENTS)
    assert rows.unique().height == rows["kind"].n_unique() == len(followups.KINDS)
    assert not rows["text"].str.contains("@").any()


def test_better_reps_keep_more_promises_and_ask_more(full_world: Book, promised: pl.DataFrame):
    kept = (promised["ending"] == followups.COMPLETED).to_numpy()
    assert np.corrcoef(kept, promised["skill"])[0, 1] > 0.1
    held = followups.recordings(Attention(full_world), 9)
    skill = full_world.company.skill[held["user"].to_numpy()]
    asked = held["questions"].to_numpy() / held["seconds"].to_numpy()
    assert np.corrcoef(asked, skill)[0, 1] > 0.1
    assert np.corrcoef(held["talk_ratio"].to_numpy(), skill)[0, 1] < -0.1


def test_what_is_promised_follows_the_stage(promised: pl.DataFrame):
    legal = (pl.col("kind") == followups.KINDS.index("legal")).mean()
    by_stage = dict(promised.group_by("stage").agg(legal).iter_rows())
    assert by_stage[-1] == 0.0
    assert by_stage[5] == pytest.approx(0.42, abs=0.05)


def test_nothing_is_done_after_its_deal_is_over(promised: pl.DataFrame, full_world: Book):
    done = promised.filter((pl.col("ending") == followups.COMPLETED) & (pl.col("opportunity") >= 0))
    visits = Attention(full_world).visits
    gone = visits.group_by("opportunity").agg(pl.col("over").max())
    joined = done.join(gone, on="opportunity")
    assert joined.height == done.height
    assert joined.select((pl.col("ended") < pl.col("over")).all()).item()
