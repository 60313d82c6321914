-- one value is the probability that the true Sharpe ratio is above what the best of n trials without skill would show
-- sharpe per observation, variance that of the trials' Sharpe ratios in the same unit, kurtosis not in excess
-- Bailey, López de Prado, The deflated Sharpe ratio, Journal of Portfolio Management 40, 2014, equation 2
create or replace macro deflated_sharpe(sharpe, observations, skew, kurtosis, variance, n) as (
    select probabilistic_sharpe(sharpe, expected, observations, skew, kurtosis) as probability,
    from (select expected_max_sharpe(variance, n) as expected,) as luck  -- a column: written out 25 times it takes seconds
);
