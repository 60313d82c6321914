-- no row may come back: a flat run whose last equity is not its start cash, what its fills brought in, and its funding
with bought as (
    select
        run_id,
        symbol,
        sum(case when side = 'buy' then qty else -qty end) as held,
        sum(qty) as traded,
        sum(case when side = 'buy' then -qty else qty end * price - fee) as cash,
    from fills
    group by run_id, symbol
),

flows as (
    select
        run_id,
        sum(cash) as cash,
    from bought
    group by run_id
    having not bool_or(abs(held) > 1e-9 * traded)
),

funded as (
    select
        run_id,
        sum(amount) as cash,
    from funding_payments
    group by run_id
),

ends as (
    select
        run_id,
        min(start_cash) as start_cash,
        arg_max(equity, day) as equity,
    from days
    where part = 'run'
    group by run_id
)

select
    ends.run_id,
    ends.equity - ends.start_cash - flows.cash - coalesce(funded.cash, 0) as residual,
    format('equity ends at {}, start cash and fills make {}', ends.equity, ends.equity - residual) as problem,
from ends
inner join flows using (run_id)
left join funded using (run_id)
where abs(residual) > 1e-9 * greatest(abs(ends.equity), ends.start_cash);
