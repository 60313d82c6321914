-- one row is one trade of a run, from entry to flat
-- an open trade (left open at the end of the data) shows its exits so far; its gross, pnl, return and r are null
-- reads only fills and funding_payments, so that the engine can work out the trades of a run that is not stored yet
create or replace view trades as
with moves as (
    select
        *,
        case when (side = 'buy') = opens then 1 else -1 end as direction,  -- of the position: 1 = long, -1 = short
        case when side = 'buy' then qty else -qty end as change,
    from fills
),

totals as (
    select
        run_id,
        symbol,
        trade,
        arg_min(direction, n) as direction,
        arg_min(ts, n) as entry_ts,
        arg_min(kind, n) as entry_kind,
        arg_min(reason, n) as entry_reason,
        arg_min(bar, n) as entry_bar,
        sum(qty order by n) filter (where opens) as entry_qty,
        sum(qty * price order by n) filter (where opens) as entry_value,
        min(price) filter (where opens) as lowest_entry,
        max(price) filter (where opens) as highest_entry,
        sum(qty * abs(price - stop) order by n) filter (where opens) as risk,
        bool_and(stop is not null) filter (where opens) as has_stop,
        arg_max(ts, n) filter (where not opens) as exit_ts,
        arg_max(kind, n) filter (where not opens) as exit_kind,
        arg_max(reason, n) filter (where not opens) as exit_reason,
        arg_max(bar, n) filter (where not opens) as exit_bar,
        sum(qty order by n) filter (where not opens) as exit_qty,
        sum(qty * price order by n) filter (where not opens) as exit_value,
        min(price) filter (where not opens) as lowest_exit,
        max(price) filter (where not opens) as highest_exit,
        min(direction * worst) filter (where not opens) as worst,
        max(direction * best) filter (where not opens) as best,
        sum(-change * price order by n) as price_pnl,
        sum(-change * reference order by n) as reference_pnl,
        sum(fee order by n) as fees,
        sum(slippage order by n) as slippage,
        bool_or(ambiguous) as ambiguous,
        bool_or(gap_overlap) as gap_overlap,
    from moves
    group by run_id, symbol, trade
),

payments as (
    select
        run_id,
        symbol,
        trade,
        sum(amount order by ts) as received,
    from funding_payments
    group by run_id, symbol, trade
)

select
    totals.run_id,
    totals.trade,                                    -- number in the run: 1, 2, … in order of entry
    totals.symbol,
    case totals.direction when 1 then 'long' else 'short' end as side,  -- long or short
    totals.entry_qty as qty,                         -- base, > 0; all that was entered
    totals.entry_ts,                                 -- UTC; open time of the bar of the first entry fill
    case
        when totals.lowest_entry = totals.highest_entry then totals.lowest_entry  -- no rounding by the division below
        else totals.entry_value / nullif(totals.entry_qty, 0)
    end as entry_price,                              -- quote; as filled, weighted by quantity
    totals.exit_ts,                                  -- UTC; open time of the bar of the last exit fill; null = no exit yet
    case
        when totals.lowest_exit = totals.highest_exit then totals.lowest_exit
        else totals.exit_value / nullif(totals.exit_qty, 0)
    end as exit_price,                               -- quote; as filled, weighted by quantity; null = no exit yet
    totals.entry_kind,                               -- market, stop or limit
    totals.entry_reason,                             -- signal …; see fills.reason
    totals.exit_kind,                                -- market, stop or limit
    totals.exit_reason,                              -- signal, reverse, stop, trail, take, time, end_of_data …; see fills.reason
    totals.exit_bar - totals.entry_bar as bars,      -- the symbol's own bars from entry to exit; 0 = within one bar
    totals.exit_ts is null or totals.exit_qty < totals.entry_qty * (1 - 1e-9) as is_open,  -- not all of qty has been exited
    totals.fees,                                     -- quote; of all its fills
    totals.slippage,                                 -- quote; of all its fills, already inside the prices
    coalesce(payments.received, 0) as funding,       -- quote; received, negative = paid
    case when not is_open then totals.reference_pnl end as gross,  -- quote; profit at reference prices: before fees, slippage and funding
    case when not is_open then totals.price_pnl - totals.fees + funding end as pnl,  -- quote; profit after fees, slippage and funding
    pnl / nullif(totals.entry_value, 0) as return,   -- fraction; pnl / (qty × entry_price)
    case when totals.has_stop then pnl / nullif(totals.risk, 0) end as r,  -- multiple; pnl / (qty × |entry_price − stop at entry|); null = entered without a stop
    case when totals.exit_ts is not null then least(totals.worst / entry_price - totals.direction, 0) end as mae,  -- fraction of entry_price, ≤ 0; the farthest the price went against the trade
    case when totals.exit_ts is not null then greatest(totals.best / entry_price - totals.direction, 0) end as mfe,  -- fraction of entry_price, ≥ 0; the farthest the price went with the trade
    totals.ambiguous,                                -- the exit's bar touched stop and target both
    totals.gap_overlap,                              -- a recorded gap lay inside the trade
from totals
left join payments using (run_id, symbol, trade);
