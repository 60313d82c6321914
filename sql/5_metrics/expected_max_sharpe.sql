-- one value is the Sharpe ratio that the best of n trials without skill is expected to show; 0 for one trial
-- in the unit of the square root of variance, that of the trials' Sharpe ratios
-- Bailey, López de Prado, The deflated Sharpe ratio, Journal of Portfolio Management 40, 2014, equation 1
create or replace macro expected_max_sharpe(variance, n) as case
    when n > 1
    then sqrt(variance) * greatest(  -- 0.577… is the Euler–Mascheroni constant, 0.367… is 1 / e
        (1 - 0.5772156649015329e0) * normal_quantile(1 - 1 / n)
        + 0.5772156649015329e0 * normal_quantile(1 - 0.36787944117144233e0 / n),
        0
    )
    when n = 1 then 0
end;
