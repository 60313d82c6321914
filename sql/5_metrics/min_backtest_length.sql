-- one value is the number of years below which the best of n trials without skill is expected to show this annual Sharpe ratio; null = it is not above 0
-- Bailey, Borwein, López de Prado, Zhu, Pseudo-mathematics and financial charlatanism, Notices of the AMS 61, 2014, theorem 2
create or replace macro min_backtest_length(sharpe, n) as case
    when sharpe > 0 then pow(expected_max_sharpe(1, n) / nullif(sharpe, 0), 2)
end;
