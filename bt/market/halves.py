"""How what an indicator says of its last n bars is put together from what is said of half as many, by steps back.

n bars that end here are n/2 bars that end here and n/2 that end n/2 bars ago. Each function plans the columns for a
window of `bars` bars and gives the name of the one that holds the result; values that are null count as 0 in sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from bt.market.arithmetic import fading_bars, literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlglot import exp

    from bt.market.arithmetic import Number

DAY: Final = 1440  # bars of a UTC day at most

_TERMS: Final = 50  # added up in one column


class Columns(Protocol):
    """Where columns to compute are collected."""

    def add(self, name: str, sql: str, used: tuple[str, ...], *, windowed: bool) -> str:
        """Plan `sql`, which uses these columns, under a name like `name`; give the name of the column."""

    def filled(self, expression: exp.Expr) -> bool:
        """Say whether the expression is known never to be null."""


def column_of(value: exp.Expr, columns: Columns) -> str:
    """Give the column that is this value."""
    from sqlglot import exp

    if isinstance(value, exp.Column):
        return str(value.name)
    return columns.add("value", value.sql("duckdb"), _used(value), windowed=False)


def lagged(column: str, bars: int, columns: Columns) -> str:
    """Give what a column was so many bars ago."""
    return columns.add("before", f"lag({column}, {bars}) over ()", (column,), windowed=True) if bars else column


def extreme(value: exp.Expr, bars: int, best: str, columns: Columns) -> str:
    """Give the greatest, the least, or with coalesce the latest value; null is passed over, the halves may overlap."""
    column, size = column_of(value, columns), 1
    while size < bars:
        step = min(size, bars - size)
        column = columns.add(best, f"{best}({column}, lag({column}, {step}) over ())", (column,), windowed=True)
        size += step
    return column


def since(value: exp.Expr, bars: int, columns: Columns) -> str:
    """Give how many bars ago the highest value was, the latest of equals; null where there are fewer bars."""
    best, size, age = column_of(value, columns), 1, "0"
    while size < bars:
        step = min(size, bars - size)
        used = (best,) if age == "0" else (best, age)
        past = f"{step}" if age == "0" else f"lag({age}, {step}) over () + {step}"
        sql = f"case when lag({best}, {step}) over () > {best} then {past} else {age} end"
        age = columns.add("age", sql, used, windowed=True)
        best = columns.add("greatest", f"greatest({best}, lag({best}, {step}) over ())", (best,), windowed=True)
        size += step
    many = counted(value, bars, columns)
    used = (many,) if age == "0" else (many, age)
    return columns.add("since", f"case when {many} = {bars} then {age} end", used, windowed=False)


def summed(value: exp.Expr, bars: int, columns: Columns) -> str:
    """Give the sum; null where all values are."""
    found = _sum(_known(value, columns), bars, columns)
    if columns.filled(value):
        return found
    many = counted(value, bars, columns)
    return columns.add("sum", f"case when {many} > 0 then {found} end", (found, many), windowed=False)


def counted(value: exp.Expr, bars: int, columns: Columns) -> str:
    """Count the values that are not null."""
    if columns.filled(value):
        row = columns.add("row", "row_number() over ()", (), windowed=True)
        return columns.add("count", f"least({row}, {bars})", (row,), windowed=False)
    name = column_of(value, columns)
    known = columns.add("known", f"case when {name} is null then 0 else 1 end", (name,), windowed=False)
    return _sum(known, bars, columns)


def weighted(value: exp.Expr, bars: int, columns: Columns) -> str:
    """Give the sum of values times weights, `bars` for this bar's and one less for each bar before it."""
    sums = _sums(_known(value, columns), bars, columns)
    found = {1: sums[1]}
    for size in sorted(sums)[:-1]:
        sql = f"{found[size]} + {size} * {sums[size]} + lag({found[size]}, {size}, 0) over ()"
        found[2 * size] = columns.add("weighted", sql, (found[size], sums[size]), windowed=True)
    terms, used = [], []
    for size, gone in _parts(bars):
        terms.append(_step(found[size], gone))
        used.append(found[size])
        if bars > gone + size:
            terms.append(f"{bars - gone - size} * {_step(sums[size], gone)}")
            used.append(sums[size])
    return found[bars] if bars in found else columns.add("weighted", " + ".join(terms), tuple(used), windowed=True)


def deviated(value: exp.Expr, bars: int, columns: Columns) -> str:
    """Give the population standard deviation; null where there are fewer values.

    Squared distances from the means of parts add up to those from the mean of all when the distances of these means are
    counted too: T. Chan, G. Golub and R. LeVeque, Updating Formulae and a Pairwise Algorithm, 1979.
    """
    sums = _sums(_known(value, columns), bars, columns)
    squares = _squares(sums, columns)
    newest = _parts(bars)[0][0]
    used: list[str] = []
    terms: list[str] = []
    shifts: list[str] = []
    for size, gone in _parts(bars):
        if size > 1:
            used.append(lagged(squares[size], gone, columns))
            terms.append(used[-1])
        if gone:  # how far the mean of a part is from that of the newest one
            sql = f"{_step(sums[size], gone)} / {size} - {sums[newest]} / {newest}"
            used.append(columns.add("shift", sql, (sums[size], sums[newest]), windowed=True))
            terms.append(f"{size} * {used[-1]} * {used[-1]}")
            shifts.append(f"{size} * {used[-1]}")
    if shifts:
        used.append(columns.add("shift", " + ".join(shifts), tuple(used), windowed=False))
        terms.append(f"-{used[-1]} * {used[-1]} / {bars}")
    many = counted(value, bars, columns)
    sql = f"case when {many} = {bars} then sqrt(greatest({' + '.join(terms) or '0'}, 0) / {bars}) end"
    return columns.add("deviation", sql, (*used, many), windowed=False)


