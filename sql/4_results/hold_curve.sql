-- one row is one bucket of a run's span: what the run's cash would be worth there by buy and hold, for a chart
-- equal cash in every symbol at its first open, no costs, see buy_and_hold; a symbol without a candle yet is still cash
create or replace macro hold_curve(run, buckets) as table
with bought as (
    select
        symbol,
        ts,
        last_ts,
        close,
        first_value(open) over (
            partition by symbol
            order by ts
            rows between unbounded preceding and unbounded following
        ) as price,
    from candle_curve(run, buckets)
),

times as (
    select
        ts,
        max(last_ts) as last_ts,
    from bought
    group by ts
),

symbols as (
    select distinct symbol,
    from bought
),

places as (
    select
        times.ts,
        times.last_ts,
        symbols.symbol,
    from times
    cross join symbols
),

worths as (
    select
        places.ts,
        places.last_ts,
        places.symbol,
        coalesce(bought.close / nullif(bought.price, 0), 1) as growth,
    from places
    asof left join bought
        on places.symbol = bought.symbol and places.ts >= bought.ts
)

select
    worths.ts,                                       -- UTC; where the bucket begins
    max(worths.last_ts) as last_ts,                  -- UTC; the candle at whose close it is worth that
    runs.start_cash * avg(worths.growth order by worths.symbol) as worth,  -- quote
from worths
inner join runs on runs.run_id = run
group by worths.ts, runs.start_cash;
