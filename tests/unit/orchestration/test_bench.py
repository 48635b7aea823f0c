"""The benchmark's frame, with cases that take no time."""

import io
import json
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchestration.bench import Bench, Case, Measurement, UnknownCaseError, areas, chosen
from orchestration.bench.measuring import UnequalError
from orchestration.bench.night import Night
from orchestration.bench.report import as_table, write
from orchestration.bench.running import measure_all
from orchestration.cli import app
from orchestration.settings import Settings


def bench(folder: Path) -> Bench:
    return Bench(Settings(data=folder), 0.05, folder)


def case(name: str = "count", plain_rows: int = 3) -> Case[list[int]]:
    return Case(
        name,
        "how many there are",
        lambda _: [1, 2, 3],
        len,
        "a loop",
        lambda given: sum(1 for _ in given) if plain_rows == 3 else plain_rows,
    )


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which ours takes 2, 1 and 3 seconds and the plain way 6, 5 and 4."""
    times = iter([0, 2, 2, 8, 8, 9, 9, 14, 14, 17, 17, 21])
    monkeypatch.setattr("orchestration.bench.measuring.time.perf_counter", lambda: next(times))


@pytest.mark.usefixtures("ticking")
def test_both_ways_take_turns_and_the_fastest_of_each_counts(tmp_path: Path) -> None:
    [found] = case().measure(bench(tmp_path))
    assert (found.seconds, found.plain_seconds, found.ratio, found.rows) == (1, 4, 4.0, 3)


def test_ways_to_different_results_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(UnequalError, match="count: ours gave 3 rows and the plain way 7"):
        case(plain_rows=7).measure(bench(tmp_path))


def test_without_a_plain_way_there_is_no_ratio(tmp_path: Path) -> None:
    [found] = Case("alone", "it", lambda _: None, lambda _: 5).measure(bench(tmp_path))
    assert found.rows == 5
    assert found.ratio is None


def test_areas_and_cases_are_chosen_by_name() -> None:
    there = {"raw": (case("load"), case("read")), "marts": (case("ask"),)}
    assert chosen([], there) == there
    assert chosen(["marts"], there) == {"marts": there["marts"]}
    assert chosen(["raw.read"], there) == {"raw": (there["raw"][1],)}


def test_an_unknown_name_is_an_error_that_names_those_that_there_are() -> None:
    with pytest.raises(UnknownCaseError, match=r"called raw\.red; there are raw, raw\.load"):
        chosen(["raw.red"], {"raw": (case("load"),)})
    done = CliRunner().invoke(app, ["bench", "--only", "nothing"])
    assert done.exit_code == 2
    assert "no benchmark is called nothing; there are" in done.output


def test_every_area_names_and_describes_its_cases() -> None:
    found = areas()
    assert {"features", "marts", "night", "publishing", "raw"} <= set(found)
    for area, cases in found.items():
        names = [one.name for one in cases]
        assert len(names) == len(set(names)), area


def test_a_run_names_the_areas_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def writes(given: Bench) -> Path:
        (given.folder / "left.txt").write_text("over")
        return given.folder

    writing = Case("write", "it", writes, lambda folder: len(list(folder.iterdir())))
    found = measure_all(
        Console(quiet=True), Settings(data=tmp_path), {"raw": (writing, case())}, scale=0.05
    )
    assert [one.name for one in found] == ["raw.write", "raw.count"]
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "data" / "bench.json"
    lines = [
        Measurement("raw.load", "loads", 2.0, rows=10, plain_way="slowly", plain_seconds=5.0),
        Measurement("night.first.ml", "predictions", 3.0, share=0.25),
    ]
    write(path, lines[:1], scale=0.2)
    before = path.stat().st_ino
    write(path, lines, scale=0.5)
    assert path.stat().st_ino != before
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["scale"] == 0.5
    load, share = document["measurements"]
    assert (load["ratio"], load["rows_per_second"]) == (2.5, 5.0)
    assert (share["share"], share["ratio"], share["rows_per_second"]) == (0.25, None, None)


def test_the_table_shows_ratios_and_shares() -> None:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(
        as_table(
            [
                Measurement("a", "x", 2.0, rows=1234, plain_way="slowly", plain_seconds=5.0),
                Measurement("b", "y", 3.0, share=0.25),
            ]
        )
    )
    ratio, share = console.export_text().splitlines()[1:3]
    assert ratio.split() == ["a", "2.00", "1,234", "5.00", "2.5x", "x;", "plain:", "slowly"]
    assert share.split() == ["b", "3.00", "25%", "y"]


def test_the_shares_of_a_night_are_those_of_its_steps(tmp_path: Path) -> None:
    """A job with a step of each kind, through Dagster's own event log."""

    def step(*key: str) -> dg.AssetsDefinition:
        @dg.asset(key=list(key))
        def made() -> None:
            return None

        return made

    assets = [
        step("landing", "exports"),
        step("raw_phone", "calls"),
        step("models", "lead_score"),
        step("evaluations", "lead_score"),
        step("ml", "ml_lead_score"),
        step("published", "sales_marts"),
    ]
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}")
    job = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job("nightly", executor_def=dg.in_process_executor)],
    ).resolve_job_def("nightly")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert job.execute_in_process(instance=instance).success

    night = Night("it", "a night", lambda given: (given.settings, 1000.0))
    lines = {one.name: one for one in night.measure(bench(tmp_path))}
    assert lines["it"].seconds == 1000
    assert {name for name in lines if name.startswith("it.ml.")} == {
        "it.ml.models__lead_score",
        "it.ml.evaluations__lead_score",
        "it.ml.ml__ml_lead_score",
    }
    predictions = sum(one.seconds for name, one in lines.items() if name.startswith("it.ml."))
    assert 0 < lines["it.ml"].seconds == pytest.approx(predictions)
    parts = [one for name, one in lines.items() if name.count(".") == 1]
    assert sum(one.seconds for one in parts) == pytest.approx(1000)
    assert sum(one.share or 0 for one in parts) == pytest.approx(1)
    for part in ("simulate", "ingest", "publish"):
        assert lines[f"it.{part}"].seconds > 0


def test_without_a_night_there_are_no_shares(tmp_path: Path) -> None:
    assert (
        Night("it", "a night", lambda given: (given.settings, None)).measure(bench(tmp_path)) == []
    )
