"""Strategies are found by name or path, and a broken file gets one clear error that names the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bt import strategy
from bt.errors import BtError
from bt.strategy import load, made, names, parameters
from bt.strategy.lookahead import suspicious

GOOD = '''"""Buys."""
from dataclasses import dataclass
import polars as pl
from bt import BaseStrategy, Market

@dataclass(kw_only=True)
class Mine(BaseStrategy):
    n: int = 5
    share: float = 0.5
    word: str = "x"
    flag: bool = False

    def signals(self, market: Market) -> pl.LazyFrame:
        return market.bars().with_columns(enter_long=pl.col("close") > 0, stop_distance=pl.lit(1.0))
'''


def put(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / "strategies" / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_by_name_by_path_and_the_examples(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD)
    assert load("mine", tmp_path).__name__ == "Mine"
    assert load(str(path), Path("/")).__name__ == "Mine"
    assert set(names(tmp_path)) == {"donchian_breakout", "ema_cross", "mine", "rsi_reversion", "volatility_target"}
    assert load("ema_cross", tmp_path).__name__ == "EmaCross"


def test_a_workspace_hides_an_example_of_the_same_name(tmp_path: Path) -> None:
    put(tmp_path, GOOD, "ema_cross")
    assert load("ema_cross", tmp_path).__name__ == "Mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("def signals(self", "def signals(self,,"), "line 13: SyntaxError"),
        (("import polars as pl", "import polarsx as pl"), "line 3: ModuleNotFoundError"),
        (("    n: int = 5", "    n: int = nothing"), "line 8: NameError"),
        (("    n: int = 5", "    n: list = None"), "parameter 'n' has the type"),
        (("    n: int = 5", "    n: int"), "parameter 'n' has no default"),
        (("def signals(", "def signal("), "has no signals()"),
        (("(BaseStrategy)", ""), "holds no strategy"),
        (('"""Buys."""', "import sys; sys.exit(0)"), "line 1: SystemExit"),
        (('"""Buys."""', "raise ValueError('no luck')"), "line 1: ValueError: no luck"),
    ],
)
def test_broken_files(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = put(tmp_path, GOOD.replace(*change))
    with pytest.raises(BtError) as error:
        load("mine", tmp_path)
    assert message in str(error.value)
    assert str(path) in str(error.value) or "Mine" in str(error.value)


AT_FIRST_SIGHT = [  # an expression, what is said of it
    ("pl.col('close').shift(-1) > 0", "shift(-1)"),
    ("pl.col('close').shift(n=-2) > 0", "shift(-2)"),
    ("pl.col('close').diff(-1) > 0", "diff(-1)"),
    ("pl.col('close').rolling_mean(5, center=True) > 0", "rolling_mean(center=True)"),
    ("pl.col('close').fill_null(strategy='backward') > 0", "a backward fill"),
    ("pl.col('close').fill_null(None, 'backward') > 0", "a backward fill"),
    ("pl.col('close').backward_fill() > 0", "a backward fill"),
    ("pl.col('close').reverse() > 0", "reverse()"),
    ("f.join_asof(g, on='ts', strategy='nearest')", "join_asof(strategy='nearest')"),
    ("pl.col('close').shift(1) > 0", None),
    ("pl.col('close').shift(steps) > 0", None),
    ("pl.col('close').rolling_mean(5) > 0", None),
    ("f.join_asof(g, on='ts')", None),
]


@pytest.mark.parametrize(("expression", "said"), AT_FIRST_SIGHT)
def test_lines_that_look_ahead_at_first_sight(tmp_path: Path, expression: str, said: str | None) -> None:
    text = GOOD.replace('pl.col("close") > 0', expression)
    assert suspicious(text) == ([(14, said)] if said else [])
    assert load(str(put(tmp_path, text)), tmp_path).__name__ == "Mine"  # bt lookahead is who proves it


def test_two_strategies_in_a_file_are_refused(tmp_path: Path) -> None:
    put(tmp_path, GOOD + "\nclass Other(Mine):\n    pass\n")
    with pytest.raises(BtError, match="2 strategies"):
        load("mine", tmp_path)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00x", b"a\x00b"])
def test_what_is_not_text_is_refused(tmp_path: Path, data: bytes) -> None:
    put(tmp_path, "").write_bytes(data)
    with pytest.raises(BtError, match="mine.py"):
        load("mine", tmp_path)


@pytest.mark.parametrize(("wanted", "cure"), [("ema_crss", "ema_cross"), ("nowhere/x.py", "bt new x")])
def test_unknown_names_get_a_hint(tmp_path: Path, wanted: str, cure: str) -> None:
    with pytest.raises(BtError) as error:
        load(wanted, tmp_path)
    assert cure in error.value.cure


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"n": "7"}, 7),
        ({"n": 7.0}, 7),
        ({"share": "0.25"}, 0.25),
        ({"share": 1}, 1.0),
        ({"word": "abc"}, "abc"),
        ({"flag": "yes"}, True),
        ({"flag": False}, False),
    ],
)
def test_parameters_take_their_type(tmp_path: Path, given: dict[str, object], expected: object) -> None:
    put(tmp_path, GOOD)
    name = next(iter(given))
    assert getattr(made(load("mine", tmp_path), given), name) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"m": 1}, "no parameter 'm'"),
        ({"n": "7.5"}, "not a whole number"),
        ({"n": True}, "not a whole number"),
        ({"share": "nan"}, "not a number"),
        ({"share": "1e999"}, "not a number"),
        ({"flag": "maybe"}, "not true or false"),
    ],
)
def test_unfit_parameters_are_refused(tmp_path: Path, given: dict[str, object], message: str) -> None:
    put(tmp_path, GOOD)
    with pytest.raises(BtError, match=message):
        made(load("mine", tmp_path), given)


def test_parameters_are_the_typed_fields(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    assert parameters(load("mine", tmp_path)) == {
        "n": (int, 5), "share": (float, 0.5), "word": (str, "x"), "flag": (bool, False),
    }  # fmt: skip


def test_a_new_strategy_loads(tmp_path: Path) -> None:
    put(tmp_path, strategy.template("my_idea"), "my_idea")
    assert load("my_idea", tmp_path).__name__ == "MyIdea"
