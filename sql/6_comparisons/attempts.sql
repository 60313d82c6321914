-- one row is one run: how many different parameter sets were ever tried on its data, by any run in this warehouse
-- on its data = with a symbol in common and overlapping in time; different = other parameters, strategy, timeframe, span, account, costs or execution; and a walk with other folds, objective or conditions tries each of its sets anew
create or replace view attempts as
with tried as (
    select
        run_id,
        sha256(params) as params_hash,
    from runs
    where kind = 'run'
    union all
    select distinct
        run_id,
        params_hash,
    from trials
    where part = 'in'
),

trained as (
    select
        run_id,
        min(train_first) as first,
    from folds
    group by run_id
),

described as (
    select
        *,
        string_split(symbols, ',') as names,
        least(first_ts, trained.first) as begin_ts,  -- least passes over nulls
        case
            when kind = 'walk'
            then json_extract(settings, ['$.folds', '$.objective', '$.min_trades', '$.where', '$.select'])::varchar
            else concat_ws(' ', first_ts, end_ts)
        end as way,
        json_extract(config, ['$.account', '$.costs', '$.execution'])::varchar as terms,
    from runs
    left join trained using (run_id)
)

select
    judged.run_id,
    count(distinct md5(concat_ws(
        chr(10), others.strategy, others.strategy_hash, others.timeframe, others.terms, others.way, tried.params_hash
    ))) as attempts,                                 -- parameter sets, of all runs together
from described as judged
inner join described as others
    on judged.begin_ts < others.end_ts
    and judged.end_ts > others.begin_ts
    and list_has_any(judged.names, others.names)
inner join tried on others.run_id = tried.run_id
group by judged.run_id;
