-- one row is one other engine's opinion of a run, the latest; bt verify asks for it
create table if not exists verifications (
    run_id varchar not null,           -- see runs
    engine varchar not null,           -- backtrader
    version varchar not null,          -- of the engine
    profile varchar not null,          -- JSON; the Account, Costs and Execution that both engines followed
    trades bigint not null,            -- of either engine
    differences bigint not null,       -- of these, in one engine only or differing beyond the tolerance
    first_difference varchar,          -- JSON; columns, ours and theirs, of the first trade that differs; null = every trade matches
    complaints varchar not null,       -- JSON list of sentences: orders that the engine refused by rules of its own
    bars bigint not null,              -- bar times at which equity was compared
    equity_gap double not null,        -- fraction of equity; largest difference at a bar's close
    tolerance double not null,         -- relative, of each number
    matches boolean not null,          -- every trade is the same in both, and equity at every bar
    unexplained bigint not null,       -- trades that differ between the run and the profile without a rule of ours that explains it
    rules varchar not null,            -- JSON list; what each rule that the other engine does not have comes to, see verified_rules
    created_ts timestamp not null      -- UTC; wall clock
);
