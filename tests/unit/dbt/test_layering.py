"""A model reaches its own layer or the one before; what a mart needs is documented and typed."""

from typing import Any

KEY_TESTS = {"unique", "unique_combination", "primary_key"}
BEFORE = {
    "staging": {"staging"},
    "intermediate": {"intermediate", "staging"},
    "core": {"core", "intermediate"},
    "marts": {"marts", "core"},
}
SOURCES = {
    "staging": {"raw", "mapped", "quarantine"},
    "intermediate": set[str](),
    "core": set[str](),
    "marts": {"ml"},
}


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def layer(node: dict[str, Any]) -> str:
    return node["fqn"][1]


def test_a_model_reaches_its_own_layer_or_the_one_before(manifest: dict[str, Any]) -> None:
    reached = [
        (node["name"], manifest["nodes"][upstream]["name"])
        for node in models(manifest)
        for upstream in node["depends_on"]["nodes"]
        if upstream.startswith("model.")
        and layer(manifest["nodes"][upstream]) not in BEFORE[layer(node)]
    ]
    assert reached == []


def test_a_source_is_read_where_its_layer_begins(manifest: dict[str, Any]) -> None:
    """Every layer may look at the clock, which is an ops table where no variable gives it."""
    reached = [
        (node["name"], upstream)
        for node in models(manifest)
        for upstream in node["depends_on"]["nodes"]
        if upstream.startswith("source.")
        and (kind := upstream.split(".")[2].split("_")[0]) != "ops"
        and kind not in SOURCES[layer(node)]
    ]
    assert reached == []


def test_every_model_says_its_grain_and_describes_every_column(manifest: dict[str, Any]) -> None:
    silent = [
        node["name"]
        for node in models(manifest)
        if "one row per" not in node["description"].lower()
        or not node["columns"]
        or any(not column["description"] for column in node["columns"].values())
    ]
    assert silent == []


def test_core_and_marts_are_contracted_public_and_owned(manifest: dict[str, Any]) -> None:
    loose = [
        node["name"]
        for node in models(manifest)
        if layer(node) in {"core", "marts"}
        and not (
            node["config"]["contract"]["enforced"] and node["access"] == "public" and node["group"]
        )
    ]
    assert loose == []


def test_every_table_after_staging_has_a_key_test(manifest: dict[str, Any]) -> None:
    keyed = {
        upstream
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") in KEY_TESTS
        for upstream in node["depends_on"]["nodes"]
    }
    unkeyed = [
        node["name"]
        for node in models(manifest)
        if layer(node) in {"intermediate", "core", "marts"}
        and node["config"]["materialized"] != "view"
        and node["unique_id"] not in keyed
    ]
    assert unkeyed == []


def test_every_mart_has_a_unit_test(manifest: dict[str, Any]) -> None:
    tested = {unit["model"] for unit in manifest["unit_tests"].values()}
    untested = [
        node["name"]
        for node in models(manifest)
        if layer(node) == "marts" and node["name"] not in tested
    ]
    assert untested == []
