"""The first gate, between raw and staging: refuses rows, and stops what lies behind bad loads."""

from expectations.g1_raw.judge import SYSTEMS, judge_raw
from expectations.g1_raw.limits import Limits

__all__ = ["SYSTEMS", "Limits", "judge_raw"]
