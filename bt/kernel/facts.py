"""What a day's fills, payments and closed trades come to: with the account's own five, all facts that metrics need."""

from math import isnan

import numpy as np

from bt.kernel.layout import DAY, KINDS, REASONS, TRADE
from bt.kernel.prices import compiled

LIMIT, LIQUIDATION = KINDS.index("limit"), REASONS.index("liquidation")
NEARLY = 1.0 - 1e-9  # of what was entered has been exited: the trade is over, as in the view trades


@compiled
def add_fills(found, trades, fills, day_of):
    """Add up fills by day and by trade."""
    for place in range(len(fills)):
        fill = fills[place]
        day = found[day_of[fill.time]]
        value = fill.qty * fill.price
        day.fees += fill.fee
        day.slippage += fill.slippage
        day.turnover += value
        if fill.kind != LIMIT:
            day.slipped_value += value
        trade = trades[fill.trade]
        if trade.entered == 0.0:
            trade.first_bar = fill.bar
            trade.direction = fill.side
            trade.has_stop = True
        trade.fees += fill.fee
        trade.price_pnl -= fill.side * fill.qty * fill.price
        trade.ambiguous |= fill.ambiguous
        if fill.opens:
            trade.entered += fill.qty
            trade.has_stop &= not isnan(fill.stop)
            trade.risk += fill.qty * abs(fill.price - fill.stop)
        else:
            trade.exited += fill.qty
            trade.bars = fill.bar - trade.first_bar
            trade.day = day_of[fill.time]
            trade.liquidated = fill.reason == LIQUIDATION


@compiled
def add_payments(found, trades, payments, settled, starts, day_of):
    """Add up funding by the day of the bar it was paid in, and by trade."""
    for place in range(len(payments)):
        payment = payments[place]
        time = np.searchsorted(starts, settled[payment.funding], side="right") - 1
        found[day_of[time]].funding += payment.amount
        trades[payment.trade].funding += payment.amount


@compiled
def add_trade(day, trade):
    """Add a closed trade to the day of its last exit."""
    pnl = trade.price_pnl - trade.fees + trade.funding
    day.best = pnl if day.trades == 0 else max(day.best, pnl)
    day.worst = pnl if day.trades == 0 else min(day.worst, pnl)
    day.trades += 1
    day.longs += trade.direction > 0
    if pnl > 0.0:
        day.wins += 1
        day.gross_profit += pnl
    else:
        day.gross_loss += pnl
    day.pnl_squares += pnl * pnl
    if trade.has_stop and trade.risk != 0.0:
        day.r_trades += 1
        day.r_sum += pnl / trade.risk
    day.trade_bars += trade.bars
    day.ambiguous += trade.ambiguous
    day.liquidations += trade.liquidated


@compiled
def days_of(account_days, fills, payments, settled, starts, day_of):
    """Give each day's facts: those of the account, and what was filled, paid and closed on it."""
    found = np.zeros(len(account_days), DAY)
    for day in range(len(account_days)):
        row = found[day]
        row.equity, row.high, row.drawdown = account_days[day, 0], account_days[day, 1], account_days[day, 2]
        row.bars, row.bars_in_market = int(account_days[day, 3]), int(account_days[day, 4])
        row.best = row.worst = np.nan
    count = 0
    for place in range(len(fills)):
        count = max(count, fills[place].trade)
    trades = np.zeros(count + 1, TRADE)
    add_fills(found, trades, fills, day_of)
    add_payments(found, trades, payments, settled, starts, day_of)
    for number in range(len(trades)):
        trade = trades[number]
        if trade.exited > 0.0 and trade.exited >= trade.entered * NEARLY:
            add_trade(found[trade.day], trade)
    return found
