-- one value is what x was k bars ago; null where there is no such bar
create or replace macro value_before(x, k) as max(x) over (  -- of one value: a window that needs no second form
    partition by symbol
    order by ts
    rows between k + 0 preceding and k + 0 preceding  -- a bare k would make DuckDB look for symbol and ts when the macro is made
);
