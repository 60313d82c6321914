-- no row may come back: a funding payment that is not −qty × mark × rate, of a trade that does not exist, of a position on the other side, or made before the trade began
with trade_starts as (
    select
        run_id,
        trade,
        symbol,
        min(ts) as entry_ts,
        case when arg_min(side, n) = 'buy' then 1 else -1 end as direction,
    from fills
    group by run_id, trade, symbol
)

select
    run_id,
    funding_payments.symbol,
    funding_payments.ts,
    case
        when trade_starts.entry_ts is null then format('a payment of trade {}, which is not there', trade)
        when funding_payments.qty * trade_starts.direction <= 0 then format('a payment for {} of trade {}', funding_payments.qty, trade)
        when funding_payments.ts < trade_starts.entry_ts then format('a payment before trade {} began', trade)
        else format('an amount of {} for {} at {} and {}', amount, funding_payments.qty, mark, rate)
    end as problem,
from funding_payments
left join trade_starts using (run_id, trade, symbol)
where trade_starts.entry_ts is null
    or funding_payments.qty * trade_starts.direction <= 0
    or funding_payments.ts < trade_starts.entry_ts
    or abs(amount + funding_payments.qty * mark * rate) > 1e-9 * abs(amount);
