-- one value is the Sharpe ratio per observation of n returns with this sum and sum of squares; null = too few, or they do not vary
-- the difference of two nearly equal sums of squares is noise, not a variance: 1e-12 of the squares counts as none
create or replace macro sharpe_of_sums(n, total, squares) as case
    when n > 1 and squares - total * total / n > 1e-12 * squares
    then total / n / sqrt((squares - total * total / n) / (n - 1))
end;
