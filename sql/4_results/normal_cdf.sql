-- one value is the probability that a standard normal number is at most x; absolute error below 1e-15
-- Hart's rational function as in West, Better approximations to cumulative normal functions, Wilmott Magazine, 2005
create or replace macro normal_cdf(x) as case
    when x is null then null
    when abs(x) > 37 then (1 + sign(x)) / 2
    else (1 + sign(x)) / 2 - sign(x) * exp(-x * x / 2) * case
        when abs(x) < 7.07106781186547e0
        then horner(
            abs(x), 220.206867912376e0, 221.213596169931e0, 112.079291497871e0, 33.912866078383e0,
            6.37396220353165e0, 0.700383064443688e0, 3.52624965998911e-2, 0
        ) / (horner(
            abs(x), 440.413735824752e0, 793.826512519948e0, 637.333633378831e0, 296.564248779674e0,
            86.7807322029461e0, 16.064177579207e0, 1.75566716318264e0, 8.83883476483184e-2
        ))
        else 1 / (abs(x) + 1 / (abs(x) + 2 / (abs(x) + 3 / (abs(x) + 4 / (abs(x) + 0.65e0))))) / 2.506628274631e0
    end
end;
