-- title: Main figures
-- chart: cards
-- runs: run, walk
-- format: value by unit
select unnest([
    {'label': 'Net profit', 'value': net_profit, 'unit': 'signed', 'note': format('from {:,.2f} to {:,.2f}', start_cash, end_equity)},
    {'label': 'Total return', 'value': total_return, 'unit': 'gain', 'note': null},
    {'label': 'CAGR', 'value': cagr, 'unit': 'gain', 'note': format('{:,} days', days)},
    {'label': 'Buy & hold', 'value': buy_hold, 'unit': 'gain', 'note': 'equal cash in every symbol, no costs'},
    {'label': 'Max drawdown', 'value': max_drawdown, 'unit': 'percent', 'note': format('longest {:,} days', longest_drawdown_days)},
    {'label': 'Sharpe', 'value': sharpe, 'unit': '2', 'note': '365 days a year'},
    {'label': 'Sortino', 'value': sortino, 'unit': '2', 'note': null},
    {'label': 'Calmar', 'value': calmar, 'unit': '2', 'note': null},
    {'label': 'Trades', 'value': trades, 'unit': 'count', 'note': format('{:,} long, {:,} short', longs, shorts)},
    {'label': 'Win rate', 'value': win_rate, 'unit': 'percent', 'note': null},
    {'label': 'Profit factor', 'value': profit_factor, 'unit': '2', 'note': null},
    {'label': 'Expectancy', 'value': expectancy, 'unit': 'signed', 'note': format('{:.2f} R a trade', expectancy_r)},
    {'label': 'Time in market', 'value': time_in_market, 'unit': 'percent', 'note': null},
    {'label': 'Costs', 'value': costs, 'unit': 'money', 'note': format('{:.1f} % of gross profit', 100 * costs_to_gross_profit)},
    {
        'label': 'Break-even slippage', 'value': break_even_slippage, 'unit': 'points',
        'note': 'with more of it, the same fills earn nothing'
    },
    {'label': 'Worst day', 'value': worst_day, 'unit': 'percent', 'note': null}
], recursive := true)
from metrics
where run_id = $run;
