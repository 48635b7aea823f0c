"""What a benchmark consists of: cases, what they are measured on, and what is measured.

A machine is never twice equally fast, so a figure by itself says little: ours and the plain way
take turns in the same run, and their ratio is what is compared.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from orchestration.settings import PROJECT_DIR, Settings

Given = TypeVar("Given")


class UnequalError(RuntimeError):
    """Two ways do not lead to the same result, so their times say nothing."""


@dataclass(frozen=True)
class Measurement:
    """One line of the benchmark.

    Attributes:
        name: the case, and the part of it where it has parts: `night.first.dbt_core`.
        says: what was measured, in a sentence without full stop.
        seconds: what ours took.
        rows: what it gave or went through, where that is a number of rows.
        plain_way: the other way to the same result.
        plain_seconds: what that took.
        share: its part of the whole that it belongs to, from 0 to 1.
    """

    name: str
    says: str
    seconds: float
    rows: int | None = None
    plain_way: str | None = None
    plain_seconds: float | None = None
    share: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the plain way ours is."""
        if self.plain_seconds is None or self.seconds == 0:
            return None
        return self.plain_seconds / self.seconds


@dataclass(frozen=True)
class Bench:
    """What cases are measured on.

    Attributes:
        settings: those of the user, whose last night is looked at and never touched.
        scale: size of the simulated company that cases share, 1 being the demo's.
        folder: where cases may write; it is removed at the end.
        say: tells the user what is being done.
    """

    settings: Settings
    scale: float
    folder: Path
    say: Callable[[str], None] = field(default=lambda _: None)

    @property
    def blank(self) -> Settings:
        """The demo company at this scale in a folder of its own, before its first night."""
        return Settings(
            data=self.folder / "company",
            demo_scale=self.scale,
            demo_end=self.settings.demo_end - timedelta(days=1),
            demo_seed=self.settings.demo_seed,
        )

    @cached_property
    def company(self) -> Settings:
        """The same after its first night, which is run when it is first asked for."""
        _ = self.seconds_of_first_night
        return self.blank

    @cached_property
    def seconds_of_first_night(self) -> float:
        """How long the first night of the company took."""
        self.say("the first night of the company that is measured")
        return run_night(self.blank)


class Benchmark(Protocol):
    """What an area lists in its `CASES`."""

    @property
    def name(self) -> str: ...

    def measure(self, bench: Bench) -> list[Measurement]: ...


@dataclass(frozen=True)
class Case(Generic[Given]):
    """Ours beside the plain way to the same result.

    Attributes:
        name: the case within its area.
        says: what is measured, in a sentence without full stop.
        prepare: makes what both ways work on; not timed.
        ours: works on it and gives the rows that it gave or went through.
        plain_way: what the plain way is, in a few words.
        plain: the plain way, giving the same rows; without it, ours is only timed.
        rounds: how often the two take turns; the fastest of each counts.
    """

    name: str
    says: str
    prepare: Callable[[Bench], Given]
    ours: Callable[[Given], int]
    plain_way: str | None = None
    plain: Callable[[Given], int] | None = None
    rounds: int = 3

    def measure(self, bench: Bench) -> list[Measurement]:
        """Let both ways take turns and keep the fastest time of each."""
        given = self.prepare(bench)
        ours: list[float] = []
        plain: list[float] = []
        rows = 0
        for _ in range(self.rounds):
            rows, seconds = _timed(self.ours, given)
            ours.append(seconds)
            if self.plain is not None:
                plain_rows, seconds = _timed(self.plain, given)
                plain.append(seconds)
                if plain_rows != rows:
                    raise UnequalError(
                        f"{self.name}: ours gave {rows:,} rows and the plain way {plain_rows:,}; "
                        "only ways to the same result can be compared"
                    )
        return [
            Measurement(
                self.name,
                self.says,
                min(ours),
                rows=rows,
                plain_way=self.plain_way,
                plain_seconds=min(plain, default=None),
            )
        ]


def run_night(settings: Settings) -> float:
    """Run the nightly job as a person does, and say how many seconds that took.

    Raises:
        RuntimeError: when the night fails; the message holds the end of what it printed.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "run"],
        env={**os.environ, **settings.to_env()},
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the night to be measured failed:\n{done.stdout[-3000:]}")
    return time.perf_counter() - started


def _timed(way: Callable[[Given], int], given: Given) -> tuple[int, float]:
    started = time.perf_counter()
    rows = way(given)
    return rows, time.perf_counter() - started
