-- one row is one symbol and one reason why rows of files or of the exchange were not stored
create or replace view left_out as
with named as (
    select
        symbol,
        ts,
        row_number,
        column_name,
        value,
        reason,
        case
            when reason = 'not on the minute' then 'off_minute'
            when reason = 'duplicate' then 'duplicate'
            when starts_with(reason, 'differs from the stored') then 'contradicted'
            when ts is null or reason in ('missing', 'not a number') then 'unreadable'
            else 'impossible'
        end as finding,
        case finding when 'off_minute' then epoch_us(ts) % 60000000 end as late,
    from rejected_candles
),

counted as (
    select
        symbol,
        finding,
        late,
        count(*) as found,
        min(ts) as first_ts,
        max(ts) as last_ts,
        min(coalesce(row_number, 0)) as first_row,
        first(
            concat('row ' || row_number || ', ', coalesce(column_name, 'the whole row'), ': ', reason, ' (' || value || ')')
            order by row_number, ts, column_name
        ) as example,
    from named
    group by symbol, finding, late
)

select
    symbol,
    finding,                                         -- off_minute, duplicate, contradicted, unreadable or impossible
    sum(found)::bigint as found,                     -- how many
    min(first_ts) as first_ts,                       -- UTC; the first of them
    max(last_ts) as last_ts,                         -- UTC; the last of them
    case finding
        when 'off_minute' then string_agg(format('{:,} {} s after the minute', found, late / 1e6), ', ' order by found desc)
        else 'first: ' || arg_min(example, first_row)
    end as detail,                                   -- how far off, or the first of them
from counted
group by symbol, finding;
