-- title: Trades
-- chart: trades
-- runs: run, walk
-- note: of more than 1,000 trades the first and last 300, the best and worst 200; all of them: bt trades RUN --format csv
-- format: entry minute, exit minute, entry_price price, exit_price price, pnl signed, return percent, R 2, mae percent, mfe percent
select
    trade,
    symbol,
    side,
    entry_ts as entry,
    entry_price,
    exit_ts as "exit",
    exit_price,
    exit_reason as reason,
    bars,
    pnl,
    return,
    r as "R",
    mae,
    mfe,
from trades
inner join listed_trades($run, 1000) using (run_id, trade)
where run_id = $run
order by trade;
