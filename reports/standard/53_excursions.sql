-- title: How far trades went against and for
-- chart: scatter
-- runs: run, walk
-- width: half
-- x: against
-- y: in favour
-- by: outcome
-- label: trade
-- note: farthest price against (MAE) and with the trade (MFE), of the entry price; of many trades the first, last, best and worst
-- format: against percent, in favour percent
select
    trade,
    case when pnl > 0 then 'won' else 'lost' end as outcome,
    mae as against,
    mfe as "in favour",
from trades
inner join listed_trades($run, 1500) using (run_id, trade)
where run_id = $run and not is_open
order by outcome desc, trade;
