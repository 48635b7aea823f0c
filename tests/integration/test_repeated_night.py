"""A night that is run again on the same files, or cannot read one of them, changes nothing."""

from pathlib import Path

from tests.integration.conftest import DEMO, LAST_DAY, Warehouse, differing


def test_a_second_run_changes_nothing(evening: Warehouse, tmp_path: Path) -> None:
    again = evening.copied(tmp_path / "again")
    again.run(demo_end=LAST_DAY, **DEMO)
    assert differing(again.published(), evening.published()) == set()


def test_a_file_that_was_cut_is_named_and_what_is_published_stays(
    evening: Warehouse, tmp_path: Path
) -> None:
    broken = evening.copied(tmp_path / "broken")
    messages = sorted((broken.data / "landing" / "email" / "messages").glob("*.parquet"))[0]
    cut = messages.with_name("messages_again.parquet")
    cut.write_bytes(messages.read_bytes()[:5000])
    printed = broken.run(demo_end=LAST_DAY, succeeds=False, **DEMO)
    assert str(cut) in printed
    assert differing(broken.published(), evening.published()) == set()
