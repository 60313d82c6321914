"""Every command in one application; the bodies import what they need when they are called."""

import typer

from bt.cli import (
    checking,
    compacting,
    comparing,
    data,
    differing,
    doctor,
    exchange,
    export,
    gui,
    importing,
    ingest,
    lookahead,
    ranking,
    reading,
    replaying,
    report,
    schema,
    start,
    strategies,
    sweeping,
    testing,
    verifying,
    walking,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Backtest crypto strategies on candles in one DuckDB file.",
)

START, DATA, STRATEGIES, TEST, READ = "Start", "Data", "Strategies", "Test", "Read"

app.command(rich_help_panel=START)(start.init)
app.command(rich_help_panel=START)(start.demo)
app.command(rich_help_panel=START)(gui.gui)
app.command(rich_help_panel=START)(start.config)
app.command(rich_help_panel=START)(doctor.doctor)
app.command(rich_help_panel=DATA)(ingest.symbols)
app.command(rich_help_panel=DATA)(ingest.ingest)
app.command("import", rich_help_panel=DATA)(importing.import_)
app.command("data", rich_help_panel=DATA)(data.data)
app.command(rich_help_panel=DATA)(checking.check)
app.command(rich_help_panel=DATA)(compacting.compact)
app.command(rich_help_panel=DATA)(exchange.exchange)
app.command("strategies", rich_help_panel=STRATEGIES)(strategies.strategies)
app.command(rich_help_panel=STRATEGIES)(strategies.new)
app.command("lookahead", rich_help_panel=STRATEGIES)(lookahead.lookahead)
app.command("run", rich_help_panel=TEST)(testing.run)
app.command("sweep", rich_help_panel=TEST)(sweeping.sweep)
app.command("walk", rich_help_panel=TEST)(walking.walk)
app.command(rich_help_panel=TEST)(verifying.verify)
app.command(rich_help_panel=READ)(reading.runs)
app.command(rich_help_panel=READ)(reading.show)
app.command(rich_help_panel=READ)(reading.trades)
app.command(rich_help_panel=READ)(ranking.leaderboard)
app.command(rich_help_panel=READ)(comparing.compare)
app.command(rich_help_panel=READ)(differing.diff)
app.command(rich_help_panel=READ)(replaying.replay)
app.command(rich_help_panel=READ)(report.report)
app.command(rich_help_panel=READ)(export.export)
app.command(rich_help_panel=READ)(reading.sql)
app.command(rich_help_panel=READ)(schema.schema)


@app.callback(invoke_without_command=True)
def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and leave.", is_eager=True),
) -> None:
    if version:
        from bt import __version__

        typer.echo(f"bt {__version__}")
        raise typer.Exit
