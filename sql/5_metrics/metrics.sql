-- one row is one run: its metrics in the order of the terminal's panel; for trials see all_metrics
create or replace view metrics as
select
    all_metrics.run_id,
    all_metrics.start_cash,
    all_metrics.end_equity,                          -- quote; equity at the end of the last day
    all_metrics.net_profit,
    all_metrics.total_return,
    all_metrics.days,                                -- UTC calendar days from the first to the last tested bar
    all_metrics.cagr,
    runs.buy_hold,
    all_metrics.time_in_market,
    all_metrics.max_drawdown,
    all_metrics.longest_drawdown_days,
    all_metrics.sharpe,
    all_metrics.sortino,
    all_metrics.calmar,
    all_metrics.volatility,
    all_metrics.worst_day,
    all_metrics.best_day,
    all_metrics.ulcer,
    all_metrics.var_95,
    all_metrics.cvar_95,
    all_metrics.skew,
    all_metrics.kurtosis,
    all_metrics.trades,                              -- closed trades
    all_metrics.longs,                               -- of these, long
    all_metrics.shorts,
    all_metrics.win_rate,
    all_metrics.profit_factor,
    all_metrics.expectancy,
    all_metrics.expectancy_r,
    all_metrics.avg_win,
    all_metrics.avg_loss,
    all_metrics.best_trade,
    all_metrics.worst_trade,
    all_metrics.avg_bars,
    all_metrics.sqn,
    all_metrics.liquidations,                        -- closed trades ended by liquidation
    all_metrics.ambiguous,                           -- closed trades ended by an exit that intrabar had to decide; see fills.ambiguous
    all_metrics.ambiguous_share,
    all_metrics.gross_profit,                        -- quote; sum of pnl > 0 over closed trades
    all_metrics.gross_loss,                          -- quote, ≤ 0; sum of pnl ≤ 0 over closed trades
    all_metrics.fees,                                -- quote; of all fills
    all_metrics.slippage,                            -- quote; of all fills, already inside the prices
    all_metrics.funding,                             -- quote; received, negative = paid
    all_metrics.costs,
    all_metrics.costs_to_gross_profit,
    all_metrics.slipped_value,                       -- quote; traded value of the fills that pay slippage: market and stop
    all_metrics.break_even_slippage,
from all_metrics  -- run_id is taken from here and not from runs, so that any filter on it reaches the days
inner join runs using (run_id)
where all_metrics.part = 'run' and all_metrics.symbol is null;
