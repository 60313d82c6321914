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
    end as what,                                     -- the group: an exit reason, a side, an hour or a weekday
    count(*) as trades,                              -- closed trades
    count(*) filter (where pnl > 0) as wins,
    sum(pnl order by trade) as pnl,                  -- quote; sum of their pnl
    avg(r order by trade) as avg_r,                  -- multiple; mean R of those with a stop
    avg(bars) as avg_bars,
    sum(fees + slippage - funding order by trade) as costs,
from trades
where not is_open
group by all;
