-- title: Deepest drawdowns
-- runs: run, walk
-- width: half
-- note: from the last day at a high to the day of the next one
-- format: depth percent, from date, lowest date, recovered date
select
    peak_day as "from",
    trough_day as lowest,
    recovered_day as recovered,
    depth,
    days,
from drawdowns
where run_id = $run and part = 'run'
order by depth, peak_day
limit 10;
