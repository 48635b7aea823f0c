import hashlib
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from orchestration.sources.demo import generate

from .conftest import Demo
from .landing import objects, rows_of

VOLUMES = {
    # What the documentation says at scale 1, and how far the small company may be from a twentieth.
    ("salesforce", "Account"): (4_000, 0.25),
    ("salesforce", "Contact"): (12_000, 0.25),
    ("salesforce", "Lead"): (20_000, 0.20),
    ("salesforce", "Opportunity"): (7_000, 0.25),
    ("salesforce", "Task"): (25_000, 0.30),
    ("salesforce", "Event"): (5_000, 0.40),
    ("email", "messages"): (270_000, 0.30),
    ("phone", "calls"): (70_000, 0.30),
    ("meetings", "meetings"): (30_000, 0.30),
}
KEYS = {"messages": "message_id", "calls": "call_id", "meetings": "meeting_id"}


def contents(landing: Path) -> dict[tuple[str, str], list[str]]:
    """The rows of every object as sorted text, without the file that they are in."""
    return {
        (system, name): sorted(
            str(sorted(row.items()))
            for row in rows_of(landing, system, name).drop("_file").iter_rows(named=True)
        )
        for system, name in objects(landing)
    }


def fingerprints(landing: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(landing)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in landing.rglob("*.*")
    }


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, int]:
    """A company generated in three steps; the fingerprints were compared after each."""
    root = tmp_path_factory.mktemp("grown")
    landing, truth = root / "landing", root / "truth"
    compared = 0
    before: dict[str, tuple[str, int]] = {}
    for end in (date(2024, 8, 30), date(2024, 8, 31), date(2024, 10, 2)):
        assert generate(landing, truth, scale=0.05, end=end)
        after = fingerprints(landing)
        assert {name: after[name] for name in before} == before
        compared += len(before)
        before = after
    return landing, truth, compared


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("at_once")
    generate(root / "landing", root / "truth", scale=0.05, end=date(2024, 10, 2))
    return root / "landing", root / "truth"


def test_files_are_named_after_their_export_days_and_hold_the_rows_that_are_reported(demo: Demo):
    assert len(demo.files) == len(list(demo.landing.rglob("*.*")))
    for file in demo.files[::17]:
        name = f"{file.object}_{file.first_day}_{file.last_day}"
        assert file.path.stem == name
        assert file.path.parent == demo.landing / file.system / file.object
        assert (file.first_day.year, file.first_day.month) == (
            file.last_day.year,
            file.last_day.month,
        )
    reported = sum(f.rows for f in demo.files if f.object == "Opportunity")
    assert reported == demo.salesforce("Opportunity").height


@pytest.mark.parametrize(("system", "name"), VOLUMES)
def test_volumes_follow_the_scale(demo: Demo, system: str, name: str):
    wanted, tolerance = VOLUMES[system, name]
    records = demo.rows(system, name)[KEYS.get(name, "Id")].n_unique()
    assert records == pytest.approx(wanted * 0.05, rel=tolerance)


def test_growing_day_by_day_gives_the_rows_of_generating_at_once(
    grown: tuple[Path, Path, int], at_once: tuple[Path, Path]
):
    assert grown[2] > 100
    assert contents(grown[0]) == contents(at_once[0])


def test_growing_lists_the_same_dirt_and_the_same_truth(
    grown: tuple[Path, Path, int], at_once: tuple[Path, Path]
):
    for name, placed in (("dirt", ["file"]), ("opportunities", []), ("opportunity_days", [])):
        one = pl.read_parquet(grown[1] / f"{name}.parquet").drop(placed)
        other = pl.read_parquet(at_once[1] / f"{name}.parquet").drop(placed)
        if name == "dirt":  # displaced rows depend on how the days were cut into files
            ordered = pl.col("kind") != "out_of_order"
            one, other = one.filter(ordered), other.filter(ordered)
        assert one.sort(one.columns).equals(other.sort(other.columns))


def test_a_shorter_company_is_the_beginning_of_a_longer_one(demo: Demo, at_once: tuple[Path, Path]):
    longer, shorter = contents(demo.landing), contents(at_once[0])
    for name, rows in shorter.items():
        if name == ("salesforce", "Lead"):  # a column appears later
            continue
        assert not set(rows) - set(longer[name]), name


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_company(
    at_once: tuple[Path, Path], tmp_path: Path
):
    again, other = tmp_path / "again", tmp_path / "other"
    end = date(2024, 10, 2)
    generate(again / "landing", again / "truth", scale=0.05, end=end)
    generate(other / "landing", other / "truth", scale=0.05, end=end, seed=8)
    first = {name: sha for name, (sha, _) in fingerprints(at_once[0]).items()}
    assert {name: sha for name, (sha, _) in fingerprints(again / "landing").items()} == first
    assert {name: sha for name, (sha, _) in fingerprints(other / "landing").items()} != first


def test_nothing_is_written_when_the_end_is_not_after_what_is_there(at_once: tuple[Path, Path]):
    before = fingerprints(at_once[0])
    assert generate(*at_once, scale=0.05, end=date(2024, 10, 2)) == []
    assert generate(*at_once, scale=0.05, end=date(2024, 7, 5)) == []
    assert fingerprints(at_once[0]) == before


@pytest.mark.parametrize(("change", "named"), [({"seed": 9}, "seed"), ({"scale": 0.1}, "scale")])
def test_another_company_is_refused_where_one_is(
    at_once: tuple[Path, Path], change: dict[str, float], named: str
):
    with pytest.raises(ValueError, match=named):
        generate(*at_once, **{"scale": 0.05, "end": date(2024, 10, 3), **change})


def test_files_of_unknown_origin_are_refused(tmp_path: Path):
    (tmp_path / "landing" / "salesforce").mkdir(parents=True)
    (tmp_path / "landing" / "salesforce" / "x.csv").write_text("Id\n")
    with pytest.raises(ValueError, match="Empty the landing folder"):
        generate(tmp_path / "landing", tmp_path / "truth", scale=0.05)


def test_truth_inside_landing_an_early_end_and_a_wild_scale_are_refused(tmp_path: Path):
    landing, truth = tmp_path / "landing", tmp_path / "truth"
    with pytest.raises(ValueError, match="inside landing"):
        generate(landing, landing / "truth", scale=0.05)
    with pytest.raises(ValueError, match="first export day"):
        generate(landing, truth, scale=0.05, end=date(2024, 6, 30))
    with pytest.raises(ValueError, match="scale"):
        generate(landing, truth, scale=0)


def test_an_interrupted_generation_is_completed_without_touching_what_was_written(
    at_once: tuple[Path, Path], tmp_path: Path
):
    landing, truth = tmp_path / "landing", tmp_path / "truth"
    end = date(2024, 10, 2)
    generate(landing, truth, scale=0.05, end=end)
    manifest = json.loads((truth / "manifest.json").read_text())
    broken = {**manifest, "last_day": None, "unfinished": str(end)}
    (truth / "manifest.json").write_text(json.dumps(broken))
    for path in sorted(landing.rglob("*2024-09*.*"))[::2]:
        path.unlink()
    before = fingerprints(landing)
    generate(landing, truth, scale=0.05, end=date(2024, 8, 1))
    after = fingerprints(landing)
    assert {name: after[name] for name in before} == before
    assert {name: sha for name, (sha, _) in after.items()} == {
        name: sha for name, (sha, _) in fingerprints(at_once[0]).items()
    }
    assert (
        pl.read_parquet(truth / "dirt.parquet").height
        == pl.read_parquet(at_once[1] / "dirt.parquet").height
    )
