from datetime import date
from pathlib import Path

import pytest

from orchestration.settings import Settings, SettingsError


def test_an_unknown_setting_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingsError, match="SALES_WAREHOUSE_DEMO_SCAL is not a setting"):
        Settings.from_env({"SALES_WAREHOUSE_DEMO_SCAL": "1"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DEMO_SCALE", "-1"),
        ("DEMO_SCALE", "much"),
        ("AS_OF", "31.03.2026"),
        ("TIME_ZONE", "Mars/Olympus"),
    ],
)
def test_a_value_that_does_not_parse_is_an_error_that_names_the_setting(
    name: str, text: str
) -> None:
    with pytest.raises(SettingsError, match=f"SALES_WAREHOUSE_{name}="):
        Settings.from_env({f"SALES_WAREHOUSE_{name}": text})


def test_settings_survive_the_way_through_another_process(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, as_of=date(2026, 3, 31), demo_scale=0.05)
    assert Settings.from_env(settings.to_env()) == settings


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.from_env({"SALES_WAREHOUSE_AS_OF": ""}).as_of is None
