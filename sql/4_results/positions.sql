-- one row is one fill of a run, with the position in its symbol after it
create or replace view positions as
with moves as (
    select
        *,
        sum(case when side = 'buy' then qty else -qty end) over so_far as held,
        sum(qty) over so_far as traded,
    from fills
    window so_far as (
        partition by run_id, symbol, trade
        order by n
        rows between unbounded preceding and current row
    )
)

select
    run_id,
    n,
    symbol,
    ts,
    trade,
    case
        when abs(held) > 1e-9 * traded then held else 0  -- thirds do not add up to exactly nothing
    end as qty,                                      -- base, signed: held after this fill; 0 = flat
    price,
from moves;
