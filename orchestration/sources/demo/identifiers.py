"""Identifiers as the vendors make them: Salesforce ids, e-mail addresses, telephone numbers."""

import numpy as np
import polars as pl

from orchestration.sources.demo.columns import fixed_text
from orchestration.sources.demo.streams import Array, Ints

PREFIX = {
    "Account": "001",
    "Contact": "003",
    "Lead": "00Q",
    "Opportunity": "006",
    "User": "005",
    "UserRole": "00E",
    "Product2": "01t",
    "Campaign": "701",
    "CampaignMember": "00v",
    "OpportunityHistory": "008",
    "OpportunityFieldHistory": "017",
    "OpportunityLineItem": "00k",
    "OpportunityContactRole": "00K",
    "OpportunitySplit": "1OS",
    "OpportunityCompetitor": "00J",
    "Stage_Evidence__c": "a0S",
    "Task": "00T",
    "Event": "00U",
    "ForecastSubmission__c": "a01",
    "ForecastingQuota": "0J9",
    "Territory2": "0MI",
    "ObjectTerritory2Association": "0MG",
    "UserTerritory2Association": "0MY",
    "DatedConversionRate": "04w",
}

_ORGANISATION = b"Qw00"
_DIGITS = np.frombuffer(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8
)
_CHECK = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
_SERIAL_DIGITS = 8


def salesforce_ids(kind: str, numbers: Ints) -> pl.Series:
    """18-character ids: key prefix, serial in base 62, and the case checksum of the first 15.

    A negative number gives null. Numbers must be below 62**8.
    """
    n = len(numbers)
    raw = np.empty((n, 18), dtype=np.uint8)
    raw[:, :7] = np.frombuffer(PREFIX[kind].encode() + _ORGANISATION, dtype=np.uint8)
    rest = np.maximum(numbers, 0)
    for position in range(_SERIAL_DIGITS):
        rest, digit = np.divmod(rest, 62)
        raw[:, 14 - position] = _DIGITS[digit]
    upper = ((raw[:, :15] >= ord("A")) & (raw[:, :15] <= ord("Z"))).reshape(n, 3, 5)
    raw[:, 15:] = _CHECK[(upper * np.array([1, 2, 4, 8, 16])).sum(axis=2)]
    series = fixed_text(raw)
    if (numbers < 0).any():
        known = pl.Series(numbers >= 0)
        series = pl.select(pl.when(known).then(series)).to_series()
    return series


def taken(series: pl.Series, rows: Array) -> pl.Series:
    """Values of `series` at `rows`; a negative row gives null."""
    if (rows >= 0).all():
        return series.gather(rows)
    index = pl.Series(rows)
    return series.gather(pl.select(pl.when(index >= 0).then(index)).to_series())
