-- one value is the number of observations after which a Sharpe ratio is above a benchmark with this confidence; null = it is not above
-- sharpe and benchmark per observation, kurtosis not in excess (normal = 3)
-- Bailey, López de Prado, The Sharpe ratio efficient frontier, Journal of Risk 15, 2012, equation 13
create or replace macro min_track_record(sharpe, benchmark, skew, kurtosis, confidence) as case
    when sharpe > benchmark and 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe > 0
    then 1 + (1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe)
        * pow(normal_quantile(confidence) / nullif(sharpe - benchmark, 0), 2)
end;
