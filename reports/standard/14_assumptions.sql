-- title: What is assumed
-- chart: facts
-- width: half
with head as (
    select
        *,
        config ->> '$.account.sizing' as sizing,
        (config ->> '$.account.size')::double as size,
        (config ->> '$.account.leverage')::double as leverage,
        config ->> '$.execution.intrabar' as intrabar,
        coalesce((config ->> '$.drilled')::boolean, false) as drilled,
        (config ->> '$.costs.slippage')::double as slipped,
        (config ->> '$.costs.slippage_ticks')::double as ticks,
        config ->> '$.costs.funding' as funded,
        string_split(symbols, ',') as names,
        least(first_ts, (select min(train_first) from folds where run_id = $run)) as begin_ts,
    from runs
    where run_id = $run
),

fees as (
    select string_agg(
        format(
            '{} {:g} % taker, {:g} % maker', kind,
            100 * coalesce((config ->> '$.costs.taker')::double, (config ->> ('$.costs.rates.' || kind || '.taker'))::double),
            100 * coalesce((config ->> '$.costs.maker')::double, (config ->> ('$.costs.rates.' || kind || '.maker'))::double)
        ), '; ' order by kind
    ) as said,
    from (select config, unnest(json_keys(config, '$.costs.rates')) as kind from head) as kinds
),

unknown as (
    select string_agg(rule ->> '$.symbol', ', ' order by rule ->> '$.symbol') as said,
    from (select unnest(config -> '$.instruments[*]') as rule from head) as rules
    where rule ->> '$.tick_size' is null or rule ->> '$.qty_step' is null
),

holes as (
    select
        count(*) as found,
        coalesce(sum(minutes), 0)::bigint as minutes,
    from gaps
    where symbol in (select unnest(names) from head)
        and last_ts >= (select begin_ts from head)
        and first_ts < (select end_ts from head)
),

unpaid as (
    select
        count(*) as found,
        string_agg(distinct symbol, ', ' order by symbol) as said,
    from funding_gaps
    where symbol in (select unnest(names) from head)
        and last_ts >= (select begin_ts from head)
        and first_ts < (select end_ts from head)
),

payments as (
    select
        count(*) as found,
        coalesce(sum(amount order by ts, symbol, trade), 0) as amount,
    from funding_payments
    where run_id = $run
),

opinions as (  -- in the words of bt verify
    select
        *,
        format('{:,} {}', trades, case trades when 1 then 'trade' else 'trades' end) as traded,
        format('within {:g} of each number, pnl of the value traded', tolerance) as within,
        concat(traded, ', ', within) as held,
        coalesce(
            (select sum(changed) from verified_rules as rules where rules.run_id = $run and rules.engine = verifications.engine), 0
        )::bigint as changed,
    from verifications
    where run_id = $run
)

select unnest([
    {
        'label': 'Fills',
        'value': 'a signal known at the close of a bar trades at the next open; stops and targets inside the bar, at their level or at an open beyond it'
    },
    {
        'label': 'Stop and target in one bar',
        'value': case
            when drilled then intrabar || ': the bar is walked minute by minute; a minute that holds both is taken stop first'
            when intrabar = 'favourable' then 'favourable: the target is taken first'
            else intrabar || ': the stop is taken first'
        end
    },
    {
        'label': 'Ambiguous exits',
        'value': case
            when kind = 'sweep' then null
            when adverse_equity is null then format('{:,}', ambiguous)
            else format(
                '{:,} of {:,} exits ({:.1f} %); final equity {:,.2f} if all are taken stop first, {:,.2f} if target first (no bounds)',
                ambiguous, exits.found, 100 * ambiguous / nullif(exits.found, 0), adverse_equity, favourable_equity
            )
        end
    },
    {'label': 'Fees', 'value': fees.said},
    {
        'label': 'Slippage',
        'value': format('{:g} bp of the price', 10000 * slipped)
        || case when ticks > 0 then format(' and {:g} ticks', ticks) else '' end || ', of market and stop fills'
    },
    {
        'label': 'Funding',
        'value': case
            when funded = 'false' then 'left out'
            when unpaid.found > 0
            then format('{:,} payments, {:,.2f}; not known and not charged in {:,} {} of {}', payments.found, payments.amount, unpaid.found, case unpaid.found when 1 then 'stretch' else 'stretches' end, unpaid.said)
            else format('{:,} payments, {:,.2f}; every rate of the span is known', payments.found, payments.amount)
        end
    },
    {
        'label': 'Gaps in the candles',
        'value': case when holes.found > 0 then format('{:,}, of {:,} minutes; nothing is filled in', holes.found, holes.minutes) else 'none' end
    },
    {
        'label': 'Size',
        'value': case sizing
            when 'risk' then format('{:g} % of equity is lost at the stop', 100 * size)
            when 'equity' then format('{:g} % of equity', 100 * size)
            else format('{:g} ({})', size, sizing)
        end || format(', gross value at most {:g} × equity', leverage)
    },
    {
        'label': 'Rules of instruments',
        'value': case when unknown.said is null then 'prices and quantities are rounded as the exchange does'
        else 'not known, so that nothing is rounded: ' || unknown.said end
    },
    {
        'label': 'Parameter sets tried',
        'value': concat_ws('; ', format('{:,} by this run', sets), format('{:,} on this data by all runs of the warehouse', tried.attempts))
    },
    {
        'label': 'Second engine',
        'value': coalesce(
            (
                select string_agg(
                    concat(
                        engine, ' ', version, ': ',
                        case
                            when matches and trades = 0 then 'nothing was traded under the rules that both have'
                            when matches then format('every entry and exit matches under the rules that both have ({})', held)
                            when differences > 0 then format('{:,} of {} differ under the rules that both have ({})', differences, traded, within)
                            else format('{} match under the rules that both have ({}), but not all else does', traded, within)
                        end,
                        format('; equity at {:,} {}, at most {:.1e} of it apart', bars, case bars when 1 then 'bar' else 'bars' end, equity_gap),
                        case when changed > 0 then format('; {:,} {} of the run changed by rules', changed, case changed when 1 then 'trade' else 'trades' end) end,
                        case when unexplained > 0 then format('; {:,} {} of the run not explained', unexplained, case unexplained when 1 then 'trade' else 'trades' end) end
                    ), '; ' order by engine
                )
                from opinions
            ),
            case when kind <> 'sweep' then 'not asked' end
        )
    }
], recursive := true)
from head
cross join fees
cross join unknown
cross join holes
cross join unpaid
cross join payments
cross join (select count(*) filter (where not opens) as found from fills where run_id = $run) as exits
left join (select attempts from attempts where run_id = $run) as tried on true;
