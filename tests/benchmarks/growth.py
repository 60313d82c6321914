"""Show how the cost of a sweep grows, and what a walk-forward costs beside it; each figure from a process of its own.

Run on demand: `python tests/benchmarks/growth.py`; `--only TEXT` takes the tables whose title has the text,
`--rounds N` the best of so many. The walk-forward is that of the speed targets: the same 100 sets, 12 folds of 120 and
20 days.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sweep_ours import stored, years
from sweeps import asked

TEN_FOLD: Final = {"fast": list(range(4, 104, 4)), "slow": list(range(120, 920, 20))}  # 25 x 40 sets
SYMBOLS: Final = ("ALPHAUSDT", "BETAUSDT", "GAMMAUSDT")
SWEEP: Final = {"kind": "sweep"}
WALK: Final = {"kind": "walk"}


@dataclass(frozen=True)
class Table:
    """Jobs of one kind by what grows; the first is what the others are held against."""

    title: str
    jobs: dict[str, dict[str, Any]]
    years: int = 1
    symbols: tuple[str, ...] = SYMBOLS[:1]
    beside: int | None = None  # years of the first job, where it has others


TABLES: Final = (
    Table("walk-forward beside its sweep (at most 3 x)", {"sweep": SWEEP, "walk-forward, 12 folds": WALK}),
    Table(
        "folds",
        {
            "6 folds of 40 days": WALK | {"test": "40d"},
            "12 folds of 20 days": WALK,
            "24 folds of 10 days": WALK | {"test": "10d"},
        },
    ),
    Table("workers", {"1 worker": SWEEP | {"workers": 1}, "2 workers": SWEEP}),
    Table("workers, walk-forward", {"1 worker": WALK | {"workers": 1}, "2 workers": WALK}),
    Table("sets x 10 (at most 2 MB more a set)", {"100 sets": SWEEP, "1,000 sets": SWEEP | TEN_FOLD}),
    Table("bars x 10", {"525,600 bars": SWEEP, "5,256,000 bars": SWEEP}, years=10, beside=1),
    Table(
        "symbols",
        {f"{count} symbols": SWEEP | {"symbols": SYMBOLS[:count]} for count in (1, 2, 3)},
        symbols=SYMBOLS,
    ),
)


def measured(table: Table, folder: Path, rounds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Make the warehouse of a table and give what each of its jobs takes."""
    stored(folder, years(table.years, table.symbols))
    small = folder / "small"
    for place, (name, job) in enumerate(table.jobs.items()):
        where = folder
        if place == 0 and table.beside:
            small.mkdir()
            stored(small, years(table.beside, table.symbols))
            where = small
        yield name, asked("sweep_ours.py", json.dumps(job), where, rounds)


def show(table: Table, rounds: int) -> None:
    print(f"\n{table.title}")
    print(f"{'':<32}{'wall s':>9}{'CPU s':>9}{'x first':>9}{'CPU x':>8}{'peak MB':>9}{'MB a set':>10}{'trades':>11}")
    first: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, found in measured(table, Path(folder), rounds):
            if "absent" in found:
                print(f"{name:<32}{found['absent']}", flush=True)
                continue
            first = first or found
            more = len(found["trades"]) - len(first["trades"])
            each = f"{(found['peak'] - first['peak']) / 1e6 / more:>10.2f}" if more > 0 else f"{'':>10}"
            print(
                f"{name:<32}{found['wall']:>9.2f}{found['cpu']:>9.2f}{found['wall'] / first['wall']:>9.2f}"
                f"{found['cpu'] / first['cpu']:>8.2f}{found['peak'] / 1e6:>9.0f}{each}{sum(found['trades']):>11,}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, best of {chosen.rounds}")
    for table in TABLES:
        if chosen.only in table.title:
            show(table, chosen.rounds)


if __name__ == "__main__":
    main()
