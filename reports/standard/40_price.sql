-- title: Price and trades
-- chart: candles
-- runs: run, walk
-- x: ts
-- by: symbol
-- note: buckets of the span with their first, highest, lowest and last price; choose a trade in the chart or in the list below to see the bars around it
select
    symbol,
    ts,
    open,
    high,
    low,
    close,
from candle_curve($run, least(1000, 5000 // (select len(string_split(symbols, ',')) from runs where run_id = $run)))
order by symbol, ts;
