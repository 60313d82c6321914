-- no row may come back: a run whose days add up to other costs, trades or profits than its fills
with moves as (
    select
        *,
        case when side = 'buy' then -qty else qty end * price - fee as cash,
    from fills
),

trade_sums as (
    select
        run_id,
        trade,
        sum(fee) as fees,
        sum(slippage) as slippage,
        sum(case when opens then qty else -qty end) > 1e-9 * sum(qty) as is_open,
        sum(cash) as cash,
        sum(qty * price) as turnover,
    from moves
    group by run_id, trade
),

funded as (
    select
        run_id,
        trade,
        sum(amount) as funding,
    from funding_payments
    group by run_id, trade
),

by_fills as (
    select
        run_id,
        sum(fees) as fees,
        sum(slippage) as slippage,
        coalesce(sum(funding), 0) as funding,
        count(*) filter (where not is_open) as trades,
        coalesce(sum(cash + coalesce(funding, 0)) filter (where not is_open), 0) as pnl,
        1e-9 * sum(turnover) as tolerance,
    from trade_sums
    left join funded using (run_id, trade)
    group by run_id
),

by_days as (
    select
        run_id,
        sum(fees) as fees,
        sum(slippage) as slippage,
        sum(funding) as funding,
        sum(trades)::bigint as trades,
        sum(gross_profit + gross_loss) as pnl,
    from days
    where part = 'run'
    group by run_id
),

compared as (
    select
        run_id,
        case
            when by_days.trades <> coalesce(by_fills.trades, 0)
            then format('days count {} trades, fills {}', by_days.trades, coalesce(by_fills.trades, 0))
            when abs(by_days.fees - coalesce(by_fills.fees, 0)) > coalesce(tolerance, 0)
            then format('days have fees of {}, fills {}', by_days.fees, coalesce(by_fills.fees, 0))
            when abs(by_days.slippage - coalesce(by_fills.slippage, 0)) > coalesce(tolerance, 0)
            then format('days have slippage of {}, fills {}', by_days.slippage, coalesce(by_fills.slippage, 0))
            when abs(by_days.funding - coalesce(by_fills.funding, 0)) > coalesce(tolerance, 0)
            then format('days have funding of {}, payments {}', by_days.funding, coalesce(by_fills.funding, 0))
            when abs(by_days.pnl - coalesce(by_fills.pnl, 0)) > coalesce(tolerance, 0)
            then format('days have a profit of {}, fills {}', by_days.pnl, coalesce(by_fills.pnl, 0))
        end as problem,
    from by_days
    left join by_fills using (run_id)
)

from compared
where problem is not null;
