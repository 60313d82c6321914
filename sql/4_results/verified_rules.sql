-- one row is one rule of ours that another engine does not have: what of a verified run hangs on it
-- rules are put aside one after the other, in order of place: each is held against the run without those before it
create or replace view verified_rules as
with listed as (
    select
        run_id,
        engine,
        unnest(from_json(rules, '["json"]')) as rule,
        generate_subscripts(from_json(rules, '["json"]'), 1) as place,
    from verifications
)

select
    run_id,
    engine,
    place,                                                    -- from 1, in the order in which they are put aside
    rule ->> '$.rule' as rule,                                -- its name
    rule ->> '$.sentence' as sentence,                        -- what it says, and what the other engine does
    (rule ->> '$.changed')::bigint as changed,                -- trades that are not the same because of it
    (rule ->> '$.follow')::bigint as follow,                  -- trades that are not the same because an earlier one is not
    (rule ->> '$.unexplained')::bigint as unexplained,        -- trades that are not the same for no reason that is known
    (rule ->> '$.end_equity')::double as end_equity,          -- quote; with it
    (rule ->> '$.end_equity_without')::double as end_equity_without,  -- quote
    (rule -> '$.first')::varchar as first_changed,            -- JSON; the first trade that it changes, with it and without it
from listed;
