-- one row is one trade of a run, from entry to flat
-- an open trade (not yet flat when the data ended) shows its entries and exits so far; its gross, pnl, return and r are null
-- reads only fills and funding_payments, so that the engine can work out the trades of a run that is not stored yet
create or replace view trades as
with moves as (
    select
        *,
        case when (side = 'buy') = opens then 1 else -1 end as direction,  -- of the position: 1 = long, -1 = short
        case when side = 'buy' then qty else -qty end as change,
    from fills
),

facts as (  -- stacked, not joined, so that any filter on runs reaches both tables; aggregates pass over nulls
    from moves
    union all by name
    select
        run_id,
        symbol,
        trade,
        ts as paid_ts,
        amount,
    from funding_payments
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
        coalesce(sum(amount order by paid_ts), 0) as funding,
        bool_or(ambiguous) as ambiguous,
        bool_or(gap_overlap) as gap_overlap,
    from facts
    group by run_id, symbol, trade
    having count(n) > 0
)

select
    run_id,
    trade,                                           -- number in the run: 1, 2, … in order of entry
    symbol,
    case direction when 1 then 'long' else 'short' end as side,  -- long or short
    entry_qty as qty,                                -- base, > 0; all that was entered, adds included
    entry_ts,                                        -- UTC; open time of the bar of the first entry fill
    case
        when lowest_entry = highest_entry then lowest_entry  -- no rounding by the division below
        else entry_value / nullif(entry_qty, 0)
    end as entry_price,                              -- quote; as filled, the adds too, weighted by quantity
    exit_ts,                                         -- UTC; open time of the bar of the last exit fill; null = no exit yet
    case
        when lowest_exit = highest_exit then lowest_exit
        else exit_value / nullif(exit_qty, 0)
    end as exit_price,                               -- quote; as filled, partial exits too, weighted by quantity; null = no exit yet
    entry_kind,                                      -- of the first entry fill: market, stop or limit
    entry_reason,                                    -- of the first entry fill: signal or rebalance
    exit_kind,                                       -- of the last exit fill: market, stop or limit
    exit_reason,                                     -- of the last exit fill: signal, reverse, stop, trail, take, liquidation, time, end_of_data …; see fills.reason
    exit_bar - entry_bar as bars,                    -- the symbol's own bars from first entry to last exit; 0 = within one bar
    exit_ts is null or exit_qty < entry_qty * (1 - 1e-9) as is_open,  -- not all of qty has been exited
    fees,                                            -- quote; of all its fills
    slippage,                                        -- quote; of all its fills, already inside the prices
    funding,                                         -- quote; received, negative = paid
    case when not is_open then reference_pnl end as gross,  -- quote; profit before fees, slippage and funding
    case when not is_open then price_pnl - fees + funding end as pnl,  -- quote; profit after fees, slippage and funding
    pnl / nullif(entry_value, 0) as return,          -- fraction; pnl / value entered (qty × entry_price)
    case when has_stop then pnl / nullif(risk, 0) end as r,  -- multiple; pnl / Σ qty × |price − stop| of its entry fills; null = no stop at one of them
    case
        when exit_ts is not null then least(worst / entry_price - direction, 0)
    end as mae,                                      -- fraction of entry_price, ≤ 0; the farthest the price went against the trade
    case
        when exit_ts is not null then greatest(best / entry_price - direction, 0)
    end as mfe,                                      -- fraction of entry_price, ≥ 0; the farthest the price went with the trade
    ambiguous,                                       -- intrabar had to decide its exit; see fills.ambiguous
    gap_overlap,                                     -- a recorded gap lay inside the trade
from totals;
