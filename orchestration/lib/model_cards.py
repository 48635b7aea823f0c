"""The cards of the models as static pages: who speaks, how good it is, and how it came to that."""

from __future__ import annotations

import shutil
from datetime import date
from html import escape
from pathlib import Path

import duckdb
import polars as pl

from expectations.pages import mark, page, row, table
from ml_assets.evaluation import Plot
from ml_assets.registry.store import read_evaluation
from ml_assets.registry.tables import PROMOTED
from orchestration.lib.ml_tables import registry_rows

VERSIONS_SHOWN = 20
NO_BREAK_HYPHEN, NO_BREAK_SPACE = "\N{NON-BREAKING HYPHEN}", "\N{NO-BREAK SPACE}"


def write_model_cards(con: duckdb.DuckDBPyConnection, models_dir: Path, folder: Path) -> Path:
    """Write an index and a page for each model, in the place of what was there.

    Args:
        con: connection on the build database.
        models_dir: folder of trained models, where the plots are.
        folder: where the pages go.

    Returns:
        The index page.
    """
    registry = registry_rows(con).sort("model_name", "trained_as_of", "model_version")
    backtest = con.execute("select * from ml.ml_backtest").pl()
    fresh = folder.with_name(f".{folder.name}.next")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shown: list[pl.DataFrame] = []
    for (name,), versions in registry.group_by("model_name", maintain_order=True):
        one = _shown(versions)
        stored = read_evaluation(models_dir, str(name), one["model_version"][0])
        plots = () if stored is None else stored[2]
        (fresh / str(name)).mkdir()
        for plot in plots:
            (fresh / str(name) / f"{plot.name}.svg").write_text(plot.svg, encoding="utf-8")
        figures = backtest.filter(pl.col("model_version") == one["model_version"][0])
        (fresh / f"{name}.html").write_text(_card(versions, figures, plots), encoding="utf-8")
        shown.append(one)
    (fresh / "index.html").write_text(_index(shown), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)
    return folder / "index.html"


def _shown(versions: pl.DataFrame) -> pl.DataFrame:
    """The champion, or without one the latest version."""
    champion = versions.filter("is_champion")
    return champion if champion.height else versions.tail(1)


def _index(shown: list[pl.DataFrame]) -> str:
    rows = "".join(
        row(
            f'<a href="{escape(one["model_name"][0])}.html">{escape(_words(one["model_name"][0]))}'
            "</a>",
            _speaks(one),
            str(one["trained_as_of"][0]),
            escape(one["promotion_reason"][0]),
        )
        for one in shown
    )
    listed = (
        table("Model,State,Trained as of,Verdict", rows)
        if shown
        else "<p>No model has been trained yet.</p>"
    )
    return page(
        "Models",
        "<p>What predicts in this warehouse, and what it was judged by. How each model works and "
        f"where its limits lie is written in the guide to the models.</p>{listed}",
    )


def _card(versions: pl.DataFrame, figures: pl.DataFrame, plots: tuple[Plot, ...]) -> str:
    one = _shown(versions)
    name: str = one["model_name"][0]
    pictures = "".join(
        f'<figure><img src="{escape(name)}/{escape(plot.name)}.svg" alt="{escape(plot.title)}">'
        "</figure>"
        for plot in plots
    )
    history = "".join(
        row(
            f"<code>{escape(version['model_version'])}</code>",
            str(version["trained_as_of"]),
            _decision(version["promotion_decision"]),
            escape(version["promotion_reason"]),
        )
        for version in versions.tail(VERSIONS_SHOWN).reverse().iter_rows(named=True)
    )
    return page(
        _words(name),
        f"<p>{_speaks(one)} <code>{escape(one['model_version'][0])}</code>, trained as of "
        f'{one["trained_as_of"][0]} · <a href="index.html">all models</a></p>'
        f"<p>{escape(one['promotion_reason'][0])}</p>"
        f'<div class="plots">{pictures}</div>'
        f"<h2>What it was judged by</h2>{_backtest(figures)}"
        "<h2>Versions</h2>" + table("Version,Trained as of,Decision,Why", history),
    )


def _backtest(figures: pl.DataFrame) -> str:
    """One line per origin, horizon and metric, with the baselines beside the model.

    Metrics that were measured at several origins come last and folded: there are many lines.
    """
    if figures.is_empty():
        return "<p>There was too little history to judge it.</p>"
    origins = pl.col("origin_date").n_unique().over("metric")
    together, each = figures.filter(origins == 1), figures.filter(origins > 1)
    folded = f"<details><summary>By origin</summary>{_figures(each)}</details>"
    if together.is_empty():
        return _figures(each)
    return _figures(together) + (folded if each.height else "")


def _figures(figures: pl.DataFrame) -> str:
    keys = [
        name
        for name in figures.columns
        if name not in {"model_name", "model_version", "baseline", "value", "baseline_value"}
    ]
    baselines = figures["baseline"].unique().sort().to_list()
    wide = figures.pivot("baseline", index=[*keys, "value"], values="baseline_value").sort(keys)
    lines = "".join(
        row(
            *(escape(_shown_value(line[key])) for key in keys if key != "row_count"),
            f'<div class="number"><b>{_figure(line["value"])}</b></div>',
            *(f'<div class="number">{_figure(line[name])}</div>' for name in baselines),
            f'<div class="number">{line["row_count"]:,}</div>',
        )
        for line in wide.iter_rows(named=True)
    )
    heads = [_words(key) for key in keys if key != "row_count"]
    numbers = ["#Model", *(f"#{_words(name)}" for name in baselines), "#Rows"]
    return f'<div class="wide">{table(",".join([*heads, *numbers]), lines)}</div>'


def _shown_value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}".replace("-", NO_BREAK_HYPHEN)
    return str(value).replace(".", " · ").replace("_", " ").replace(" ", NO_BREAK_SPACE)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"


def _words(name: str) -> str:
    """A name in words; a short one is an abbreviation."""
    return name.upper() if len(name) <= 3 else name.replace("_", " ").capitalize()


def _speaks(version: pl.DataFrame) -> str:
    return mark("held", "champion") if version["is_champion"][0] else mark("warning", "fallback")


def _decision(decision: str) -> str:
    return mark("held" if decision == PROMOTED else "warning", decision.replace("_", " "))
