-- one row is one run: what trading cost, and how much slippage it would have borne
create or replace view costs as
with traded as (
    select
        run_id,
        sum(qty * price order by n) as turnover,
    from fills
    group by run_id
)

select
    all_metrics.run_id,
    coalesce(traded.turnover, 0) as turnover,        -- quote; traded value of all fills
    all_metrics.fees,                                -- quote; of all fills
    all_metrics.slippage,                            -- quote; of all fills, already inside the prices
    all_metrics.funding,                             -- quote; received, negative = paid
    all_metrics.costs,
    all_metrics.costs / nullif(traded.turnover, 0) as costs_to_turnover,  -- fraction; costs / turnover
    all_metrics.gross_profit,                        -- quote; sum of pnl > 0 over closed trades
    all_metrics.costs_to_gross_profit,
    all_metrics.net_profit,
    all_metrics.net_profit + all_metrics.costs as profit_before_costs,  -- quote; net_profit + costs
    all_metrics.slipped_value,                       -- quote; traded value of the fills that pay slippage: market and stop
    all_metrics.break_even_slippage,
from all_metrics
left join traded using (run_id)
where all_metrics.part = 'run' and all_metrics.symbol is null;
