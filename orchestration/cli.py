"""`warehouse`: the console script of the project."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv
from rich.console import Console

from orchestration.settings import PROJECT_DIR, Settings, SettingsError
from orchestration.sources.files import SourceSpecError, read_spec

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


@app.callback()
def with_dotenv() -> None:
    """The sales warehouse: from raw exports to published marts."""
    load_dotenv(PROJECT_DIR / ".env")


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingsError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error


def _environment(settings: Settings) -> dict[str, str]:
    """The variables of a process that works with this instance."""
    commands = Path(sys.executable).parent
    return {
        **os.environ,
        **settings.to_env(),
        "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', '')}",
        "DAGSTER_HOME": str(_dagster_home(settings)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _dagster_home(settings: Settings) -> Path:
    home = settings.data / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", home / "dagster.yaml")
    return home


@app.command()
def run(
    source: Annotated[
        Path | None, typer.Option(help="A source.yml; without it, the demo company.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Rebuild this evening, such as 2026-03-31.")
    ] = None,
) -> None:
    """Run the nightly job, from raw exports to published marts, and say what came of it."""
    # Dagster is slow to import, and the other commands do not need it.
    from orchestration.lib.instance import BusyError  # noqa: PLC0415
    from orchestration.lib.launch import launch_nightly  # noqa: PLC0415
    from orchestration.lib.summary import print_summary  # noqa: PLC0415

    settings = _settings()
    try:
        if source is not None:
            settings = replace(settings, source=source.expanduser().absolute())
        if as_of:
            settings = replace(settings, as_of=date.fromisoformat(as_of))
        if settings.source is not None:
            read_spec(settings.source)
    except (SourceSpecError, ValueError) as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error
    try:
        result = launch_nightly(console, settings, _environment(settings))
    except BusyError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error
    print_summary(console, settings, result)
    if not result.succeeded:
        raise typer.Exit(1)


@app.command()
def rollback(
    model: Annotated[str, typer.Argument(help="A model_name, such as opportunity_score.")],
    reason: Annotated[str, typer.Option(help="Why, for the registry.")],
    to: Annotated[
        str | None, typer.Option(help="A version; without it, the champion before this one.")
    ] = None,
) -> None:
    """Let a former champion of a model speak again; the next run scores and publishes with it."""
    from ml_assets.registry.rollback import RollbackError, rolled_back  # noqa: PLC0415
    from orchestration.lib.build_database import clock, connected  # noqa: PLC0415
    from orchestration.lib.ml_tables import registry_rows, replace_rows  # noqa: PLC0415

    settings = _settings()
    if not settings.database.exists():
        console.print("[red]There is no warehouse yet: run `make run` first.[/red]")
        raise typer.Exit(1)
    try:
        with connected(settings.database) as con:
            registry = rolled_back(registry_rows(con), model, clock(con), to, reason)
            replace_rows(con, "ml_model_registry", registry)
    except RollbackError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error
    champion = registry.filter((registry["model_name"] == model) & registry["is_champion"])
    console.print(
        f"{champion['model_version'][0]} is champion again. `make run` scores and publishes with "
        "it; what is published until then still holds the scores of the withdrawn version."
    )


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Serve the Dagster UI with its daemon, schedules and sensors until Ctrl-C."""
    from orchestration.lib.instance import BusyError, serve_ui  # noqa: PLC0415

    console.print(f"Dagster UI: http://127.0.0.1:{port}")
    try:
        raise typer.Exit(serve_ui(_environment(_settings()), port))
    except BusyError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error


@app.command()
def docs() -> None:
    """Write the dbt docs and the gates' Data Docs as static pages."""
    from orchestration.lib.docs import write_docs  # noqa: PLC0415

    settings = _settings()
    if not settings.database.exists():
        console.print("[red]There is no warehouse yet: run `make run` first.[/red]")
        raise typer.Exit(1)
    for title, page in write_docs(settings, _environment(settings)):
        console.print(f"{title}: {page}")


@app.command()
def bench(
    only: Annotated[
        list[str] | None, typer.Option(help="An area such as raw, or a case such as raw.load.")
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Size of the simulated company; 1 is the demo's.", min=0.01)
    ] = 0.2,
) -> None:
    """Measure how fast it is, and write the figures to `bench.json` in the data folder."""
    from orchestration.bench import UnknownCaseError, areas, chosen  # noqa: PLC0415
    from orchestration.bench.report import as_table, write  # noqa: PLC0415
    from orchestration.bench.running import measure_all  # noqa: PLC0415

    settings = _settings()
    try:
        cases = chosen(only or [], areas())
    except UnknownCaseError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error
    measurements = measure_all(console, settings, cases, scale)
    console.print(as_table(measurements))
    write(settings.data / "bench.json", measurements, scale)
    console.print(f"written to {settings.data / 'bench.json'}")


@app.command()
def env() -> None:
    """Print the variables that dg, dagster and dbt need, for `eval "$(warehouse env)"`."""
    settings = _settings()
    before = dict(os.environ)
    for name, value in sorted(_environment(settings).items()):
        if before.get(name) != value:
            print(f"export {name}='{value}'")


@app.command()
def clean() -> None:
    """Remove what runs made; keep raw data that cannot be had again."""
    from orchestration.lib.cleaning import clean_data  # noqa: PLC0415

    for line in clean_data(_settings()):
        console.print(line)


if __name__ == "__main__":
    app()
