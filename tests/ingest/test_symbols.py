"""What is a symbol and what is not."""

import json
from pathlib import Path

import pytest

from bt.errors import BtError
from bt.symbols import Symbol, parse, parse_many

SYMBOLS = {
    "BTCUSDT": ("BTCUSDT", "bybit", "linear", "BTC", "USDT"),
    "btcusdt": ("BTCUSDT", "bybit", "linear", "BTC", "USDT"),
    "spot:BTCUSDC": ("spot:BTCUSDC", "bybit", "spot", "BTC", "USDC"),
    "inverse:BTCUSD": ("inverse:BTCUSD", "bybit", "inverse", "BTC", "USD"),
    "binance:ethbtc": ("binance:ETHBTC", "binance", "spot", "ETH", "BTC"),
    "1000PEPEUSDT": ("1000PEPEUSDT", "bybit", "linear", "1000PEPE", "USDT"),
    "BTCUSDT-26DEC25": ("BTCUSDT-26DEC25", "bybit", "linear", "BTC", "USDT"),
    "BTCPERP": ("BTCPERP", "bybit", "linear", "BTC", "USDC"),
    "coinbase:BTC-USD": ("coinbase:BTC-USD", "coinbase", "spot", "BTC", "USD"),
    "USDT": ("USDT", "bybit", "linear", None, None),
    "kraken:WHATEVER": ("kraken:WHATEVER", "kraken", "spot", None, None),
}


@pytest.mark.parametrize("text", SYMBOLS)
def test_a_symbol_says_where_it_trades(text):
    name, exchange, category, base, quote = SYMBOLS[text]
    assert parse(text) == Symbol(name=name, exchange=exchange, category=category, base=base, quote=quote)


REFUSED = [
    *("", " ", "B", "BtcUsdt", "Binance:BTCUSDT", "b:BTCUSDT", "binance:", ":BTCUSDT", "a:b:BTCUSDT", "BTC_USDT"),
    *("BTC/USDT", "BTCUSDT-", "BTCUSDT\n", "BTCUSDT\0", "B\u0422CUSDT", "BTCUSDT\u200b", "１２３", "A" * 41, "-rf"),
    *("linear:BTCUSDT", "bybit:BTCUSDT", "x' OR '1'='1", "../../etc/passwd", "=cmd|'/c calc'!A1", "\x1b[2JBTC"),
]


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused_on_one_plain_line(text):
    with pytest.raises(BtError, match="not a symbol") as refused:
        parse(text)
    assert refused.value.what.isprintable()
    assert refused.value.cure


ATTACKS = Path(__file__).parents[3] / "shared" / "refs" / "attacks.json"


@pytest.mark.skipif(not ATTACKS.exists(), reason="the recorded attacks are not here")
def test_recorded_attacks_are_refused():
    attacks = [
        attack["input"]
        for attack in json.loads(ATTACKS.read_text(encoding="utf-8"))["attacks"]
        if attack["sink"] == "CLI/config symbol list"
    ]
    assert len(attacks) > 30
    for attack in attacks:
        with pytest.raises(BtError, match="not a symbol"):
            parse_many([attack])


def test_lists_are_split_and_repetitions_dropped_in_order():
    names = [symbol.name for symbol in parse_many(["ETHUSDT, btcusdt", "spot:BTCUSDT", "BTCUSDT"])]
    assert names == ["ETHUSDT", "BTCUSDT", "spot:BTCUSDT"]
