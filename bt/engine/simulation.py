"""The engine by itself: bars and signals in as Polars frames, fills, trades and equity out as Polars frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bt.engine.settings import Account, Costs, Execution, Terms
from bt.engine.tape import Around, Tape

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from bt.engine.outcome import Simulation


def simulate(  # noqa: PLR0913 - the engine's whole contract in one place
    bars: pl.DataFrame,
    signals: pl.DataFrame,
    *,
    account: Account | None = None,
    costs: Costs | None = None,
    execution: Execution | None = None,
    instruments: pl.DataFrame | None = None,
    funding: pl.DataFrame | None = None,
    detail: pl.DataFrame | None = None,
    gaps: pl.DataFrame | None = None,
    timeframe: str | None = None,
    announce: Callable[[str], None] | None = None,
) -> Simulation:
    """Trade signals on bars: one account, any number of symbols, what is known at a close acts at the next open.

    `bars`: one row per (symbol, ts), columns `symbol, ts, open, high, low, close, volume`; ts is the bar's open time,
    UTC, `Datetime("us")` without a zone, rising within each symbol. Symbols may start, end and miss bars at different
    times. `signals`: the same rows or some of them, with any of `enter_long, enter_short, exit_long, exit_short`
    (true or false), `stop_price, take_price` (quote), `stop_distance, take_distance, trail_distance` (quote, from the
    fill price), `size` (multiplies the configured size), `score` (higher first) and `max_bars`; null says nothing.
    An entry with `entry_limit` or `entry_stop` (quote) is a pending order that lives `entry_bars` bars (1). `target`,
    the other style, is a wanted signed share of equity and takes the place of entries and exits. `instruments`:
    `symbol` and any of `category, tick_size, qty_step, min_qty, min_notional, max_leverage`; null binds nobody; with
    `valid_from` a symbol may have several rows, the earliest of which also holds before. `funding`: `symbol, ts, rate`
    and, if known, `mark`; without it nothing is paid. `detail`: the 1-minute candles of the bars, in their form (no
    volume), to look inside bars. `gaps`: `symbol, first, last`, recorded holes, both ends inclusive. `timeframe` says
    how long bars are; without it the smallest distance of two bars of a symbol does (give it where bars
    may be cut off).

    At each bar time: funding due is paid; exits at the open (liquidation, signal, reversal, time stop, levels the open
    has passed); one snapshot of the account; entries at the open by score and symbol; inside the bar liquidation, stop,
    trail and target (the entry bar too), then pending orders; at the close the trail moves, equity is marked and new
    signals are taken.

    Prices: a market order fills at the open x (1 + slippage) for a buyer, (1 - slippage) for a seller, at the taker
    fee. A stop or trail fills at its level, or at an open beyond it, then slipped, taker; a target at its level or a
    better open, slipped and taker, or, with `take_fill="limit"`, neither slipped nor taker but maker. An `entry_limit`
    fills at its price or a better open (maker, not slipped), an `entry_stop` at its price or a worse open (taker,
    slipped). Levels are absolute prices first, else distances, else fractions of the fill. The trail lies its distance
    from the best of the fill and the closed bars since. Where `tick_size` is known levels go to the nearest tick (a
    tie against the trader), fill prices away from the trader. A bar that touches a level of loss and the target is
    `ambiguous`: `intrabar` decides.

    Size: `risk` is equity x size / |fill - stop|, `equity` equity x size / fill, `notional` size / fill, `quantity`
    size, each times the signal's `size`, from equity at the opens; then `max_positions`, money (leverage x equity less
    what is held, with room for the fee; cash for spot), volume, `qty_step`, `min_qty`, `min_notional`.

    Money: funding is -qty x mark x rate. With leverage L above 1 an isolated position of a linear contract is
    liquidated at entry x (1 - 1/L + mmr), short at entry x (1 + 1/L - mmr), and never beyond entry x (1 -/+ 1/L).
    Equity at or below 0 at a close closes everything: `ruined`.

    In detail:

    Signals: a contradicting signal (`conflict`) also does not reverse. A signal in the direction held is passed over,
    unless `pyramiding` lets it add: an add needs no slot, its levels (from its own fill) replace those of the position
    where it gives any (its trail holds from the best price of all), the time stop stays; when none is left, a row
    `pyramiding`. After an exit by a level at an open, an entry at the same open is refused (`reentry`). A stop or
    trail on the wrong side of the fill refuses the entry under every sizing (`stop_side`); a target there fills by the
    ordinary rules of the entry bar.

    Pending orders: one a symbol. A new entry signal replaces it (`replaced`), an exit signal of its side cancels it
    (`cancelled`), a recorded gap refuses it (`gap`), its last bar ends it (`expired`). An opposite one reverses at the
    open like any entry. It is sized by the snapshot of its fill bar; nothing freed inside a bar is used in it. In its
    fill bar an exit is at the level, and the trail learns only the close. A position left by a level keeps the
    symbol's order from filling in that bar, not from living on. What still waits at the end (of the data
    with `close_at_end`, or at ruin) is `expired`, too. No
    order fills in a bar after the account was liquidated as a whole.

    Targets: the symbol's latest counts; all exits come first, then one snapshot sizes all reductions, then increases,
    each by score and symbol. After an exit that no target ordered the symbol waits for another target. Levels of an
    increase act as in an add.

    Size: the stop sizes risk, the trail only where there is no stop. Money (`cash`) and `max_volume_share` (`volume`)
    shrink, the tighter is recorded. Money that is left of full use by rounding (1e-9 of equity) buys nothing; fees
    paid at an open leave less for the entries after. Rounding down to `qty_step` is no rejection. A symbol's leverage
    is the smaller of the account's and its `max_leverage`.

    Funding: a stamp at a bar's open is paid by what is held into it, one inside by what is open after the entries (at
    its minute where the bar is drilled), one in a hole at the next bar at the last close. Without a mark it is the
    bar's open, inside a bar its minute's where `detail` is used. Spot pays none.

    Margin: liquidation, stop and trail compete: the nearest acts, a tie is the stop; at an open beyond the liquidation
    level it is a liquidation. Its price is never beyond bankruptcy, rounded towards the entry. Cross margin compares
    equity with `mmr` times the notional of all linear positions at the open, and at the worst prices of the bar (or
    stops before them), taken to be reached in step: everything is closed where the two meet. It is decided on whole
    bars, never on minutes, and comes before any target; what a pending order opens is held against its bar's worst.

    Drilling: a bar is walked when a level is touched and its minutes reach its extremes; else the bar decides.

    Gaps: a gap lies between two bars when it overlaps the time from the end of the first to the open of the second,
    that minute included; a trade is tagged `gap_overlap` for those and for gaps inside its bars.

    `worst` and `best` of a trade take whole bars while it was held and the exit's own price in its last bar.

    Raises `BtError` before anything runs when frames or settings are wrong, naming row, symbol and column.
    """
    terms = Terms(
        account=Account() if account is None else account,
        costs=Costs() if costs is None else costs,
        execution=Execution() if execution is None else execution,
    )
    around = Around(instruments=instruments, funding=funding, detail=detail, gaps=gaps)
    tape = Tape.laid(bars, around, terms, timeframe=timeframe, announce=announce)
    return tape.simulation(tape.trade(tape.told(signals)))
