-- one row is one bar of a symbol with its supertrend
-- formula: basic bands = (high + low) / 2 ± k × average true range over n bars; the upper band only falls, and the lower one
--     only rises, until the close of the bar before was beyond it; the trend turns up when the close is above the upper
--     band, down when it is below the lower one; supertrend = the lower band in a rising trend, else the upper one
-- source: O. Seban, Tout le monde mérite d'être riche, 2008; as on TradingView
-- arguments: n = bars of the true range; k = average true ranges
-- start: null before bar n + 1, where the trend is taken to fall, as on TradingView; it hangs on that until the first turns
-- warm-up: n + fading_bars(1 - 1 / n) + ceil(100 * k * k)
-- outputs: supertrend (quote), trend (1 rising, -1 falling)
-- loaded: alone
--
-- Each bar hangs on the one before, so this is a recursion; row by row it would be slow. Blocks of 1024 bars go on side by
-- side, each begun 512 bars early: by then it mostly agrees with the block before. Where it does not (seams), bars are
-- mended one by one from what the block before ended with, until they agree. So the result is that of going row by row. (DuckDB 1.1
-- takes a second for a hundred bars, 1.4 and 2.0 take one or two millionths of a second for each.)
create or replace macro supertrend(timeframe, n := 10, k := 3.0) as table
with recursive followed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
        true_range_of(high, low, value_before(close, 1)) as _range,
    from bars(timeframe)
),

ranged as (
    select
        *,
        exponential(_range, 1 - 1.0 / n, 1, n, _bar) as _average,
    from followed
),

banded as materialized (
    select
        symbol,
        ts,
        _bar - n as _place,
        close as _close,
        (high + low) / 2 + k * _average as _upper,
        (high + low) / 2 - k * _average as _lower,
    from ranged
    where _bar >= n
),

stepped as (
    select
        *,
        case when _place = 0 then 0 else _place // 1024 + 1 end as _block,
        _upper as _ceiling,
        _lower as _floor,
        false as _rises,
    from banded
    where _place = 0 or _place % 1024 = 512
    union all
    select
        later.*,
        earlier._block,
        case when earlier._close > earlier._ceiling then later._upper else least(later._upper, earlier._ceiling) end as _above,
        case when earlier._close < earlier._floor then later._lower else greatest(later._lower, earlier._floor) end as _below,
        case when earlier._rises then later._close >= _below else later._close > _above end as _up,
    from stepped as earlier
    inner join banded as later
        on earlier.symbol = later.symbol
        and earlier._place + 1 = later._place
    where later._place < (earlier._block + 1) * 1024
),

settled as materialized (
    select *,
    from stepped
    where _place >= _block * 1024
),

seams as materialized (
    select
        ended.*,
        coalesce(lag(ended._place) over (partition by ended.symbol order by ended._place), -1) as _seam_before,
    from settled as ended
    inner join stepped as begun
        on ended.symbol = begun.symbol
        and ended._place = begun._place
        and ended._block + 1 = begun._block
    where begun._place = begun._block * 1024 - 1
        and (begun._ceiling <> ended._ceiling or begun._floor <> ended._floor or begun._rises <> ended._rises)
),

mended as (
    select
        symbol,
        _place,
        _close,
        _ceiling,
        _floor,
        _rises,
        false as _agrees,
        true as _seam,
    from seams
    where _seam_before = -1
    union all
    select
        known.symbol,
        known._place,
        known._close,
        case
            when earlier._agrees then known._ceiling
            when earlier._close > earlier._ceiling then known._upper
            else least(known._upper, earlier._ceiling)
        end as _above,
        case
            when earlier._agrees then known._floor
            when earlier._close < earlier._floor then known._lower
            else greatest(known._lower, earlier._floor)
        end as _below,
        case
            when earlier._agrees then known._rises
            when earlier._rises then known._close >= _below
            else known._close > _above
        end as _up,
        not earlier._agrees and _above = known._ceiling and _below = known._floor and _up = known._rises as _agrees,
        earlier._agrees as _seam,
    from (
        select
            mended.*,
            case when mended._agrees then seams._place else mended._place + 1 end as _following,
        from mended
        left join seams
            on mended.symbol = seams.symbol
            and mended._place <= seams._place
            and mended._place > seams._seam_before
    ) as earlier
    inner join settled as known
        on earlier.symbol = known.symbol
        and earlier._following = known._place
),

finished as (
    select
        settled.symbol,
        settled.ts,
        coalesce(mended._rises, settled._rises) as _up,
        coalesce(mended._ceiling, settled._ceiling) as _above,
        coalesce(mended._floor, settled._floor) as _below,
    from settled
    left join mended
        on settled.symbol = mended.symbol
        and settled._place = mended._place
        and not mended._seam
)

select
    * exclude (_up, _above, _below),
    case when _up then _below else _above end as supertrend,
    case when _up then 1 when not _up then -1 end as trend,
from bars(timeframe)
left join finished using (symbol, ts);
