-- one row is one run and one figure that says how far its result can be believed; where the value is null, reason says why
-- low and high are a range: of sharpe its 95 % bootstrap interval, of overfitting_probability that of pure noise
-- of attempts, expected_max_sharpe and deflated_sharpe the one that is given is the figure at the effective number of attempts
-- out_of_sample_profit … out_of_sample_drawdown are the pass rules of TradeStation's Walk-Forward Optimizer , after Pardo, The evaluation and optimization of trading strategies, 2008
-- the sources of the other figures stand in the relations that this one reads
create or replace view overfitting as
with facts as (
    select
        judged_curves.*,
        judged_sharpe.* exclude (run_id),
        judged_interval.low,
        judged_interval.high,
        odds_of_overfitting.sets,
        odds_of_overfitting.tried_sets,
        odds_of_overfitting.whole_sets,
        odds_of_overfitting.probability,
        odds_of_overfitting.noise_low,
        odds_of_overfitting.noise_high,
        fold_gains.folds,
        fold_gains.profitable / fold_gains.folds as profitable_share,
        fold_gains.profit,
        case
            when fold_gains.profit > 0 and fold_gains.folds > 1 then fold_gains.best_profit / fold_gains.profit
        end as best_share,
        case
            when fold_gains.in_growth > 0 and not fold_gains.ruined then fold_gains.out_growth / fold_gains.in_growth
        end as efficiency,
        case when fold_gains.folds > 0 then judged_curves.max_drawdown end as out_drawdown,
        chosen_drift.drift,
        chosen_ranks.rank_correlation,
        chosen_plateau.plateau,
        case
            when judged_curves.kind <> 'walk' then 'only a walk-forward is tested out-of-sample'
            when fold_gains.folds is null then 'not finished'
        end as no_walk,
        case when judged_curves.kind = 'run' then 'only one parameter set' end as no_sets,
    from judged_curves
    left join judged_sharpe using (run_id)
    left join judged_interval using (run_id)
    left join odds_of_overfitting using (run_id)
    left join fold_gains using (run_id)
    left join chosen_drift using (run_id)
    left join chosen_ranks using (run_id)
    left join chosen_plateau using (run_id)
),

figures as (
    select
        run_id,
        unnest([
            figure_of('attempts', attempts, null, null, low := effective_attempts),
            figure_of('sharpe', sharpe * sqrt(365), low > 0, reason, bound := 0, low := low, high := high),
            figure_of('t_statistic', t_statistic, t_statistic >= 2, reason, bound := 2),
            figure_of(
                'probabilistic_sharpe', probabilistic, probabilistic >= 0.95,
                coalesce(reason, 'the returns are too skewed'), bound := 0.95
            ),
            figure_of(
                'expected_max_sharpe', expected * sqrt(365), sharpe > expected, reason, low := effective_expected * sqrt(365)
            ),
            figure_of(
                'deflated_sharpe', deflated, deflated >= 0.95, coalesce(reason, 'the returns are too skewed'),
                bound := 0.95, high := effective_deflated
            ),
            figure_of(
                'min_track_record', min_days, days >= min_days, coalesce(reason, 'the Sharpe ratio is not above 0'),
                bound := days
            ),
            figure_of(
                'min_backtest_length', min_years, days / 365 >= min_years,
                coalesce(reason, 'the Sharpe ratio is not above 0'), bound := days / 365
            ),
            figure_of(
                'overfitting_probability', probability, probability < noise_low,
                coalesce(no_sets, case
                    when whole_sets < tried_sets
                    then format('only {:d} of {:d} sets were tried in every fold', whole_sets, tried_sets)
                    when sets > 1 then 'all sets do the same'
                    else 'fewer than two sets, or fewer than ten days'
                end),
                bound := noise_low, low := noise_low, high := noise_high
            ),
            figure_of('out_of_sample_profit', profit, profit > 0, no_walk, bound := 0),
            figure_of(
                'efficiency', efficiency, efficiency >= 0.5,
                coalesce(no_walk, 'ruined, or the chosen sets earned nothing in-sample'), bound := 0.5
            ),
            figure_of('profitable_folds', profitable_share, profitable_share >= 0.5, no_walk, bound := 0.5),
            figure_of(
                'best_fold_share', best_share, best_share < 0.5,
                coalesce(no_walk, case when folds > 1 then 'there is no profit' else 'only one fold' end),
                bound := 0.5
            ),
            figure_of('out_of_sample_drawdown', out_drawdown, out_drawdown > -0.4, no_walk, bound := -0.4),
            figure_of(
                'parameter_drift', drift, null,
                coalesce(no_walk, 'fewer than two folds with a choice, or only one value of each parameter')
            ),
            figure_of(
                'rank_correlation', rank_correlation, rank_correlation > 0,
                coalesce(no_walk, 'fewer than three sets that differ in-sample and out-of-sample'), bound := 0
            ),
            figure_of(
                'plateau', plateau, null,
                coalesce(no_sets, 'no neighbours in a grid, or no objective above 0')
            )
        ]) as told,
    from facts
)

select
    run_id,
    told['figure'] as figure,                        -- its name
    told['value'] as value,                          -- Sharpe ratios a year, min_track_record days, min_backtest_length years, attempts sets, out_of_sample_profit quote; all others fractions or ratios
    told['low'] as low,                              -- see above
    told['high'] as high,                            -- see above
    told['threshold'] as threshold,                  -- of min_track_record and min_backtest_length: what there is
    told['holds'] as holds,                          -- the value is on the good side of the threshold (of sharpe: low); null = no value, or nothing to hold it against
    told['reason'] as reason,                        -- why value is null; null = it is not
from figures;
