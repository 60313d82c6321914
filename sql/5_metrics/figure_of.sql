-- one value is a row of overfitting: a figure with its range, the threshold it is held against, and why it has no value
create or replace macro figure_of(figure, value, holds, why, bound := null, low := null, high := null) as {
    'figure': figure,
    'value': value::double,
    'low': low::double,
    'high': high::double,
    'threshold': bound::double,
    'holds': holds,
    'reason': case when value is null then why end
};
