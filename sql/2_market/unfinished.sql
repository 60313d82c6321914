-- one row is one stored candle that was written before its minute had ended, and not seen again since: its close is not the minute's
create or replace view unfinished as
with early as (
    select
        symbol,
        last_ts as ts,
        source,
        written_ts,
    from ingests
    where kind = 'candles' and rows_came > rows_rejected and written_ts < last_ts + interval 1 minute
),

confirmed as (  -- what came again later and was not found to differ
    select distinct
        early.symbol,
        early.ts,
    from early
    inner join ingests
        on early.symbol = ingests.symbol
        and ingests.kind = 'candles'
        and early.ts between ingests.first_ts and ingests.last_ts
        and ingests.written_ts >= early.ts + interval 1 minute
    left join rejected_candles
        on ingests.ingest_id = rejected_candles.ingest_id and early.ts = rejected_candles.ts
    where rejected_candles.ingest_id is null
)

select
    early.symbol,
    early.ts,                                        -- UTC; the minute
    arg_min(early.source, early.written_ts) as source,  -- where the candle came from
    min(early.written_ts) as written_ts,             -- UTC; when it was written
from early
anti join confirmed
    on early.symbol = confirmed.symbol and early.ts = confirmed.ts
inner join candles  -- not semi: a filter on the symbol would not reach them; what twins repeat is grouped
    on early.symbol = candles.symbol and early.ts = candles.ts
group by early.symbol, early.ts;
