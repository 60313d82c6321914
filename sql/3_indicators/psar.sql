-- one row is one bar of a symbol with its parabolic stop and reverse
-- formula: psar = psar of the bar before + a × (extreme − that one), never within the last two bars; a = step, one step more
--     with each new extreme of the trend, at most `most`; where a bar reaches psar the trend turns: psar is its extreme, a = step
-- source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib SAR
-- arguments: step, most = share of the way to the extreme
-- start: null at the first bar; the second decides the trend as TA-Lib does; it hangs on that until the first turns
-- warm-up: 1000
-- outputs: psar (quote), trend (1 rising, -1 falling)
--
-- Each bar hangs on the one before: blocks of bars go on side by side, and seams are mended, as in supertrend.sql.
create or replace macro psar(timeframe, step := 0.02, most := 0.2) as table
with recursive placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _place,
        value_before(high, 1) as _high_before,
        value_before(low, 1) as _low_before,
    from bars(timeframe)
),

followed as materialized (
    select
        symbol,
        ts,
        _place,
        high as _high,
        low as _low,
        case when _place = 1 then high else _high_before end as _high_before,
        case when _place = 1 then low else _low_before end as _low_before,
    from placed
    where _place > 0
),

begun as (  -- what is carried to the first bar of a block
    select
        *,
        _place - 1 as _from,
        _low_before <= low or _low_before - low <= high - _high_before as _rising,
    from placed
    where _place = 1 or (_place > 1 and _place % 1024 = 512)
),

stepped as (
    select
        symbol,
        ts,
        _from as _place,
        high as _high,
        low as _low,
        _high_before,
        _low_before,
        case when _from = 0 then 0 else _from // 1024 + 1 end as _block,
        _rising as _rises,
        null::double as _shown,
        case when _rising then high else low end as _extreme,
        least(step, most)::double as _share,
        case when _rising then _low_before else _high_before end as _next,  -- psar of the next bar, unless it turns
    from begun
    union all
    select
        later.*,
        earlier._block,
        case when earlier._rises then later._low > earlier._next else later._high >= earlier._next end as _up,
        case
            when _up = earlier._rises then earlier._next
            when _up then least(earlier._extreme, later._low_before, later._low)
            else greatest(earlier._extreme, later._high_before, later._high)
        end as _here,
        case
            when _up <> earlier._rises and _up then later._high
            when _up <> earlier._rises then later._low
            when _up then greatest(earlier._extreme, later._high)
            else least(earlier._extreme, later._low)
        end as _far,
        case
            when _up <> earlier._rises then least(step, most)
            when _far = earlier._extreme then earlier._share
            else least(earlier._share + step, most)
        end as _part,
        case
            when _up then least(_here + _part * (_far - _here), later._low_before, later._low)
            else greatest(_here + _part * (_far - _here), later._high_before, later._high)
        end as _then,
    from stepped as earlier
    inner join followed as later
        on earlier.symbol = later.symbol
        and earlier._place + 1 = later._place
    where later._place < (earlier._block + 1) * 1024
),

settled as materialized (
    select *,
    from stepped
    where _place >= _block * 1024 and _place > 0
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
        and (
            begun._rises <> ended._rises
            or begun._extreme <> ended._extreme
            or begun._share <> ended._share
            or begun._next <> ended._next
        )
),

mended as (
    select
        symbol,
        _place,
        _rises,
        _shown,
        _extreme,
        _share,
        _next,
        false as _agrees,
        true as _seam,
    from seams
    where _seam_before = -1
    union all
    select
        known.symbol,
        known._place,
        case
            when earlier._agrees then known._rises
            when earlier._rises then known._low > earlier._next
            else known._high >= earlier._next
        end as _up,
        case
            when earlier._agrees then known._shown
            when _up = earlier._rises then earlier._next
            when _up then least(earlier._extreme, known._low_before, known._low)
            else greatest(earlier._extreme, known._high_before, known._high)
        end as _here,
        case
            when earlier._agrees then known._extreme
            when _up <> earlier._rises and _up then known._high
            when _up <> earlier._rises then known._low
            when _up then greatest(earlier._extreme, known._high)
            else least(earlier._extreme, known._low)
        end as _far,
        case
            when earlier._agrees then known._share
            when _up <> earlier._rises then least(step, most)
            when _far = earlier._extreme then earlier._share
            else least(earlier._share + step, most)
        end as _part,
        case
            when earlier._agrees then known._next
            when _up then least(_here + _part * (_far - _here), known._low_before, known._low)
            else greatest(_here + _part * (_far - _here), known._high_before, known._high)
        end as _then,
        (
            not earlier._agrees
            and _up = known._rises
            and _far = known._extreme
            and _part = known._share
            and _then = known._next
        ) as _same,
        earlier._agrees as _again,
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
        coalesce(mended._shown, settled._shown) as psar,
        coalesce(mended._rises, settled._rises) as _up,
    from settled
    left join mended
        on settled.symbol = mended.symbol
        and settled._place = mended._place
        and not mended._seam
)

select
    * exclude (_up),
    case when _up then 1 when not _up then -1 end as trend,
from bars(timeframe)
left join finished using (symbol, ts);
