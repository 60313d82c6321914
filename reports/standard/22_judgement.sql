-- title: Skill or luck
-- note: each figure with what it is held against; a figure without a value says why
-- format: value by unit, low by unit, high by unit, threshold by unit
-- hide: unit
select
    case holds when true then '✓' when false then '✗' else '' end as "holds",
    replace(figure, '_', ' ') as figure,
    value,
    case
        when figure in ('best_fold_share', 'profitable_folds', 'out_of_sample_drawdown', 'parameter_drift') then 'percent'
        when figure = 'out_of_sample_profit' then 'money'
        when figure in ('attempts', 'min_track_record') then 'count'
        else '2'
    end as unit,
    threshold,
    low,
    high,
    coalesce(reason, case figure
        when 'attempts' then 'different parameter sets ever tried on this data; low: as many independent ones'
        when 'sharpe' then 'a year; low and high: 95 % bootstrap interval, which should lie above the threshold'
        when 't_statistic' then 'of the mean daily return; at least the threshold'
        when 'probabilistic_sharpe' then 'probability that the true Sharpe ratio is above 0'
        when 'expected_max_sharpe' then 'what the best of so many attempts shows without skill; the Sharpe ratio should be above it'
        when 'deflated_sharpe' then 'probability that the true Sharpe ratio is above that; high: of the independent ones only'
        when 'min_track_record' then 'days needed to tell the Sharpe ratio from 0; threshold: days there are'
        when 'min_backtest_length' then 'years needed so that the best of so many attempts is no chance; threshold: years there are'
        when 'overfitting_probability' then 'PBO; low and high: what pure noise gives, below which it should lie'
        when 'out_of_sample_profit' then 'of the stitched run'
        when 'efficiency' then 'growth out-of-sample / in-sample; at least the threshold'
        when 'profitable_folds' then 'at least the threshold'
        when 'best_fold_share' then 'of the profit, by the best fold; below the threshold'
        when 'out_of_sample_drawdown' then 'no deeper than the threshold'
        when 'parameter_drift' then 'mean change of the chosen parameters from fold to fold, of the searched range'
        when 'rank_correlation' then 'of the sets in-sample with out-of-sample; above 0'
        when 'plateau' then 'mean objective of the chosen set''s neighbours / its own'
    end) as meaning,
from overfitting
where run_id = $run and not (reason is not null and (reason like 'only a walk-forward%' or reason like 'only one parameter set%'));
