-- one value is the probability that the true Sharpe ratio is above a benchmark; null = too short, or no such distribution
-- sharpe and benchmark per observation (annual / √365 for days), kurtosis not in excess (normal = 3)
-- Bailey, López de Prado, The Sharpe ratio efficient frontier, Journal of Risk 15, 2012, equation 11
create or replace macro probabilistic_sharpe(sharpe, benchmark, observations, skew, kurtosis) as case
    when observations > 1 and 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe > 0
    then normal_cdf(
        (sharpe - benchmark) * sqrt(observations - 1) / sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe)
    )
end;