def _squares(sums: Mapping[int, str], columns: Columns) -> dict[int, str]:
    """Give the squared distances of 2, 4 … values from their mean, added up."""
    squares: dict[int, str] = {}
    for size in sorted(sums)[:-1]:
        sql = f"{sums[size]} - lag({sums[size]}, {size}, 0) over ()"
        apart = columns.add("apart", sql, (sums[size],), windowed=True)
        both = f"{apart} * {apart} / {2 * size}"
        if size > 1:
            both += f" + {squares[size]} + lag({squares[size]}, {size}, 0) over ()"
        used = (apart, squares[size]) if size > 1 else (apart,)
        squares[2 * size] = columns.add("squares", both, used, windowed=size > 1)
    return squares


def distances(value: exp.Expr, middle: exp.Expr, bars: int, columns: Columns) -> str:
    """Give the average distance of the values from a middle; null where one of them is null, or there are fewer."""
    column, about = column_of(value, columns), column_of(middle, columns)
    terms = [f"abs({_step(column, age, '')} - {about})" for age in range(bars)]
    parts = [
        columns.add("distance", " + ".join(terms[first : first + _TERMS]), (column, about), windowed=True)
        for first in range(0, bars, _TERMS)
    ]
    return columns.add("distance", f"({' + '.join(parts)}) / {bars}", tuple(parts), windowed=False)


def faded(value: exp.Expr, keep: Number, columns: Columns) -> str:
    """Give the sum of value times keep^age over so many bars that what is further back has faded out."""
    name = _known(value, columns)
    bars = 1
    while bars < fading_bars(keep):
        sql = f"{name} + {literal(float(keep**bars))} * lag({name}, {bars}, 0) over ()"
        name = columns.add("faded", sql, (name,), windowed=True)
        bars *= 2
    return name


def varying(value: exp.Expr, keep: exp.Expr, most: Number, columns: Columns) -> str:
    """Give the sum of value times all `keep`s after it (`most` at most) over so many bars that the rest has faded."""
    name, kept = _known(value, columns), column_of(keep, columns)
    bars = 1
    while bars < fading_bars(most):
        sql = f"{name} + {kept} * lag({name}, {bars}, 0) over ()"
        name = columns.add("faded", sql, (name, kept), windowed=True)
        kept = columns.add("kept", f"{kept} * lag({kept}, {bars}, 0) over ()", (kept,), windowed=True)
        bars *= 2
    return name


def of_day(value: exp.Expr, function: str, columns: Columns) -> str:
    """Give the sum, or with greatest or least the extreme, over the bars of the UTC day so far."""
    name = _known(value, columns) if function == "sum" else column_of(value, columns)
    day, bars = columns.add("day", "cast(ts as date)", ("ts",), windowed=False), 1
    while bars < DAY:
        past = f"case when lag({day}, {bars}) over () = {day} then lag({name}, {bars}) over () end"
        sql = f"{name} + coalesce({past}, 0)" if function == "sum" else f"{function}({name}, {past})"
        name = columns.add(f"day_{function}", sql, (name, day), windowed=True)
        bars *= 2
    return name


def _known(value: exp.Expr, columns: Columns) -> str:
    """Give the column that is this value, and 0 where it is null."""
    if columns.filled(value):
        return column_of(value, columns)
    return columns.add("known", f"coalesce({value.sql('duckdb')}, 0)", _used(value), windowed=False)


def _sums(column: str, bars: int, columns: Columns) -> dict[int, str]:
    """Add up 1, 2, 4 … values of a column, up to `bars`."""
    sums = {1: column}
    while 2 * max(sums) <= bars:
        size = max(sums)
        sql = f"{sums[size]} + lag({sums[size]}, {size}, 0) over ()"
        sums[2 * size] = columns.add("sum", sql, (sums[size],), windowed=True)
    return sums


def _sum(column: str, bars: int, columns: Columns) -> str:
    sums, parts = _sums(column, bars, columns), _parts(bars)
    if len(parts) == 1:
        return sums[bars]
    terms = [_step(sums[size], gone) for size, gone in parts]
    return columns.add("sum", " + ".join(terms), tuple(sums[size] for size, _ in parts), windowed=True)


def _parts(bars: int) -> Sequence[tuple[int, int]]:
    """Split a window into powers of 2, the largest being the newest; each with the bars after it."""
    parts, gone = [], 0
    for place in reversed(range(bars.bit_length())):
        if bars >> place & 1:
            parts.append((1 << place, gone))
            gone += 1 << place
    return parts


def _step(column: str, bars: int, default: str = ", 0") -> str:
    return f"lag({column}, {bars}{default}) over ()" if bars else column


def _used(expression: exp.Expr) -> tuple[str, ...]:
    from sqlglot import exp

    return tuple(column.name for column in expression.find_all(exp.Column))
