-- one row is what the days of a run or trial add up to (symbol null), or the trades of one symbol in a run (symbol given)
-- the facts are stacked and grouped once, not joined, so that any filter on the keys reaches the tables below
create or replace view account_sums as
with day_facts as (
    select
        * exclude (day, high),
        day - date '1970-01-01' as place,
        return - avg(return) over account as deviation,
        quantile_cont(return, 0.05) over account as quantile,
        1 as days,
    from account_days
    window account as (
        partition by run_id, fold, part, trial
        order by day
        rows between unbounded preceding and unbounded following
    )
),

drawdown_facts as (
    select
        run_id,
        fold,
        part,
        trial,
        days as drawdown_days,
    from drawdowns
),

trade_facts as (
    select
        run_id,
        0 as fold,
        'run' as part,
        0 as trial,
        symbol,
        trade as place,
        fees,
        slippage,
        funding,
        case when not is_open then 1 else 0 end as trades,
        case when not is_open and side = 'long' then 1 else 0 end as longs,
        case when pnl > 0 then 1 else 0 end as wins,
        greatest(pnl, 0) as gross_profit,
        least(pnl, 0) as gross_loss,
        pnl * pnl as pnl_squares,
        pnl as best,
        pnl as worst,
        case when r is not null then 1 else 0 end as r_trades,
        r as r_sum,
        case when not is_open then bars end as trade_bars,
    from trades
),

facts as (
    from day_facts
    union all by name
    from drawdown_facts
    union all by name
    from trade_facts
)

select
    run_id,
    fold,
    part,
    trial,
    symbol,                                          -- see instruments.symbol; null = all together
    sum(days)::bigint as days,                       -- UTC calendar days; null for a symbol, as are all sums of days below
    min(start_cash) as start_cash,                   -- quote; what the account began with
    arg_max(equity, place) as end_equity,            -- quote; equity at the end of the last day
    sum(bars)::bigint as bars,                       -- bar times
    sum(bars_in_market)::bigint as bars_in_market,   -- of these, closed with a position open
    min(drawdown) as max_drawdown,                   -- fraction, ≤ 0; lowest equity / running high − 1 at any bar's close
    max(drawdown_days) as drawdown_days,             -- days; of the longest drawdown; null = no drawdown
    avg(return order by place) as return_mean,       -- fraction; mean daily return
    nullif(stddev_samp(return order by place), 'infinity'::double) as return_deviation,  -- fraction; standard deviation of the daily returns (ddof 1)
    sqrt(avg(pow(least(return, 0), 2) order by place) filter (where return is not null)) as return_downside,  -- fraction; √mean(min(return, 0)²) over all days
    avg(pow(deviation, 2) order by place) as return_moment_2,  -- fraction²; second central moment of the daily returns
    avg(pow(deviation, 3) order by place) as return_moment_3,  -- fraction³; third
    avg(pow(deviation, 4) order by place) as return_moment_4,  -- fraction⁴; fourth
    min(return) as worst_day,                        -- fraction; lowest daily return
    max(return) as best_day,                         -- fraction; highest daily return
    min(quantile) as var_95,                         -- fraction; 5 % quantile of the daily returns, linear between neighbours
    avg(return order by place) filter (where return <= quantile) as cvar_95,  -- fraction; mean of the daily returns at or below var_95
    sqrt(avg(pow(100 * close_drawdown, 2) order by place)) as ulcer,  -- percentage points; √mean((100 × close_drawdown)²), see returns
    sum(slipped_value order by place) as slipped_value,  -- quote; traded value of the fills that pay slippage: market and stop
    sum(fees order by place) as fees,                -- quote; of all fills
    sum(slippage order by place) as slippage,        -- quote; of all fills, already inside the prices
    sum(funding order by place) as funding,          -- quote; received, negative = paid
    sum(trades)::bigint as trades,                   -- closed trades
    sum(longs)::bigint as longs,                     -- of these, long
    sum(wins)::bigint as wins,                       -- of these, pnl > 0
    sum(gross_profit order by place) as gross_profit,  -- quote; sum of pnl > 0
    sum(gross_loss order by place) as gross_loss,    -- quote, ≤ 0; sum of pnl ≤ 0
    sum(pnl_squares order by place) as pnl_squares,  -- quote²; sum of pnl²
    max(best) as best_trade,                         -- quote; highest pnl
    min(worst) as worst_trade,                       -- quote; lowest pnl
    sum(r_trades)::bigint as r_trades,               -- trades with a stop
    sum(r_sum order by place) as r_sum,              -- sum of their R multiples
    sum(trade_bars)::bigint as trade_bars,           -- sum of bars held
from facts
group by run_id, fold, part, trial, symbol;
