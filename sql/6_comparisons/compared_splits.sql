-- one row is one run, parameter set and way to take half of the ten blocks of days: its Sharpe ratio there and on the other half
-- Bailey, Borwein, López de Prado, Zhu, The probability of backtest overfitting, Journal of Computational Finance 20, 2017 (CSCV, S = 10)
create or replace view compared_splits as
with blocks as (
    select
        run_id,
        trial,
        block,
        count(*)::double as days,
        sum(return order by fold, day) as total,
        sum(return * return order by fold, day) as squares,
    from compared_returns
    group by run_id, trial, block
),

sums as (
    select
        run_id,
        trial,
        list_resize(list(days order by block), 10, 0) as days,  -- one that was ruined does nothing in the blocks after
        list_resize(list(total order by block), 10, 0) as total,
        list_resize(list(squares order by block), 10, 0) as squares,
        max(block) as last_block,
    from blocks
    group by run_id, trial
    having count(*) = last_block + 1
    qualify max(last_block) over (partition by run_id) = 9
)

select
    sums.run_id,
    sums.trial,
    block_halves.half,
    coalesce(sharpe_of_sums(
        list_dot_product(sums.days, block_halves.taken),
        list_dot_product(sums.total, block_halves.taken),
        list_dot_product(sums.squares, block_halves.taken)
    ), 0) as in_sharpe,                              -- ratio a day, on the half's blocks; 0 = nothing happened
    coalesce(sharpe_of_sums(
        list_dot_product(sums.days, block_halves.left_over),
        list_dot_product(sums.total, block_halves.left_over),
        list_dot_product(sums.squares, block_halves.left_over)
    ), 0) as out_sharpe,                             -- ratio a day, on the other blocks; 0 = nothing happened
from sums
cross join block_halves;
