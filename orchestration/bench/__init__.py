"""`make bench`: how fast ours is, beside the plain way to the same, measured in one run.

Every module of this package that has `CASES` is an area: `night`, `raw`, `scoring` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from pkgutil import iter_modules

from orchestration.bench.measuring import Bench, Benchmark, Case, Measurement

__all__ = ["Bench", "Benchmark", "Case", "Measurement", "UnknownCaseError", "areas", "chosen"]


class UnknownCaseError(ValueError):
    """There is no such area or case; the message names those that there are."""


def areas() -> dict[str, tuple[Benchmark, ...]]:
    """The cases of every area, in the order of their names."""
    modules = {one.name: import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__)}
    return {name: module.CASES for name, module in modules.items() if hasattr(module, "CASES")}


def chosen(
    only: Sequence[str], there: dict[str, tuple[Benchmark, ...]]
) -> dict[str, tuple[Benchmark, ...]]:
    """The cases of the areas and cases that are named; all where none is named.

    Args:
        only: areas such as `raw`, or cases such as `raw.load`.
        there: the cases by area.

    Raises:
        UnknownCaseError: for a name that is neither.
    """
    names = {name for area, cases in there.items() for name in (area, *_names(area, cases))}
    if unknown := sorted(set(only) - names):
        raise UnknownCaseError(
            f"no benchmark is called {', '.join(unknown)}; there are {', '.join(sorted(names))}"
        )
    kept = {
        area: tuple(case for case in cases if not only or {area, f"{area}.{case.name}"} & set(only))
        for area, cases in there.items()
    }
    return {area: cases for area, cases in kept.items() if cases}


def _names(area: str, cases: Iterable[Benchmark]) -> list[str]:
    return [f"{area}.{case.name}" for case in cases]
