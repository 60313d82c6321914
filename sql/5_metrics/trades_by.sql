-- one row is one run and one group of its closed trades; grouping is exit, side, hour or weekday (of entry, UTC)
create or replace macro trades_by(grouping) as table
select
    run_id,
    case grouping
        when 'exit' then exit_reason
        when 'side' then side
        when 'hour' then strftime(entry_ts, '%H')
        when 'weekday' then strftime(entry_ts, '%u %a')
        else error('trades are grouped by exit, side, hour or weekday')
    end as what,
    count(*) as trades,
    count(*) filter (where pnl > 0) as wins,
    sum(pnl order by trade) as pnl,
    avg(r order by trade) as avg_r,
    avg(bars) as avg_bars,
    sum(fees + slippage - funding order by trade) as costs,
from trades
where not is_open
group by all;
