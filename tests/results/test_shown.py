"""What a notebook shows of a run, and its rows as frames."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

import bt
from bt import seeded
from bt.ingest import ImportOptions, import_file
from bt.results import Results
from bt.strategy import load, made
from bt.warehouse import Warehouse

NAME = "<script>alert(1)</script>"


class Seen(HTMLParser):
    """Collects elements and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("shown")
    seeded.candles("ALPHAUSDT", days=20).write_parquet(folder / "alpha.parquet")
    warehouse = Warehouse(folder / "bt.duckdb")
    import_file(warehouse, folder / "alpha.parquet", symbol=bt.symbols.parse("ALPHAUSDT"), options=ImportOptions())
    return warehouse


@pytest.fixture(scope="module")
def results(warehouse: Warehouse) -> Results:
    strategy = made(load("ema_cross", Path()), {})
    return strategy.run(warehouse, symbols=["ALPHAUSDT"], timeframe="1h", note=NAME).get_results()


def test_a_run_is_shown_with_figures_curves_and_symbols(results: Results) -> None:
    seen = Seen(results._repr_html_())
    assert {"Return", "Risk", "Trades", "Costs", "Net profit", "ALPHAUSDT", "total"} <= set(seen.texts)
    assert seen.tags.count("polyline") == 2
    assert "script" not in seen.tags
    assert any(text.startswith("equity from 2024-01-01 to 2024-01-20: lowest ") for text in seen.texts)


def test_a_walk_forward_is_shown_with_its_verdict_and_folds(warehouse: Warehouse) -> None:
    walk = bt.WalkForward(train="8d", test="6d", sweep=bt.Sweep(search={"fast": [5, 10]}, min_trades=1))
    run = walk.run(load("ema_cross", Path()), warehouse, symbols=["ALPHAUSDT"], timeframe="1h")
    seen = Seen(run.get_results()._repr_html_())
    assert run.get_results().verdict in seen.texts
    assert {"fold", "1", "2", "in_sharpe"} <= set(seen.texts)


def test_names_are_text_in_a_notebook(results: Results, warehouse: Warehouse) -> None:
    class Named(Results):
        @property
        def run(self) -> dict[str, object]:  # type: ignore[override]
            return super().run | {"strategy": NAME}

    seen = Seen(Named(warehouse, results.run_id)._repr_html_())
    assert "script" not in seen.tags
    assert any(NAME in text for text in seen.texts)


def test_rows_of_any_relation_are_those_of_the_run(results: Results) -> None:
    assert results.to_polars("trades").equals(results.trades)
    assert results.to_polars("drawdowns")["run_id"].unique().to_list() == [results.run_id]
    with pytest.raises(bt.BtError, match="no relation 'trade'") as error:
        results.to_polars("trade")
    assert "trades" in str(error.value.cure)
    with pytest.raises(bt.BtError):
        results.to_polars("candles")
