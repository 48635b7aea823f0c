"""SQL texts that the gates share: names and literals, readable values, values fit to be shown.

Text is read as staging reads it: what the gate accepts can be typed there. Great Expectations
formats the queries of expectations, so none of these texts holds a brace.
"""

from __future__ import annotations

EARLIEST = "1970-01-01"
LATEST = "2100-01-01"
"""Times outside are typing errors: nothing in a sales system happened then."""


def quoted(name: str) -> str:
    """The name as DuckDB reads it letter for letter."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """The value as a SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def timestamp(text: str) -> str:
    """ISO 8601 text, any offset (none means UTC), as a timestamp with time zone, else null."""
    return f"try_cast({text} as timestamptz)"


def epoch_millis(text: str) -> str:
    """Milliseconds since 1970 as a timestamp with time zone, else null."""
    return f"to_timestamp(try_cast({text} as bigint) / 1000.0)"


def day(text: str) -> str:
    """`YYYY-MM-DD`, a time behind it allowed, as a date, else null."""
    return f"try_cast({text} as date)"


def plausible(value: str, kind: str) -> str:
    """Whether a value of the kind (`date`, `timestamptz`) was read and lies in our time."""
    return f"coalesce({value} >= {kind} '{EARLIEST}' and {value} < {kind} '{LATEST}', false)"


def number(text: str) -> str:
    """The text as a double, else null: thousands separators, currency and percent signs allowed."""
    value = f"try_cast(regexp_replace({text}, '[,$€£¥%\\s]|[A-Z][A-Z][A-Z]', '', 'g') as double)"
    return f"case when abs({value}) < 1e15 then {value} end"


def shown(text: str) -> str:
    """The value in quotes where it can only be a code, an id or a name of a list, else its length.

    Anything that could be an e-mail address, a telephone number or a sentence is not shown.
    """
    code = (
        f"regexp_full_match({text}, '[\\pL\\pN &/+_.:-]+') and length({text}) <= 40 and "
        f"(length(regexp_replace({text}, '[^0-9]', '', 'g')) < 6 or "
        f"regexp_full_match({text}, '[A-Za-z0-9_-]+') and regexp_matches({text}, '[A-Za-z]'))"
    )
    return (
        f"case when {code} then '''' || {text} || '''' "
        f"else 'a text of ' || length({text}) || ' characters' end"
    )


def shape(text: str) -> str:
    """How the text is built, in quotes: digits as 9, letters as a, the rest as it stands."""
    letters = f"regexp_replace(replace(left({text}, 24), '''', ' '), '[\\pL]', 'a', 'g')"
    return f"'written like ''' || regexp_replace({letters}, '[0-9]', '9', 'g') || ''''"
