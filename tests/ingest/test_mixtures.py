"""Prices of a testnet are made up: they never come beside those of the market."""

from __future__ import annotations

from pathlib import Path

import pytest

from bt import symbols
from bt.ingest import ImportOptions, import_file
from tests.ingest.serving import Scene, candles, listing, market, stored


@pytest.mark.parametrize(("source", "mixed"), [("BTC_testnet.parquet", True), ("api.bybit.com", False)])
def test_candles_of_a_testnet_keep_others_out(tmp_path: Path, source: str, mixed: bool) -> None:
    first = candles().head(100)
    first.write_parquet(tmp_path / "some.parquet")
    with Scene(market(listing("ALPHAUSDT", candles()))) as scene:
        options = ImportOptions(source=source)
        import_file(scene.warehouse, tmp_path / "some.parquet", symbol=symbols.parse("ALPHAUSDT"), options=options)
        outcome = scene.bring("ALPHAUSDT")
        assert (outcome.error is not None and "testnet" in outcome.error.what) == mixed
        assert stored(scene.warehouse).equals(first if mixed else candles())
        assert bool(scene.asked("kline")) != mixed
