"""Commands that test strategies: run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bt import config
from bt.cli import shared
from bt.errors import BtError, ExitCode

if TYPE_CHECKING:
    from bt.results import Results, Run

Params = Annotated[list[str] | None, typer.Option("--param", "-p", help="Parameter: fast=20.", metavar="K=V")]
_ACCOUNT, _COSTS, _ORDERS, _SOUNDNESS = "Money and size", "Costs", "Orders", "Soundness"  # panels of the help
_DEFAULT = 3
_NUMBERS = {config.amount, config.size, config.whole, config.count, config.not_negative}
_DIGITS = {"win %": 1, "net pnl": 2, "pf": 2, "avg R": 2, "bars": 1, "costs": 2}


def _setting(name: str, panel: str, *flags: str) -> Any:
    """Give the option of a setting: its help is what the setting means."""
    setting = config.SETTINGS[name]
    shape = "SHARE" if setting.read is config.fraction else "NUMBER" if setting.read in _NUMBERS else "WORD"
    return typer.Option(
        *flags,
        help=f"{setting.meaning[0].upper()}{setting.meaning[1:]}.",
        metavar=None if flags else shape,
        rich_help_panel=panel,
    )


def run(
    strategy: Annotated[str, typer.Argument(help="Name of a strategy, or a path to one.")],
    symbol: shared.Symbols = None,
    timeframe: Annotated[
        str | None, typer.Option("--timeframe", "-t", help="1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 1w.", metavar="T")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="ISO date, or 90d, 2y, ytd; UTC.", metavar="WHEN")] = None,
    end: Annotated[str | None, typer.Option("--to", help="ISO date or now; exclusive; UTC.", metavar="WHEN")] = None,
    param: Params = None,
    cash: Annotated[str | None, _setting("cash", _ACCOUNT)] = None,
    risk: Annotated[str | None, _setting("risk", _ACCOUNT)] = None,
    size: Annotated[str | None, _setting("size", _ACCOUNT)] = None,
    sizing: Annotated[str | None, _setting("sizing", _ACCOUNT)] = None,
    max_positions: Annotated[str | None, _setting("max_positions", _ACCOUNT)] = None,
    leverage: Annotated[str | None, _setting("leverage", _ACCOUNT)] = None,
    margin: Annotated[str | None, _setting("margin", _ACCOUNT)] = None,
    mmr: Annotated[str | None, _setting("mmr", _ACCOUNT)] = None,
    taker: Annotated[str | None, _setting("taker", _COSTS)] = None,
    maker: Annotated[str | None, _setting("maker", _COSTS)] = None,
    slippage: Annotated[str | None, _setting("slippage", _COSTS)] = None,
    slippage_ticks: Annotated[str | None, _setting("slippage_ticks", _COSTS)] = None,
    funding: Annotated[bool | None, _setting("funding", _COSTS, "--funding/--no-funding")] = None,
    stop: Annotated[str | None, _setting("stop", _ORDERS)] = None,
    take: Annotated[str | None, _setting("take", _ORDERS)] = None,
    trail: Annotated[str | None, _setting("trail", _ORDERS)] = None,
    take_fill: Annotated[str | None, _setting("take_fill", _ORDERS)] = None,
    max_bars: Annotated[str | None, _setting("max_bars", _ORDERS)] = None,
    pyramiding: Annotated[str | None, _setting("pyramiding", _ORDERS)] = None,
    rebalance_band: Annotated[str | None, _setting("rebalance_band", _ORDERS)] = None,
    max_volume_share: Annotated[str | None, _setting("max_volume_share", _ORDERS)] = None,
    intrabar: Annotated[str | None, _setting("intrabar", _ORDERS)] = None,
    lookahead: Annotated[str | None, _setting("lookahead", _SOUNDNESS)] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    note: Annotated[str | None, typer.Option(help="Note kept with the run.")] = None,
    form: shared.Format = "table",
    out: shared.Out = None,
    db: shared.Db = None,
    progress: shared.Progress = "auto",
    quiet: shared.Quiet = False,
    _verbose: shared.Verbose = 0,
) -> int:
    """Test a strategy on stored candles and store the run."""
    flags = {
        "symbols": ",".join(symbol) if symbol else None, "timeframe": timeframe, "from": first, "to": end, "db": db,
        "cash": cash, "risk": risk, "size": size, "sizing": sizing, "max_positions": max_positions,
        "leverage": leverage, "margin": margin, "mmr": mmr, "taker": taker, "maker": maker, "slippage": slippage,
        "slippage_ticks": slippage_ticks, "funding": funding, "stop": stop, "take": take, "trail": trail,
        "take_fill": take_fill, "max_bars": max_bars, "pyramiding": pyramiding, "rebalance_band": rebalance_band,
        "max_volume_share": max_volume_share, "intrabar": intrabar,
        "lookahead": lookahead,
    }  # fmt: skip
    call = shared.session(flags, form=form, out=out, quiet=quiet, progress=progress)
    done = run_strategy(call, strategy, pairs(param or []), name=name, note=note)
    results = done.get_results()
    print_run(results, form, out)
    call.narrator.say("took " + " · ".join(f"{stage} {spent:.2f} s" for stage, spent in done.seconds.items()))
    call.narrator.say(f'next: bt trades {results.run_id} · bt show {results.run_id} --by month · bt sql "from trades"')
    return ExitCode.OK


def run_strategy(
    call: shared.Session, strategy: str, params: dict[str, str], *, name: str | None = None, note: str | None = None
) -> Run:
    """Load a strategy and run it with the settings of this call."""
    from bt import strategy as strategies

    settings = call.settings
    chosen = strategies.made(strategies.load(strategy, settings.workspace), params)
    if not settings["symbols"]:
        raise BtError("no symbol to test", "name some: -s BTCUSDT,ETHUSDT (bt data lists them)")
    warehouse = call.warehouse()
    first, end = shared.span(settings["from"], settings["to"], warehouse=warehouse, now=call.now)
    account, costs, execution = engine_settings(settings)
    request = strategies.Request(
        symbols=settings["symbols"], timeframe=settings["timeframe"], first=first, end=end, account=account,
        costs=costs, execution=execution, lookahead=settings["lookahead"], name=name, note=note,
    )  # fmt: skip
    return strategies.run(chosen, warehouse, request, listener=call.narrator)


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
    import json

    from bt.output import emit, object_json, run_panel, sparkline, table, warning_lines, write

    if form in {"json", "jsonl"}:
        run_row = {key: value for key, value in results.run.items() if key != "strategy_source"}
        for key in ("params", "config", "versions", "warnings", "timings"):
            run_row[key] = json.loads(run_row[key])
        whole = {"run": run_row, "metrics": results.figures, "by_symbol": results.by_symbol.to_dicts()}
        write(object_json(whole) if form == "json" else json.dumps(json.loads(object_json(whole))) + "\n", out)
        return
    if form != "table":
        emit(results.metrics, form, out)
        return
    warnings = json.loads(results.run["warnings"])
    lines = [
        run_panel(results.run, results.figures), "", table(_by_symbol(results), digits=_DIGITS).rstrip(), "",
        f"equity {sparkline(results.returns['equity'].to_list())}", *warning_lines(warnings),
    ]  # fmt: skip
    write("\n".join(lines) + "\n", out)


def _by_symbol(results: Results) -> Any:
    """Give one row per symbol and a total, short enough for 80 columns."""
    import polars as pl

    columns = ("symbol", "trades", "win_rate", "pnl", "profit_factor", "expectancy_r", "avg_bars", "costs")
    rows = results.by_symbol.select(columns)
    whole = results.figures | {
        "symbol": "total",
        "pnl": results.figures["gross_profit"] + results.figures["gross_loss"],
    }
    total = pl.DataFrame([{name: whole[name] for name in columns}], schema=rows.schema)
    return pl.concat([rows, total]).select(
        "symbol",
        "trades",
        (100 * pl.col("win_rate")).alias("win %"),
        pl.col("pnl").alias("net pnl"),
        pl.col("profit_factor").alias("pf"),
        pl.col("expectancy_r").alias("avg R"),
        pl.col("avg_bars").alias("bars"),
        "costs",
    )


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


def pairs(texts: list[str]) -> dict[str, str]:
    """Read `-p key=value`."""
    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key or not value:
            raise BtError(f"not a parameter: {text!r}", "write -p fast=20")
        found[key.strip()] = value.strip()
    return found
