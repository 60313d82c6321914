-- title: To reproduce it
-- chart: facts
-- width: half
select unnest([
    {'label': 'Run', 'value': run_id || case when repeat > 1 then format(' (repeat {:d} of this content)', repeat) else '' end},
    {'label': 'Content hash', 'value': content_hash},
    {'label': 'Name', 'value': name},
    {'label': 'Note', 'value': note},
    {'label': 'Strategy', 'value': strategy},
    {'label': 'Strategy hash', 'value': strategy_hash},
    {'label': 'Parameters', 'value': case when params <> '{}' then replace(trim(params, '{}'), '"', '') end},
    {'label': 'Symbols', 'value': replace(symbols, ',', ', ')},
    {'label': 'Timeframe', 'value': timeframe},
    {
        'label': 'Span',
        'value': strftime(first_ts, '%Y-%m-%d %H:%M') || ' to ' || strftime(end_ts, '%Y-%m-%d %H:%M') || ' UTC, exclusive'
    },
    {'label': 'Bars tested', 'value': format('{:,}', bars)},
    {'label': 'Data fingerprint', 'value': data_fingerprint},
    {'label': 'Searched', 'value': replace(replace(replace(trim(settings ->> '$.search', '{}'), '"', ''), ':', ': '), ',', ', ')},
    {'label': 'Sampler', 'value': concat_ws(', ', settings ->> '$.sampler', 'seed ' || seed)},
    {
        'label': 'Chosen by',
        'value': concat_ws(', ', settings ->> '$.select', settings ->> '$.objective', 'trades >= ' || (settings ->> '$.min_trades'), settings ->> '$.where')
    },
    {'label': 'Constraint', 'value': settings ->> '$.constraint'},
    {
        'label': 'Folds',
        'value': concat_ws(
            ', ', settings ->> '$.folds.mode', 'train ' || (settings ->> '$.folds.train'), 'test ' || (settings ->> '$.folds.test'),
            'step ' || (settings ->> '$.folds.step'), 'purge ' || (settings ->> '$.folds.purge')
        )
    },
    {
        'label': 'Versions',
        'value': replace(replace(trim(versions, '{}'), '"', ''), ':', '')
    },
    {'label': 'Status', 'value': status},
    {'label': 'Made', 'value': strftime(created_ts, '%Y-%m-%d %H:%M:%S') || ' UTC'}
], recursive := true)
from runs
where run_id = $run;
