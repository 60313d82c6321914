-- title: Verdict
-- chart: words
select sentence
from verdicts
where run_id = $run;
