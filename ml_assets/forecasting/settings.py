"""What a forecaster is fitted with."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_assets.forecasting.global_model import GlobalSettings
from ml_assets.forecasting.panel import Fill

FAST_MODELS = ("ets", "ets_log", "theta")
SEASONAL_NAIVE = "seasonal_naive"
GLOBAL = "global"


@dataclass(frozen=True)
class ForecastSettings:
    """Parameters of a forecaster; all of them are part of a model version. Nothing runs in threads.

    Attributes:
        models: local models of regular series by name (`LOCAL_MODELS`); None takes `ets`,
            `ets_log` and `theta`, about 0.7 s a series of 400 months, and adds `arima` (1 s more)
            where there are too few series for the global model. `theta` alone takes 0.05 s.
        use_global: whether the global model joins where there are enough series.
        fill: how periods without a value are filled: along the line between their neighbours and
            the seasonal profile, or with 0 where no row means that nothing was sold.
        windows: rolling origins from which the whole horizon is known; a quarter of the horizon
            apart.
        sharpness: exponents of the inverse error that weights are tried with; 0 weighs all alike.
        seed: of the global model.
        global_settings: parameters of the global model.
    """

    models: tuple[str, ...] | None = None
    use_global: bool = True
    fill: Fill = "interpolate"
    windows: int = 8
    sharpness: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0, 8.0)
    seed: int = 7
    global_settings: GlobalSettings = field(default_factory=GlobalSettings)
