-- title: Months
-- chart: heatmap
-- runs: run, walk
-- x: month
-- y: year
-- value: return
-- note: returns of calendar months (UTC); the first and the last may be cut by the span
-- format: return gain
with months as (
    select
        year(month) as year,
        strftime(month, '%m') as number,
        strftime(month, '%b') as month,
        return,
    from monthly
    where run_id = $run
)

select
    year,
    number,
    month,
    return,
from months
union all
select
    year,
    '13' as number,
    'year' as month,
    product(1 + return order by number) - 1 as return,
from months
group by year
order by year, number;
