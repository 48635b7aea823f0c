"""The demo company: a simulated B2B software vendor whose exports look like its systems' own."""

from orchestration.sources.demo.clock import START
from orchestration.sources.demo.exports.writing import LandedFile
from orchestration.sources.demo.generate import generate

__all__ = ["START", "LandedFile", "generate"]
