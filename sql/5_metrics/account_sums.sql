-- one row is what the days of a run or trial add up to (symbol null), or the trades of one symbol in a run
-- every sum of doubles is ordered: unordered ones differ from run to run in the last digit
create or replace view account_sums as
with day_facts as (
    select
        *,
        return - avg(return) over account as deviation,
        quantile_cont(return, 0.05) over account as quantile,
    from account_days
    window account as (
        partition by run_id, fold, part, trial
        order by day
        rows between unbounded preceding and unbounded following
    )
),

day_sums as (
    select
        run_id,
        fold,
        part,
        trial,
        count(*) as days,
        min(start_cash) as start_cash,
        arg_max(equity, day) as end_equity,
        sum(bars)::bigint as bars,
        sum(bars_in_market)::bigint as bars_in_market,
        min(drawdown) as max_drawdown,
        avg(return order by day) as return_mean,
        nullif(stddev_samp(return order by day), 'infinity'::double) as return_deviation,
        avg(pow(least(return, 0), 2) order by day) filter (where return is not null) as return_downside,
        avg(pow(deviation, 2) order by day) as return_moment_2,
        avg(pow(deviation, 3) order by day) as return_moment_3,
        avg(pow(deviation, 4) order by day) as return_moment_4,
        min(return) as worst_day,
        max(return) as best_day,
        min(quantile) as var_95,
        avg(return order by day) filter (where return <= quantile) as cvar_95,
        sqrt(avg(pow(100 * close_drawdown, 2) order by day)) as ulcer,
        sum(slipped_value order by day) as slipped_value,
        sum(fees order by day) as fees,
        sum(slippage order by day) as slippage,
        sum(funding order by day) as funding,
        sum(trades)::bigint as trades,
        sum(longs)::bigint as longs,
        sum(wins)::bigint as wins,
        sum(gross_profit order by day) as gross_profit,
        sum(gross_loss order by day) as gross_loss,
        sum(pnl_squares order by day) as pnl_squares,
        max(best) as best_trade,
        min(worst) as worst_trade,
        sum(r_trades)::bigint as r_trades,
        sum(r_sum order by day) as r_sum,
        sum(trade_bars)::bigint as trade_bars,
        sum(ambiguous)::bigint as ambiguous,
        sum(liquidations)::bigint as liquidations,
    from day_facts
    group by run_id, fold, part, trial
),

longest_drawdowns as (
    select
        run_id,
        fold,
        part,
        trial,
        max(days) as drawdown_days,
    from drawdowns
    group by run_id, fold, part, trial
),

trade_sums as (
    select
        run_id,
        0 as fold,
        'run' as part,
        0 as trial,
        symbol,
        sum(fees order by trade) as fees,
        sum(slippage order by trade) as slippage,
        sum(funding order by trade) as funding,
        count(pnl) as trades,
        count(pnl) filter (where side = 'long') as longs,
        count(pnl) filter (where pnl > 0) as wins,
        sum(greatest(pnl, 0) order by trade) as gross_profit,
        sum(least(pnl, 0) order by trade) as gross_loss,
        sum(pnl * pnl order by trade) as pnl_squares,
        max(pnl) as best_trade,
        min(pnl) as worst_trade,
        count(r) as r_trades,
        sum(r order by trade) as r_sum,
        sum(bars) filter (where not is_open)::bigint as trade_bars,
        count(pnl) filter (where ambiguous) as ambiguous,
        count(pnl) filter (where exit_reason = 'liquidation') as liquidations,
    from trades
    group by run_id, symbol
),

sums as (
    select
        *,
        null::varchar as symbol,
    from day_sums
    left join longest_drawdowns using (run_id, fold, part, trial)
    union all by name
    from trade_sums
)

select
    run_id,
    fold,
    part,
    trial,
    symbol,                                          -- see instruments.symbol; null = all together
    days,                                            -- UTC calendar days; null for a symbol, as is all down to slipped_value
    start_cash,                                      -- quote; what the account began with
    end_equity,                                      -- quote; equity at the end of the last day
    bars,                                            -- bar times
    bars_in_market,                                  -- of these, closed with a position open
    max_drawdown,                                    -- fraction, ≤ 0; lowest equity / running high − 1 at any bar's close
    drawdown_days,                                   -- days; of the longest drawdown; null = no drawdown
    return_mean,                                     -- fraction; mean daily return
    return_deviation,                                -- fraction; standard deviation of the daily returns (ddof 1)
    return_downside,                                 -- fraction²; mean(min(return, 0)²) over all days
    return_moment_2,                                 -- fraction²; second central moment of the daily returns
    return_moment_3,                                 -- fraction³; third
    return_moment_4,                                 -- fraction⁴; fourth
    worst_day,                                       -- fraction; lowest daily return
    best_day,                                        -- fraction; highest daily return
    var_95,                                          -- fraction; 5 % quantile of the daily returns, linear between neighbours
    cvar_95,                                         -- fraction; mean of the daily returns at or below var_95
    ulcer,                                           -- percentage points; √mean((100 × close_drawdown)²), see returns
    slipped_value,                                   -- quote; traded value of the fills that pay slippage: market and stop
    fees,                                            -- quote; of all fills
    slippage,                                        -- quote; of all fills, already inside the prices
    funding,                                         -- quote; received, negative = paid
    trades,                                          -- closed trades
    longs,                                           -- of these, long
    wins,                                            -- of these, pnl > 0
    gross_profit,                                    -- quote; sum of pnl > 0 over closed trades
    gross_loss,                                      -- quote, ≤ 0; sum of pnl ≤ 0 over closed trades
    pnl_squares,                                     -- quote²; sum of pnl²
    best_trade,                                      -- quote; highest pnl
    worst_trade,                                     -- quote; lowest pnl
    r_trades,                                        -- trades with a stop
    r_sum,                                           -- sum of their R multiples
    trade_bars,                                      -- sum of bars held
    ambiguous,                                       -- closed trades ended by an exit that intrabar had to decide; see fills.ambiguous
    liquidations,                                    -- closed trades ended by liquidation
from sums;
