-- one row is one UTC calendar month of a run; the first and the last may be cut by its span
create or replace view monthly as
select
    run_id,
    date_trunc('month', day)::date as month,         -- UTC; its first day
    product(1 + return order by day) - 1 as return,  -- fraction; the month's daily returns compounded; null = ruined before
    arg_max(equity, day) as end_equity,              -- quote; equity at the end of the month's last day
    min(drawdown) as drawdown,                       -- fraction ≤ 0; worst equity / running high − 1 at any close of the month
    sum(trades)::bigint as trades,                   -- closed in this month
    sum(gross_profit + gross_loss order by day) as pnl,  -- quote; sum of pnl of the trades closed in this month
from account_days
where part = 'run'
group by run_id, date_trunc('month', day)::date;
