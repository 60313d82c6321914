-- no row may come back: candles or funding rates of a symbol that fall short of what an acknowledged page brought
-- a page brought what was new and what was there before, so its span still holds at least as many; more is no loss
with stored as (
    select
        'candles' as kind,
        symbol,
        ts,
    from candles
    union all
    select
        'funding' as kind,
        symbol,
        ts,
    from funding
),

hours as (
    select
        kind,
        symbol,
        date_trunc('hour', ts) as hour,
        bit_or(1::bigint << date_part('minute', ts)) as minutes,  -- as bits: a twin must not stand for a lost row
    from stored
    group by kind, symbol, date_trunc('hour', ts)
),

counted_hours as (
    select
        *,
        sum(bit_count(minutes)) over (partition by kind, symbol order by hour) as running,
    from hours
),

pages as (
    select
        *,
        greatest(rows_stored, rows_came - rows_rejected) as brought,
    from ingests
    where kind in ('candles', 'funding') and brought > 0
),

edges as (
    select
        ingest_id,
        kind,
        symbol,
        -1 as sign,
        date_trunc('minute', first_ts) as edge,  -- some exchanges stamp a funding rate some ms late, and not always the same
    from pages
    union all
    select
        ingest_id,
        kind,
        symbol,
        1 as sign,
        date_trunc('minute', last_ts) + interval 1 minute as edge,
    from pages
),

counted as (
    select
        edges.ingest_id,
        sum(edges.sign * case
            when counted_hours.hour is null then 0
            when counted_hours.hour < date_trunc('hour', edges.edge) then counted_hours.running
            else counted_hours.running
                - bit_count(counted_hours.minutes >> date_part('minute', edges.edge))  -- what the hour holds from the edge on
        end)::bigint as held,
    from edges
    asof left join counted_hours
        on edges.kind = counted_hours.kind and edges.symbol = counted_hours.symbol and edges.edge >= counted_hours.hour
    group by edges.ingest_id
),

short as (
    select
        pages.*,
        counted.held,
    from pages
    inner join counted using (ingest_id)
    where counted.held < pages.brought
)

select
    symbol,
    kind,
    min(first_ts) as first_ts,
    format(
        'page {} from {} brought {} {}, of which {} are left; pages short: {}, {} to {}',
        min(ingest_id),
        arg_min(source, ingest_id),
        arg_min(brought, ingest_id),
        case kind when 'candles' then 'candles' else 'funding rates' end,
        arg_min(held, ingest_id),
        count(*),
        strftime(min(first_ts), '%Y-%m-%d %H:%M'),
        strftime(max(last_ts), '%Y-%m-%d %H:%M')
    ) as problem,
from short
group by symbol, kind
order by symbol, kind;
