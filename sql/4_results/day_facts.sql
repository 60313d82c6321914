-- one row is one UTC day of a stored run with a fill, a payment or a closed trade: what the table days takes from them
-- bar_minutes is the timeframe's length: a fill belongs to the day in which its bar closes, as the bar's equity does, and a payment to that of the bar it lies in
create or replace macro day_facts(run, bar_minutes) as table
with filled as (
    select
        (ts + to_minutes(bar_minutes - 1))::date as day,
        sum(fee order by n) as fees,
        sum(slippage order by n) as slippage,
        sum(qty * price order by n) as turnover,
        coalesce(sum(qty * price order by n) filter (where kind <> 'limit'), 0) as slipped_value,
    from fills
    where run_id = run
    group by all
),

paid as (
    select
        (
            time_bucket(to_minutes(bar_minutes), ts, timestamp '2001-01-01') + to_minutes(bar_minutes - 1)
        )::date as day,
        sum(amount order by ts, symbol) as funding,
    from funding_payments
    where run_id = run
    group by all
),

closed as (
    select
        (exit_ts + to_minutes(bar_minutes - 1))::date as day,
        count(*) as trades,
        count(*) filter (where side = 'long') as longs,
        count(*) filter (where pnl > 0) as wins,
        coalesce(sum(pnl order by trade) filter (where pnl > 0), 0) as gross_profit,
        coalesce(sum(pnl order by trade) filter (where pnl <= 0), 0) as gross_loss,
        sum(pnl * pnl order by trade) as pnl_squares,
        max(pnl) as best,
        min(pnl) as worst,
        count(r) as r_trades,
        coalesce(sum(r order by trade), 0) as r_sum,
        sum(bars)::bigint as trade_bars,
        count(*) filter (where ambiguous) as ambiguous,
        count(*) filter (where exit_reason = 'liquidation') as liquidations,
    from trades
    where run_id = run and not is_open
    group by all
)

select
    day,
    coalesce(fees, 0) as fees,
    coalesce(slippage, 0) as slippage,
    coalesce(turnover, 0) as turnover,               -- quote; traded value of the day's fills
    coalesce(slipped_value, 0) as slipped_value,
    coalesce(funding, 0) as funding,
    coalesce(trades, 0) as trades,
    coalesce(longs, 0) as longs,
    coalesce(wins, 0) as wins,
    coalesce(gross_profit, 0) as gross_profit,
    coalesce(gross_loss, 0) as gross_loss,
    coalesce(pnl_squares, 0) as pnl_squares,
    best,
    worst,
    coalesce(r_trades, 0) as r_trades,
    coalesce(r_sum, 0) as r_sum,
    coalesce(trade_bars, 0) as trade_bars,
    coalesce(ambiguous, 0) as ambiguous,
    coalesce(liquidations, 0) as liquidations,
from filled
full join paid using (day)
full join closed using (day);
