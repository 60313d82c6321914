-- no row may come back: an hour of a run that holds two equity rows of one bar time
with hours as (
    select
        run_id,
        date_trunc('hour', ts) as ts,
        count(*) as bars,
        bit_count(bit_or(1::bigint << date_part('minute', ts))) as minutes,  -- far cheaper than count(distinct ts)
    from equity
    group by run_id, date_trunc('hour', ts)
)

select
    run_id,
    ts,
    (bars - minutes) || ' equity rows too many in this hour' as problem,
from hours
where bars > minutes;
