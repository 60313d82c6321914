-- one row is one symbol that a run traded
create or replace view metrics_by_symbol as
select
    run_id,
    symbol,                                          -- see instruments.symbol
    trades,                                          -- closed trades
    longs,                                           -- of these, long
    shorts,
    win_rate,
    pnl,                                             -- quote; sum of pnl of closed trades
    pnl / nullif(greatest(sum(pnl) over (
        partition by run_id
        order by symbol
        rows between unbounded preceding and unbounded following
    ), 0), 0) as profit_share,                       -- fraction; pnl / pnl of all symbols; null = all together earned nothing
    profit_factor,
    expectancy,
    expectancy_r,
    avg_win,
    avg_loss,
    best_trade,
    worst_trade,
    avg_bars,
    sqn,
    liquidations,                                    -- closed trades ended by liquidation
    ambiguous,                                       -- closed trades ended by an exit that intrabar had to decide; see fills.ambiguous
    gross_profit,                                    -- quote; sum of pnl > 0 over closed trades
    gross_loss,                                      -- quote, ≤ 0; sum of pnl ≤ 0 over closed trades
    fees,                                            -- quote; of all fills
    slippage,                                        -- quote; of all fills, already inside the prices
    funding,                                         -- quote; received, negative = paid
    costs,
    costs_to_gross_profit,
from all_metrics
where symbol is not null;
