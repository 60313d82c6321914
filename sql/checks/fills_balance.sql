-- no row may come back: a trade that exits more than it entered, leaves a rest behind, or whose fills contradict each other
with sums as (
    select
        run_id,
        symbol,
        trade,
        count(*) filter (where opens) as entries,
        min(side) filter (where opens) as entry_side,
        max(side) filter (where opens) as other_entry_side,
        min(side) = max(side) as one_side,
        coalesce(sum(qty) filter (where opens), 0) as entered,
        coalesce(sum(qty) filter (where not opens), 0) as exited,
        min(n) as first_fill,
        min(n) filter (where opens) as first_entry,
        max(trade) over (partition by run_id, symbol) as last_trade,
    from fills
    group by run_id, symbol, trade
),

judged as (
    select
        run_id,
        symbol,
        trade,
        case
            when entries = 0 or first_fill < first_entry then 'an exit before the entry'
            when entry_side <> other_entry_side then 'entries on both sides'
            when exited > 0 and one_side then 'exits on the side of the entry'
            when exited > entered * (1 + 1e-9) then format('{} entered, {} exited', entered, exited)
            when exited < entered * (1 - 1e-9) and trade < last_trade
            then format('{} entered, {} exited, and a later trade', entered, exited)
        end as problem,
    from sums
)

from judged
where problem is not null;
