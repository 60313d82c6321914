-- one row is one run and way to take half of its days: how the set that is best there does on the other half
create or replace view compared_winners as
with ranked as (
    select
        run_id,
        half,
        list(in_sharpe order by trial) as ins,
        list(out_sharpe order by trial) as outs,
    from compared_splits
    group by run_id, half
),

chosen as (
    select
        *,
        outs[list_position(ins, list_max(ins))] as out_sharpe,
        list_sort(outs) as ascending,
    from ranked
)

select
    run_id,
    half,                                            -- see block_halves
    len(ascending) as sets,                          -- parameter sets compared
    ascending[1] < ascending[-1] as differ,          -- the sets do not all do the same on the other half
    out_sharpe,                                      -- ratio a day; on the other half, of the set with the highest Sharpe ratio on this one (of equals: the lowest number)
    (
        list_position(ascending, out_sharpe)
        + len(ascending) + 1 - list_position(list_reverse(ascending), out_sharpe)
    ) / 2 as rank,                                   -- its place there, 1 = worst; equals share the middle of their places
from chosen;
