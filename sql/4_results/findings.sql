-- one row is one symbol and one kind of thing found wrong, or odd, in its data
-- error = results cannot be trusted there, warning = look at it, note = good to know
create or replace view findings as
with spaced_gaps as (
    select
        *,
        date_diff('minute', lag(last_ts) over by_time, first_ts) - 1 as between_gaps,
    from gaps
    window by_time as (partition by symbol order by first_ts)
),

holes as (
    select
        symbol,
        cause,
        count(*) as found,
        min(first_ts) as first_ts,
        max(last_ts) as last_ts,
        sum(minutes)::bigint as minutes,
        min(minutes) as shortest,
        max(minutes) as longest,
        first(first_ts order by minutes desc, first_ts asc) as longest_from,
        min(between_gaps) as fewest_between,
        max(between_gaps) as most_between,
    from spaced_gaps
    group by symbol, cause
),

spotted as (
    select
        symbol,
        finding,
        severity,
        count(*) as found,
        min(ts) as first_ts,
        max(ts) as last_ts,
        arg_min(detail, ts) as detail,
    from suspects
    group by symbol, finding, severity
),

standstills as (
    select
        symbol,
        count(*) as found,
        min(first_ts) as first_ts,
        max(last_ts) as last_ts,
        max(minutes) as longest,
        first(first_ts order by minutes desc, first_ts asc) as longest_from,
        first(price order by minutes desc, first_ts asc) as price,
    from stuck
    group by symbol
),

idle as (
    select
        symbol,
        sum(minutes)::bigint as found,
        min(first_ts) as first_ts,
        max(last_ts) as last_ts,
        max(minutes) as longest,
        first(first_ts order by minutes desc, first_ts asc) as longest_from,
    from untraded
    group by symbol
),

unpaid as (
    select
        symbol,
        count(*) as found,
        min(first_ts) as first_ts,
        max(last_ts) as last_ts,
        sum(settlements)::bigint as settlements,
        max(hours) as hours,
    from funding_gaps
    where place = 'between'  -- where rates begin and end is for a run to say, which knows its span
    group by symbol
),

told as (
    select
        holes.symbol,
        case holes.cause when 'absent' then 'absent' else 'gap' end as finding,
        case holes.cause when 'absent' then 'note' else 'error' end as severity,
        holes.found,
        holes.first_ts,
        holes.last_ts,
        concat(
            format('{:,} minutes without a candle, the longest {:,}', holes.minutes, holes.longest),
            case when holes.found > 1 then strftime(holes.longest_from, ' from %Y-%m-%d %H:%M') end,
            '; ' || gap_pattern(holes.found, holes.shortest, holes.longest, holes.fewest_between, holes.most_between, conduct.untraded)
        ) as detail,
        mend(holes.symbol, holes.first_ts, holes.last_ts, case holes.cause when 'absent' then '--repair' else '' end) as cure,
    from holes
    inner join conduct using (symbol)
    union all
    select
        symbol,
        finding,
        severity,
        found,
        first_ts,
        last_ts,
        'first: ' || detail as detail,
        case
            when finding in ('off_minute', 'duplicate') then clean_copy(symbol)
            when severity = 'note' then ''
            else mend(symbol, first_ts, last_ts, '--replace')
        end as cure,
    from spotted
    union all
    select
        symbol,
        'stuck' as finding,
        'warning' as severity,
        found,
        first_ts,
        last_ts,
        format('up to {:,} minutes at one price, {}, from {}', longest, price, strftime(longest_from, '%Y-%m-%d %H:%M')) as detail,
        mend(symbol, first_ts, last_ts, '--replace') as cure,
    from standstills
    union all
    select
        idle.symbol,
        'zero_volume' as finding,
        case when longest >= 60 then 'warning' else 'note' end as severity,
        found,
        idle.first_ts,
        idle.last_ts,
        format(
            '{:.3g} % of the minutes without a trade, up to {:,} in a row from {}',
            100 * found / conduct.candles,
            longest,
            strftime(longest_from, '%Y-%m-%d %H:%M')
        ) as detail,
        case when longest >= 60 then mend(idle.symbol, idle.first_ts, idle.last_ts, '--replace') else '' end as cure,
    from idle
    inner join conduct using (symbol)
    union all
    select
        symbol,
        'testnet' as finding,
        'warning' as severity,
        violent as found,
        first_ts,
        last_ts,
        format(
            'on {:,} days a minute moved by more than a tenth, and {:.3g} % of the minutes are without a trade: it looks like a test network',
            violent_days,
            100 * untraded / candles
        ) as detail,
        mend(symbol, first_ts, last_ts, '--replace') as cure,
    from conduct
    where is_testnet_like
    union all
    select
        symbol,
        'unfinished' as finding,
        'error' as severity,
        count(*) as found,
        min(ts) as first_ts,
        max(ts) as last_ts,
        'first: written by ' || arg_min(source, ts) || ' at ' || strftime(arg_min(written_ts, ts), '%Y-%m-%d %H:%M:%S')
        || ', before its minute was over' as detail,
        mend(symbol, min(ts), max(ts), '--replace') as cure,
    from unfinished
    group by symbol
    union all
    select
        symbol,
        'contradicted' as finding,
        'warning' as severity,
        found,
        first_ts,
        last_ts,
        'a later source tells these otherwise; ' || detail as detail,
        mend(symbol, first_ts, last_ts, '--replace') as cure,
    from left_out
    where finding = 'contradicted'
    union all
    select
        symbol,
        'funding_hole' as finding,
        'warning' as severity,
        found,
        first_ts,
        last_ts,
        format('up to {:g} hours without a funding rate', hours) as detail,
        mend(symbol, first_ts, last_ts, '') as cure,
    from unpaid
)

select
    symbol,
    finding,                                         -- gap, absent, off_minute, impossible, duplicate, spike, range, jump, seam, repeated, stuck, zero_volume, testnet, unfinished, contradicted or funding_hole
    severity,                                        -- error, warning or note
    found,                                           -- how many
    first_ts,                                        -- UTC; where the first begins
    last_ts,                                         -- UTC; where the last ends
    detail,                                          -- what it is
    cure,                                            -- the command that mends it; empty = nothing does, or nothing need be
from told;
