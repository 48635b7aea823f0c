"""Where the table rules of the first gate draw the line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of the table rules; an operator who accepts an odd load passes wider ones.

    Attributes:
        refused_share: greatest share of an object's new rows that may be refused.
        refused_rows: number of refused rows up to which that share is not looked at.
        repeated_share: greatest share of new rows that repeat another one of the same load.
        unreadable_share: greatest share of lines of new files that are no records.
        least_rows: number of new rows from which shares are looked at.
        volume_share: least share of the usual number of rows of a week or a day; 0 accepts any.
        usual_weeks: how many weeks before say what is usual.
        usual_rows: usual number of rows from which volume is looked at.
        shrunk_share: least share of the last export's rows that an export of files has.
    """

    refused_share: float = 0.2
    refused_rows: int = 20
    repeated_share: float = 0.1
    unreadable_share: float = 0.2
    least_rows: int = 20
    volume_share: float = 0.1
    usual_weeks: int = 8
    usual_rows: int = 50
    shrunk_share: float = 0.5
