"""The command run, and what sweeps and walk-forwards share with it: what a run is asked, and how one is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bt.cli import shared
from bt.cli.asking import StrategyOptions, taking
from bt.errors import BtError
from bt.output import Done

if TYPE_CHECKING:
    from pathlib import Path

    from bt import config
    from bt.results import Results, Run
    from bt.strategy import Request
    from bt.strategy.again import Replayed
    from bt.warehouse import Warehouse

STAGES: Final = ("data", "signals", "trades", "look-ahead", "storing")  # of a run
_DEFAULT = 3
_PARSED = ("params", "config", "versions", "warnings", "timings", "settings")  # columns of runs that hold JSON


@taking(StrategyOptions)
def run(asked: StrategyOptions) -> Done:
    """Test a strategy on stored candles and store the run."""
    call = asked.session()
    done = run_strategy(call, asked.strategy, asked.params, name=asked.name, note=asked.note, again=asked.again)
    results = done.get_results()
    print_run(results, asked.form, asked.out)
    say_times(call, done)
    call.narrator.say(f"next: bt report {results.run_id} · bt trades {results.run_id}")
    call.narrator.say(f"or bt show {results.run_id} --by month · bt replay {results.run_id}")
    return Done(run_id=results.run_id)


def run_strategy(
    call: shared.Session, strategy: str, params: dict[str, str], *, name: str | None = None, note: str | None = None,
    again: bool = False,
) -> Run:  # fmt: skip
    """Load a strategy and run it with the settings of this call; unless `again`, a stored run of the same is given."""
    from bt import strategy as strategies

    call.narrator.expect(*STAGES)
    settings = call.settings
    chosen = strategies.made(strategies.load(strategy, settings.workspace), params)
    require_symbols(settings)
    warehouse = call.warehouse()
    request = request_of(call, warehouse, name=name, note=note, again=again)
    return strategies.run(chosen, warehouse, request, listener=call.narrator)


def request_of(
    call: shared.Session, warehouse: Warehouse, *, name: str | None = None, note: str | None = None, again: bool = False
) -> Request:
    """Say what the settings of this call ask a run to do."""
    from bt.strategy import Request

    settings = call.settings
    first, end = shared.span(settings["from"], settings["to"], warehouse=warehouse, now=call.now)
    account, costs, execution = engine_settings(settings)
    return Request(
        symbols=settings["symbols"], timeframe=settings["timeframe"], first=first, end=end, account=account,
        costs=costs, execution=execution, lookahead=settings["lookahead"], name=name, note=note, again=again,
    )  # fmt: skip


def require_symbols(settings: config.Settings) -> None:
    """Refuse a test of nothing."""
    if not settings["symbols"]:
        raise BtError("no symbol to test", "name some: -s BTCUSDT,ETHUSDT (bt data lists them)")


def say_times(call: shared.Session, done: Run | Replayed) -> None:
    """Say how long each stage took."""
    if done.seconds:
        call.narrator.say("took " + " · ".join(f"{stage} {spent:.2f}" for stage, spent in done.seconds.items()) + " s")


def engine_settings(settings: config.Settings) -> tuple[Any, Any, Any]:
    """Make Account, Costs and Execution of the settings."""
    from bt.engine import Account, Costs, Execution

    sizing, size = _sizing(settings)

    def chosen(*names: str) -> dict[str, Any]:
        return {name: settings[name] for name in names}

    account = Account(
        sizing=sizing, size=size, **chosen("cash", "leverage", "max_positions", "margin", "mmr")
    )  # fmt: skip
    costs = Costs(**chosen("taker", "maker", "slippage", "slippage_ticks", "funding"))
    execution = Execution(
        **chosen("intrabar", "stop", "take", "trail", "take_fill", "max_bars"),
        **chosen("pyramiding", "rebalance_band", "max_volume_share"),
    )
    return account, costs, execution


def print_run(results: Results, form: str, out: Path | None) -> None:
    """Print one run: the panel and its tables, or the whole as JSON, or its metrics as a row."""
    from bt.output import emit, warning_lines, write

    with results.warehouse.read():  # one opening for all that is asked, and none while it is printed
        whole = run_facts(results) if form in {"json", "jsonl"} else None
        lines = [*run_lines(results), *warning_lines(run_row(results)["warnings"])] if form == "table" else []
    if whole is not None:
        print_whole(whole, form, out)
    elif lines:
        write("\n".join(lines) + "\n", out)
    else:
        emit(results.metrics, form, out)


def run_lines(results: Results) -> list[str]:
    """Draw the panel of what was traded, its symbols and its equity."""
    from bt.output import run_panel, sparkline, table, wrapped
    from bt.results import verifications
    from bt.results.shown import SYMBOL_DIGITS, symbol_table

    curve = results.returns["equity"].to_list()
    drawn = sparkline(curve if len(curve) > 1 else results.equity["equity"].to_list())  # of one day its bars
    return [
        run_panel(results.run, results.figures), "", table(symbol_table(results), digits=SYMBOL_DIGITS).rstrip(), "",
        *([f"equity {drawn}"] if drawn else []),
        *(line for row in verifications.of(results) for line in wrapped(verifications.sentence(row), indent=2)),
    ]  # fmt: skip


def run_facts(results: Results) -> dict[str, Any]:
    """Give what the JSON of a run holds."""
    from bt.results import verifications

    return {
        "run": run_row(results), "metrics": results.figures, "by_symbol": results.by_symbol.to_dicts(),
        "verifications": verifications.of(results),
    }  # fmt: skip


def run_row(results: Results) -> dict[str, Any]:
    """Give the row of `runs` as the JSON holds it: without the strategy's text, and what is JSON read."""
    import json

    row = {key: value for key, value in results.run.items() if key != "strategy_source"}
    return row | {key: json.loads(row[key]) for key in _PARSED if row[key] is not None}


def print_whole(whole: dict[str, Any], form: str, out: Path | None) -> None:
    """Print one object as JSON, or on one line."""
    import json

    from bt.output import object_json, write

    text = object_json(whole)
    write(text if form == "json" else json.dumps(json.loads(text), ensure_ascii=False) + "\n", out)


def _sizing(settings: config.Settings) -> tuple[Any, float]:
    """Decide between risk and size: what is given nearer to the command line counts."""
    near = {name: _rank(settings.origins[name]) for name in ("risk", "size", "sizing")}
    if near["risk"] == near["size"] < _DEFAULT:
        raise BtError("both a risk and a size are set", "give --risk 1% or --size 10%, not both")
    sizing = settings["sizing"] if near["sizing"] <= min(near["risk"], near["size"]) else None
    if sizing is None:
        sizing = "equity" if near["size"] < near["risk"] else "risk"
    if sizing == "risk":
        return sizing, settings["size" if near["size"] < near["risk"] else "risk"]
    if settings["size"] is None:
        raise BtError(f"sizing {sizing} needs a size", "--size 10% for equity, --size 500 for notional or quantity")
    if sizing == "equity" and settings["size"] > 1:
        raise BtError(f"size {settings['size']:g} is not a share of equity", "--size 10%, or say --sizing notional")
    return sizing, settings["size"]


def _rank(origin: str) -> int:
    """Give 0 for a flag, 1 for the environment, 2 for a file, _DEFAULT for none of them."""
    return 0 if origin.startswith("--") else 1 if origin.startswith("BT_") else _DEFAULT if origin == "default" else 2
