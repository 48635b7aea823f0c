"""`source.yml`: what a folder of exports holds and how it maps to the canonical objects."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

Text = Annotated[str, Field(min_length=1)]


class SourceSpecError(ValueError):
    """A `source.yml` cannot be used; the message names the file, the field and the fix."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """Where one canonical column comes from.

    Either `column`, a column of the file, with what repairs or reads its values, or `value`, a
    constant for every row.
    """

    column: Text | None = None
    value: str | int | float | bool | None = None
    values: dict[str, str] = {}
    """Source value → value to use instead: a repair, counted in `ops.ops_repair`."""
    format: Text | None = None
    """How a date or time is written, in strftime's letters, such as `%d/%m/%Y`."""
    decimal: Literal[".", ","] = "."
    """The decimal mark of a number; the other one and spaces separate thousands."""
    multiply: float | None = None
    """A factor for numbers, such as 1000000 where the file counts in millions."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` (of the file) or `value` (a constant)")
        return self


class MappedFile(_Strict):
    """One file that feeds one canonical object."""

    file: Text
    key: Text
    """The file's column that identifies a record."""
    columns: dict[str, Column] = {}
    """Canonical column → where it comes from."""
    delimiter: str | None = None
    encoding: str | None = None


CanonicalStage = Literal[
    "Prospecting",
    "Qualification",
    "Discovery",
    "Solution Design",
    "Proposal",
    "Negotiation",
    "Closed Won",
    "Closed Lost",
]
"""The stages of the canonical pipeline, in their order."""


class Stage(_Strict):
    """What a stage of the source means in the canonical pipeline."""

    stage: CanonicalStage
    probability: float | None = Field(default=None, ge=0, le=1)
    forecast_category: Literal["pipeline", "best_case", "commit", "closed", "omitted"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        return {"stage": given} if isinstance(given, str) else given


class SourceSpec(_Strict):
    """A folder of exports.

    With `system`, the folder holds a vendor's own exports, one sub-folder or file per object, and
    nothing is mapped. Without it, `objects` maps files to canonical objects.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    folder: Path = Path()
    system: Text | None = None
    time_zone: str = "UTC"
    """Zone of times that are written without one."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    exported_on: date | None = None
    """The day the export was made; by default the last day in the data."""
    objects: dict[str, list[MappedFile]] = {}
    stages: dict[str, Stage] = {}

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (KeyError, ValueError) as error:
            raise ValueError(f"{name!r} is no time zone, such as Europe/Berlin") from error

    @field_validator("objects", mode="before")
    @classmethod
    def _one_file_or_many(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        objects = cast(dict[str, Any], given)
        return {name: _as_list(entry) for name, entry in objects.items()}

    @model_validator(mode="after")
    def _vendor_or_mapped(self) -> SourceSpec:
        if (self.system is None) == (not self.objects):
            raise ValueError("give either `system` (a vendor's own exports) or `objects`")
        if "opportunities" in self.objects and not self.stages:
            raise ValueError("`stages` must say what each stage of the opportunities means")
        return self


def _as_list(given: Any) -> list[Any]:
    return cast(list[Any], given) if isinstance(given, list) else [given]


def read_spec(path: Path) -> SourceSpec:
    """Read and check a `source.yml`; its `folder` comes back as a path from here.

    Args:
        path: the file.

    Raises:
        SourceSpecError: when the file is missing, is no YAML, or a field is wrong.
    """
    try:
        document: Any = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except FileNotFoundError as error:
        raise SourceSpecError(f"{path}: no such file") from error
    except yaml.YAMLError as error:
        raise SourceSpecError(f"{path}: no valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise SourceSpecError(f"{path}: expected a mapping with `name`, `folder`, `objects` …")
    try:
        spec = SourceSpec.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in one['loc']) or 'the file'}: {one['msg']}"
            for one in error.errors()
        )
        raise SourceSpecError(f"{path}: {wrong}") from error
    folder = (path.parent / spec.folder).resolve()
    if not folder.is_dir():
        raise SourceSpecError(f"{path}: folder: {folder} is no folder")
    return spec.model_copy(update={"folder": folder})
