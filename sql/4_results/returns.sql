-- one row is one UTC day of a run or trial: its return, the number that Sharpe and its like are made of
create or replace view returns as
select
    run_id,
    fold,
    part,
    trial,
    day,
    equity,
    return,
    drawdown,
    close_drawdown,
from account_days;
