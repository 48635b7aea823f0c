"""The second gate, between core and the predictions: is the star schema whole and is it right?"""

from expectations.g2_core.judge import judge_core

__all__ = ["judge_core"]
