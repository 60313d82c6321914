-- one row is one run: how many different parameter sets were ever tried on its data, by any run in this warehouse
-- on its data = with a symbol in common and overlapping in time; different = other parameters, strategy source, timeframe, account, costs or execution
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

described as (
    select
        *,
        string_split(symbols, ',') as names,
        json_extract(config, ['$.account', '$.costs', '$.execution'])::varchar as terms,
    from runs
)

select
    judged.run_id,
    count(distinct md5(concat_ws(
        chr(10), others.strategy_hash, others.timeframe, others.terms, tried.params_hash
    ))) as attempts,                                 -- parameter sets, of all runs together
from described as judged
inner join described as others
    on judged.first_ts < others.end_ts
    and judged.end_ts > others.first_ts
    and list_has_any(judged.names, others.names)
inner join tried on others.run_id = tried.run_id
group by judged.run_id;
