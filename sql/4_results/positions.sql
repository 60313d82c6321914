-- one row is one fill of a run, with the position in its symbol after it
create or replace view positions as
select
    run_id,
    n,
    symbol,
    ts,
    trade,
    sum(case when side = 'buy' then qty else -qty end) over (
        partition by run_id, symbol, trade
        order by n
        rows between unbounded preceding and current row
    ) as qty,                                        -- base, signed: held after this fill; 0 = flat
    price,
from fills;
