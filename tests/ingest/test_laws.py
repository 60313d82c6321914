"""Laws that hold for any file: what is sound is decided row by row, and every row is accounted for."""

import math
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt import symbols
from bt.errors import BtError
from bt.ingest import ImportOptions, import_file
from bt.warehouse import Warehouse

START = datetime(2024, 1, 1)
CELLS = ["1", "2", "2.5", "0", "-1", "", "nan", "inf", "x", "1e400"]
row = st.tuples(
    st.integers(0, 12).map(lambda minute: str(START + timedelta(minutes=minute))) | st.sampled_from(["", "soon"]),
    *[st.sampled_from(["2"] * 8 + CELLS)] * 4,
    st.sampled_from(["0", "5"] * 4 + CELLS),
)
SOUND = [
    (str(START + timedelta(minutes=minute)), "2", "2.5", "1", "2", "1") for minute in range(20, 40)
]  # so that it is a 1m file


def judged(rows):
    """Say the slow, plain way which rows are sound: the first of each minute that is a possible candle."""
    sound = {}
    for ts, *cells in rows:
        numbers = [number(cell) for cell in cells]
        if ts[:2] == "20" and all(map(math.isfinite, numbers)):
            opening, high, low, close, volume = numbers
            if min(numbers[:4]) > 0 and volume >= 0 and low <= min(opening, close) <= max(opening, close) <= high:
                sound.setdefault(datetime.fromisoformat(ts), tuple(numbers))
    return [(ts, *sound[ts]) for ts in sorted(sound)]


def number(cell):
    try:
        return float(cell)
    except ValueError:
        return math.nan


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(st.lists(row, max_size=12))
def test_the_sound_rows_are_stored_and_the_others_counted(rows):
    rows = [*rows, *SOUND]
    warehouse = Warehouse()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_text("\n".join(["ts,open,high,low,close,volume", *map(",".join, rows)]), encoding="utf-8")
        sound = judged(rows)
        symbol = symbols.parse("BTCUSDT")
        if len(sound) < len(rows):
            with pytest.raises(BtError, match=r"file\.csv row"):
                import_file(warehouse, path, symbol=symbol)
            assert len(warehouse.query("from candles")) == 0
        answer = import_file(warehouse, path, symbol=symbol, options=ImportOptions(skip_bad=True))
    assert warehouse.query("select * exclude (symbol, turnover) from candles order by ts").rows() == sound
    assert (answer.stored, answer.rejected, answer.rows) == (len(sound), len(rows) - len(sound), len(rows))
    assert len(warehouse.query("from rejected_candles")) == answer.rejected
