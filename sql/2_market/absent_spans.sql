-- one row is one span of minutes that the exchange itself does not have; absences that touch or overlap are one
create or replace view absent_spans as
with in_order as (
    select
        symbol,
        first_ts,
        last_ts,
        max(last_ts) over (
            partition by symbol
            order by first_ts, last_ts
            rows between unbounded preceding and 1 preceding
        ) as reached,
    from absences
),

numbered as (
    select
        symbol,
        first_ts,
        last_ts,
        sum(case when first_ts <= reached + interval 1 minute then 0 else 1 end) over (
            partition by symbol
            order by first_ts, last_ts
            rows between unbounded preceding and current row
        ) as number,
    from in_order
)

select
    symbol,
    min(first_ts) as first_ts,                       -- UTC; first absent minute
    max(last_ts) as last_ts,                         -- UTC; last absent minute, inclusive
from numbered
group by symbol, number;
