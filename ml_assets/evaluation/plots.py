"""The plots of a model's card, as SVG text that is equal to the bit for equal figures."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODEL_COLOUR = "#2456a6"
BAND_COLOUR = "#9db8e0"
ACTUAL_COLOUR = "#1c1c1c"
BASELINE_COLOURS = ("#c2702c", "#5d8a4a", "#8a5a8f", "#7a7a7a", "#b8a13a", "#4a8a8a")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "sales-warehouse",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 9,
}


@dataclass(frozen=True)
class Plot:
    """One picture of a model's card.

    Attributes:
        name: file name without suffix.
        title: what it shows, in words.
        svg: the picture.
    """

    name: str
    title: str
    svg: str

    @property
    def data_url(self) -> str:
        """The picture as an address that a page can show without a file."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"


def calibration_plot(reliability: pl.DataFrame, title: str = "Calibration") -> Plot:
    """Observed against predicted rates with the intervals of the observed ones.

    Args:
        reliability: as `reliability_table` gives it.
        title: of the picture.
    """

    def draw(axes: Axes) -> None:
        predicted = reliability["mean_probability"].to_numpy() * 100
        observed = reliability["observed_rate"].to_numpy() * 100
        low = reliability["observed_low"].to_numpy() * 100
        high = reliability["observed_high"].to_numpy() * 100
        top = max(5.0, float(max(predicted.max(initial=0), high.max(initial=0))) * 1.05)
        axes.plot([0, top], [0, top], color="#aaaaaa", linestyle="--", label="perfect")
        axes.errorbar(
            predicted,
            observed,
            yerr=[(observed - low).clip(0), (high - observed).clip(0)],
            color=MODEL_COLOUR,
            ecolor=BAND_COLOUR,
            marker="o",
            capsize=3,
            label="model, with 95 % interval",
        )
        axes.set(xlabel="predicted, %", ylabel="observed, %", xlim=(0, top), ylim=(0, top))
        axes.legend(loc="upper left")

    return _plot("calibration", title, draw)


def lift_plot(lift: pl.DataFrame, title: str = "Lift by tenth of the scores") -> Plot:
    """How much more often than on average each tenth of the scores is positive.

    Args:
        lift: as `lift_by_decile` gives it.
        title: of the picture.
    """

    def draw(axes: Axes) -> None:
        axes.bar(
            lift["decile"].to_numpy(), lift["lift"].fill_null(0).to_numpy(), color=MODEL_COLOUR
        )
        axes.axhline(1, color="#888888", linestyle="--")
        axes.set(xlabel="tenth of the rows, highest scores first", ylabel="lift")
        axes.set_xticks(lift["decile"].to_list())

    return _plot("lift", title, draw)


def forecast_plot(
    frame: pl.DataFrame,
    *,
    name: str = "forecast",
    title: str = "Forecast against actual",
    unit: str,
    baselines: Sequence[str] = (),
) -> Plot:
    """What was forecast at each origin, with bands, and what came of it.

    Args:
        frame: one row per origin, ascending: `origin` (date), `actual` (null while unknown),
            `forecast`, optionally `low_50`, `high_50`, `low_80`, `high_80`, `low_95`, `high_95`,
            and a column for each baseline.
        name: file name without suffix.
        title: of the picture.
        unit: of the figures, for the axis.
        baselines: columns to show as thin lines.
    """

    def draw(axes: Axes) -> None:
        origin = frame["origin"].to_numpy()
        for level, alpha in ((95, 0.25), (80, 0.4), (50, 0.6)):
            if f"low_{level}" in frame.columns:
                axes.fill_between(
                    origin,
                    frame[f"low_{level}"].to_numpy(),
                    frame[f"high_{level}"].to_numpy(),
                    color=BAND_COLOUR,
                    alpha=alpha,
                    linewidth=0,
                    label=f"{level} % interval",
                )
        for colour, baseline in zip(BASELINE_COLOURS, baselines, strict=False):
            axes.plot(
                origin,
                frame[baseline].to_numpy(),
                color=colour,
                linewidth=1,
                label=baseline.replace("_", " "),
            )
        axes.plot(origin, frame["forecast"].to_numpy(), color=MODEL_COLOUR, label="forecast")
        axes.plot(
            origin,
            frame["actual"].to_numpy(),
            color=ACTUAL_COLOUR,
            marker="o",
            linestyle="none",
            label="actual",
        )
        axes.set(xlabel="forecast on", ylabel=unit)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.tick_params(axis="x", rotation=30)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return _plot(name, title, draw, size=(9, 4))


def _plot(
    name: str, title: str, draw: Callable[[Axes], None], size: tuple[float, float] = (6, 4)
) -> Plot:
    # Matplotlib takes half a second to load, which most runs don't need.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.set_title(title)
        draw(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return Plot(name, title, text.getvalue())
