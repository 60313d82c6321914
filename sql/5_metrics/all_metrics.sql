-- one row is every metric of a run or trial (symbol null), or the trade and cost metrics of one symbol in a run
-- part run is the run itself; the formulas stand here and nowhere else: metrics, metrics_by_symbol and costs read them
-- null = undefined (too few days or trades, nothing lost, no variance); never NaN or infinite
create or replace view all_metrics as
select
    run_id,
    fold,
    part,
    trial,
    symbol,                                          -- see instruments.symbol; null = all together
    start_cash,
    end_equity,                                      -- quote; equity at the end of the last day
    end_equity - start_cash as net_profit,           -- quote; end_equity − start_cash
    end_equity / nullif(start_cash, 0) - 1 as total_return,  -- fraction; end_equity / start_cash − 1
    days,                                            -- UTC calendar days from the first to the last tested bar
    nullif(
        pow(greatest(end_equity / nullif(start_cash, 0), 0), 365 / nullif(days, 0)),
        'infinity'::double
    ) - 1 as cagr,                                   -- fraction a year; (end_equity / start_cash)^(365 / days) − 1; −1 = everything was lost
    bars_in_market / nullif(bars, 0) as time_in_market,  -- fraction; bar times that closed with a position open / all bar times
    max_drawdown,
    case
        when days > 0 then coalesce(drawdown_days, 0)
    end as longest_drawdown_days,                    -- days; longest time from a high to the next high, or to the end; 0 = no drawdown
    case
        when return_deviation > 1e-12 then return_mean / return_deviation * sqrt(365)
    end as sharpe,                                   -- ratio a year; mean / standard deviation (ddof 1) of the daily returns × √365; null = they do not vary
    case
        when return_downside > 1e-24 then return_mean / sqrt(return_downside) * sqrt(365)
    end as sortino,                                  -- ratio a year; mean(return) / √mean(min(return, 0)²) × √365, over all days; null = no day lost
    cagr / nullif(-max_drawdown, 0) as calmar,       -- ratio; cagr / |max_drawdown|; null = no drawdown
    return_deviation * sqrt(365) as volatility,      -- fraction a year; standard deviation (ddof 1) of the daily returns × √365
    worst_day,
    best_day,
    ulcer,
    var_95,
    cvar_95,
    case
        when return_deviation > 1e-12 and isfinite(return_moment_4) then return_moment_3 / pow(return_moment_2, 1.5)
    end as skew,                                     -- ratio; third central moment of the daily returns / second^1.5 (population)
    case
        when return_deviation > 1e-12 and isfinite(return_moment_4) then return_moment_4 / pow(return_moment_2, 2)
    end as kurtosis,                                 -- ratio; fourth central moment of the daily returns / second² (population, not in excess: normal = 3)
    trades,                                          -- closed trades
    longs,                                           -- of these, long
    trades - longs as shorts,                        -- of these, short
    wins / nullif(trades, 0) as win_rate,            -- fraction; trades with pnl > 0 / trades
    gross_profit,                                    -- quote; sum of pnl > 0 over closed trades
    gross_loss,                                      -- quote, ≤ 0; sum of pnl ≤ 0 over closed trades
    gross_profit + gross_loss as pnl,                -- quote; sum of pnl over closed trades
    gross_profit / nullif(-gross_loss, 0) as profit_factor,  -- ratio; gross_profit / −gross_loss; null = nothing was lost
    pnl / nullif(trades, 0) as expectancy,           -- quote; pnl / trades
    r_sum / nullif(r_trades, 0) as expectancy_r,     -- multiple; mean R of the trades with a stop
    gross_profit / nullif(wins, 0) as avg_win,       -- quote; mean pnl of the trades with pnl > 0
    gross_loss / nullif(trades - wins, 0) as avg_loss,  -- quote, ≤ 0; mean pnl of the trades with pnl ≤ 0
    best_trade,                                      -- quote; highest pnl
    worst_trade,                                     -- quote; lowest pnl
    trade_bars / nullif(trades, 0) as avg_bars,      -- bars; mean bars held by a trade
    case  -- the difference of two nearly equal sums of squares is noise, not a variance
        when isfinite(pnl_squares) and pnl_squares - expectancy * pnl > 1e-12 * pnl_squares
        then sqrt(trades) * expectancy / sqrt((pnl_squares - expectancy * pnl) / nullif(trades - 1, 0))
    end as sqn,                                      -- system quality number; √trades × mean / standard deviation (ddof 1) of pnl; null = fewer than two trades, or all alike
    liquidations,                                    -- closed trades ended by liquidation
    ambiguous,                                       -- closed trades ended by an exit that intrabar had to decide; see fills.ambiguous
    ambiguous / nullif(trades, 0) as ambiguous_share,  -- fraction; ambiguous / trades
    fees,                                            -- quote; of all fills
    slippage,                                        -- quote; of all fills, already inside the prices
    funding,                                         -- quote; received, negative = paid
    fees + slippage - funding as costs,              -- quote; fees + slippage − funding
    costs / nullif(gross_profit, 0) as costs_to_gross_profit,  -- fraction; costs / gross_profit
    slipped_value,                                   -- quote; traded value of the fills that pay slippage: market and stop
    (net_profit + slippage) / nullif(slipped_value, 0) as break_even_slippage,  -- fraction of the price; (net_profit + slippage) / slipped_value: the same fills would earn nothing at it, funding included; negative = a loss without any
from account_sums;
