-- title: What another engine does not have
-- runs: run, walk
-- note: Another engine traded the run's signals, too: see What is assumed. These rules of ours it lacks: they were put aside one after the other. A trade follows where it is another only because an earlier one is.
-- format: changed count, follow count, unexplained count, end_equity money, end_equity_without money
-- hide: place
-- empty: none
select
    place,
    engine,
    rule,
    sentence as meaning,
    changed,
    follow,
    unexplained,
    end_equity,
    end_equity_without,
from verified_rules
where run_id = $run
order by engine, place
