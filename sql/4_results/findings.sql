-- one row is one symbol and one kind of thing found wrong, or odd, in its data
-- error = results cannot be trusted there, warning = look at it, note = good to know
create or replace view findings as
with holes as (
    select
        symbol,
        cause,
        count(*) as found,
        min(first_ts) as first_ts,
        max(last_ts) as last_ts,
        sum(minutes)::bigint as minutes,
        max(minutes) as longest,
    from gaps
    group by all
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
    group by all
),

unpaid as (
    select
        symbol,
        count(*) as found,
        min(first_ts) as first_ts,
        max(last_ts) as last_ts,
        max(hours) as hours,
    from funding_gaps
    where place = 'between'  -- where rates begin and end is for a run to say, which knows its span
    group by all
)

select
    symbol,
    case cause when 'absent' then 'absent' else 'gap' end as finding,  -- gap, absent, impossible, duplicate, range, jump or funding_hole
    case cause when 'absent' then 'note' else 'error' end as severity,  -- error, warning or note
    found,                                           -- how many
    first_ts,                                        -- UTC; where the first begins
    last_ts,                                         -- UTC; where the last ends
    format('{} minutes without a candle, the longest {}', minutes, longest) as detail,  -- what it is
    case cause when 'absent' then '' else bring(symbol, first_ts) end as cure,  -- the command that mends it; empty = none is needed
from holes
union all
select
    symbol,
    finding,
    severity,
    found,
    first_ts,
    last_ts,
    'first: ' || detail as detail,
    case severity when 'error' then bring(symbol, first_ts) || ' --replace' else '' end as cure,
from spotted
union all
select
    symbol,
    'funding_hole' as finding,
    'warning' as severity,
    found,
    first_ts,
    last_ts,
    format('up to {:g} hours without a funding rate', hours) as detail,
    bring(symbol, first_ts) as cure,
from unpaid;
