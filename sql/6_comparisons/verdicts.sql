-- one row is one run: whether it shows that the strategy earns, and why, in words
-- for either word the bootstrap interval of the Sharpe ratio lies above 0, and its t-statistic is at least 2
-- evidence: of a walk-forward, with a deflated Sharpe ratio of at least 0.95 among all attempts, and all five pass rules
-- weak evidence: of a walk-forward, with a deflated Sharpe ratio of at least 0.75 and four of the five rules;
-- or of a run or sweep, which has no out-of-sample part, with a deflated Sharpe ratio of at least 0.95
-- a strategy that looks ahead, was not examined for it, or cannot be repeated is no evidence, whatever its figures
-- measured on made-up daily returns, 50 sets correlated by 0.5, 18 folds of 180 + 30 days: of 300 markets of noise 8 were weak evidence and none evidence;
-- of 60 markets in which every set has an annual Sharpe ratio of 3 it was evidence in 31 and weak evidence in 25
create or replace view verdicts as
with placed as (
    select
        *,
        coalesce(list_position([
            'out_of_sample_profit', 'efficiency', 'profitable_folds', 'best_fold_share', 'out_of_sample_drawdown'
        ], figure), 0) as rule,
    from overfitting
),

facts as (
    select
        run_id,
        max(value) filter (where figure = 'attempts') as attempts,
        max(value) filter (where figure = 'sharpe') as sharpe,
        max(reason) filter (where figure = 'sharpe') as reason,
        max(low) filter (where figure = 'sharpe') as low,
        max(high) filter (where figure = 'sharpe') as high,
        coalesce(bool_and(coalesce(holds, false)) filter (where figure in ('sharpe', 't_statistic')), false) as is_above_zero,
        max(value) filter (where figure = 'expected_max_sharpe') as expected,
        coalesce(bool_or(holds) filter (where figure = 'expected_max_sharpe'), false) as is_above_luck,
        max(value) filter (where figure = 'deflated_sharpe') as deflated,
        coalesce(bool_or(holds) filter (where figure = 'deflated_sharpe'), false) as is_sure,
        coalesce(bool_or(value is not null) filter (where figure = 'profitable_folds'), false) as is_walk,
        count(*) filter (where rule > 0 and holds) as passed,
        string_agg(replace(figure, '_', ' '), ', ' order by rule) filter (
            where rule > 0 and not holds
        ) as failed,
        string_agg(replace(figure, '_', ' '), ', ' order by rule) filter (
            where rule > 0 and holds is null
        ) as unknown,
    from placed
    group by run_id
),

decided as (
    select
        facts.*,
        case
            when contains(runs.warnings, 'look-ahead in')
            then 'the strategy looks ahead, so that its figures mean nothing; see its warnings'
            when contains(runs.warnings, 'two equal calls of signals() differ')
            then 'the strategy says something else each time it is asked; see its warnings'
            when contains(runs.warnings, 'not examined for look-ahead')
            then 'it was not examined whether the strategy looks ahead; see its warnings'
        end as doubt,
        case
            when doubt is not null then 'no evidence'
            when is_walk and is_sure and is_above_zero and passed = 5 then 'evidence'
            when is_walk and deflated >= 0.75 and is_above_zero and passed >= 4 then 'weak evidence'
            when not is_walk and is_sure and is_above_zero then 'weak evidence'
            else 'no evidence'
        end as verdict,
    from facts
    inner join runs using (run_id)
)

select
    run_id,
    verdict,                                         -- no evidence, weak evidence or evidence
    case
        when doubt is not null then format('{}: {}', verdict, doubt)
        when sharpe is null then format('{}: {}', verdict, coalesce(reason, 'nothing to judge'))
        else concat_ws(
            '; ',
            format(
                '{}: {} Sharpe ratio {:.2f} a year, 95 % interval {:.2f} to {:.2f}', verdict,
                case when is_walk then 'out-of-sample' else 'in-sample' end, sharpe, low, high
            ),
            format(
                '{} the {:.2f} expected of the best of {} without skill (deflated: {})',
                case when is_above_luck then 'above' else 'not above' end, expected,
                case when attempts = 1 then '1 set' else format('{:d} sets', attempts::bigint) end,
                case when deflated is null then 'undefined' else format('{:.2f}', deflated) end
            ),
            case when low > 0 and not is_above_zero then 't-statistic below 2' end,
            case
                when not is_walk then 'never tested out-of-sample'
                when passed = 5 then 'passes all five rules'
                else concat_ws('; ', 'fails: ' || failed, 'not known: ' || unknown)
            end
        )
    end as sentence,                                 -- the verdict with its reasons
from decided;
