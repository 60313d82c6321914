from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from bt import config
from bt.errors import BtError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1%", 0.01),
        ("10bp", 0.001),
        ("0.055%", 0.00055),
        (".5%", 0.005),
        ("0.01", 0.01),
        (0.01, 0.01),
        ("100%", 1.0),
        ("0", 0.0),
    ],
)
def test_fractions(text: object, expected: float) -> None:
    assert config.fraction(text) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("text", ["1", "1.5", 2, "NaN", "inf", "", "1 %x", "ten", "1e400%", True])
def test_other_fractions_are_refused(text: object) -> None:
    with pytest.raises(BtError):
        config.fraction(text)


def test_a_bare_percent_gets_the_hint() -> None:
    with pytest.raises(BtError, match="1%"):
        config.fraction("1")


@pytest.mark.parametrize("text", ["0", "-5", "NaN", "inf", "1e308", "abc", True])
def test_amounts_are_positive_and_finite(text: object) -> None:
    with pytest.raises(BtError):
        config.amount(text)


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    (tmp_path / "bt.toml").write_text('cash = 3000\nrisk = "2%"\ntimeframe = "4h"\n')
    environment = {"BT_CASH": "2000", "BT_RISK": "3%"}
    found = config.resolve({"cash": "1000"}, environment, tmp_path)
    assert (found["cash"], found.origins["cash"]) == (1000.0, "--cash")
    assert (found["risk"], found.origins["risk"]) == (0.03, "BT_RISK")
    assert (found["timeframe"], found.origins["timeframe"]) == ("4h", "bt.toml")
    assert (found["slippage"], found.origins["slippage"]) == (0.0001, "default")


def test_the_nearest_workspace_above_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.bt]\ndb = "data/my.duckdb"\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert config.resolve({}, {}, below).db == str(tmp_path / "data/my.duckdb")
    assert config.resolve({"db": "here.duckdb"}, {}, below).db == "here.duckdb"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chas = 1", "cash"),
        ("cash = 'many'", "bt.toml: cash: not an amount"),
        ("cash = [1]", "not an amount"),
        ("cash = 1\ncash = 2", "bt.toml"),
        ("cash = ", "bt.toml"),
        ("risk = 1", "1%"),
        ("timeframe = '1M'", "1m"),
        ("stoploss = 0.02", "unknown setting 'stoploss'"),
    ],
)
def test_faulty_files_are_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bt.toml").write_text(text)
    with pytest.raises(BtError) as error:
        config.resolve({}, {}, tmp_path)
    assert message in str(error.value)


def test_a_misspelt_variable_is_refused_and_others_are_left_alone(tmp_path: Path) -> None:
    config.resolve({}, {"BT_BYBIT_URL": "x", "BT_SOMETHING_ELSE_ENTIRELY": "y"}, tmp_path)
    with pytest.raises(BtError, match="BT_CASHH"):
        config.resolve({}, {"BT_CASHH": "1"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("funding", "false", False),
        ("funding", False, False),
        ("funding", "yes", True),
        ("pyramiding", "0", 0),
        ("pyramiding", 3, 3),
        ("rebalance_band", "5%", 0.05),
        ("max_volume_share", "100%", 1.0),
        ("mmr", "0.4%", 0.004),
        ("margin", "cross", "cross"),
        ("intrabar", "drill", "drill"),
    ],
)
def test_settings_of_the_engine_are_read(name: str, text: object, expected: object, tmp_path: Path) -> None:
    assert config.resolve({name: text}, {}, tmp_path)[name] == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("funding", "maybe"),
        ("funding", 2),
        ("pyramiding", "-1"),
        ("pyramiding", "1.5"),
        ("pyramiding", True),
        ("mmr", "5"),
        ("margin", "portfolio"),
        ("intrabar", "sideways"),
    ],
)
def test_other_settings_of_the_engine_are_refused(name: str, text: object, tmp_path: Path) -> None:
    with pytest.raises(BtError, match=f"--{name}"):
        config.resolve({name: text}, {}, tmp_path)


def test_defaults_and_words_are_those_of_the_engine() -> None:
    """Risk and size apart, of which the nearer to the command line counts."""
    from bt import Account, Costs, Execution

    for kind in (Account, Costs, Execution):
        for field in fields(kind):
            if field.name in config.SETTINGS and field.name not in {"size", "sizing"}:
                assert config.SETTINGS[field.name].default == field.default, field.name
    for name, words in (("margin", config.Margin), ("sizing", config.Sizing)):
        assert all(Account(**{name: word}) for word in get_args(words))
    for name, words in (("intrabar", config.Intrabar), ("take_fill", config.TakeFill)):
        assert all(Execution(**{name: word}) for word in get_args(words))
