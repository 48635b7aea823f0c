"""Unusual moves of KPIs, against their own history and against peers.

`detect_anomalies` judges an evening of the warehouse; `judge` takes any series as arrays.
"""

from ml_assets.anomalies.detect import ANOMALY_SCHEMA, detect_anomalies
from ml_assets.anomalies.false_discovery import q_values
from ml_assets.anomalies.judging import Judged, judge

__all__ = ["ANOMALY_SCHEMA", "Judged", "detect_anomalies", "judge", "q_values"]
