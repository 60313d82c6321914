"""How commands that test a strategy ask for it: dataclasses whose fields are the options, one definition for all."""

from __future__ import annotations

import re
import shlex
from dataclasses import MISSING, Field, dataclass, fields
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, TypeVar, get_args, get_type_hints

import typer

from bt import config
from bt.cli import shared
from bt.errors import BtError
from bt.output import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

Asked = TypeVar("Asked")

_ACCOUNT, _COSTS, _ORDERS, _SOUNDNESS = "Money and size", "Costs", "Orders", "Soundness"  # panels of the help
_NUMBERS: Final = {config.amount, config.size, config.whole, config.count, config.not_negative}


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


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What every command that answers with rows takes."""

    form: shared.Format = "table"
    out: shared.Out = None
    db: shared.Db = None
    progress: shared.Progress = "auto"
    quiet: shared.Quiet = False
    verbose: shared.Verbose = 0

    def session(self, flags: Mapping[str, Any] | None = None) -> shared.Session:
        """Resolve the settings of this call; `flags` are those of its other options that are settings."""
        given = {"db": self.db, **(flags or {})}
        return shared.session(given, form=self.form, out=self.out, quiet=self.quiet, progress=self.progress)


_TAKEN: Final = re.compile(r"latest(~\d*)?")  # means a run by its age
_LAST: Final = ("form", "out", "db", "progress", "quiet", "verbose")  # in the help of every command


@dataclass(frozen=True, kw_only=True)
class StrategyOptions(OutputOptions):
    """What every test of a strategy takes; fields that are settings are called as in `config.SETTINGS`."""

    strategy: Annotated[str, typer.Argument(help="Name of a strategy, or a path to one.")]
    symbol: shared.Symbols = None
    timeframe: shared.Timeframe = None
    first: shared.First = None
    end: shared.End = None
    param: shared.Params = None
    cash: Annotated[str | None, _setting("cash", _ACCOUNT)] = None
    risk: Annotated[str | None, _setting("risk", _ACCOUNT)] = None
    size: Annotated[str | None, _setting("size", _ACCOUNT)] = None
    sizing: Annotated[str | None, _setting("sizing", _ACCOUNT)] = None
    max_positions: Annotated[str | None, _setting("max_positions", _ACCOUNT)] = None
    leverage: Annotated[str | None, _setting("leverage", _ACCOUNT)] = None
    margin: Annotated[str | None, _setting("margin", _ACCOUNT)] = None
    mmr: Annotated[str | None, _setting("mmr", _ACCOUNT)] = None
    taker: Annotated[str | None, _setting("taker", _COSTS)] = None
    maker: Annotated[str | None, _setting("maker", _COSTS)] = None
    slippage: Annotated[str | None, _setting("slippage", _COSTS)] = None
    slippage_ticks: Annotated[str | None, _setting("slippage_ticks", _COSTS)] = None
    funding: Annotated[bool | None, _setting("funding", _COSTS, "--funding/--no-funding")] = None
    stop: Annotated[str | None, _setting("stop", _ORDERS)] = None
    take: Annotated[str | None, _setting("take", _ORDERS)] = None
    trail: Annotated[str | None, _setting("trail", _ORDERS)] = None
    take_fill: Annotated[str | None, _setting("take_fill", _ORDERS)] = None
    max_bars: Annotated[str | None, _setting("max_bars", _ORDERS)] = None
    pyramiding: Annotated[str | None, _setting("pyramiding", _ORDERS)] = None
    rebalance_band: Annotated[str | None, _setting("rebalance_band", _ORDERS)] = None
    max_volume_share: Annotated[str | None, _setting("max_volume_share", _ORDERS)] = None
    intrabar: Annotated[str | None, _setting("intrabar", _ORDERS)] = None
    lookahead: Annotated[str | None, _setting("lookahead", _SOUNDNESS)] = None
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None
    note: Annotated[str | None, typer.Option(help="Note kept with the run.")] = None
    again: Annotated[bool, typer.Option("--again", help="Do it anew though the same is stored already.")] = False

    def session(self, flags: Mapping[str, Any] | None = None) -> shared.Session:
        """Resolve the settings of this call; a name that could not be asked for is refused."""
        if self.name is not None and (not self.name.strip() or _TAKEN.fullmatch(self.name.strip())):
            raise BtError(f"a run cannot be called {self.name!r}", "leave --name out, or choose another")
        named = {"symbols": ",".join(self.symbol) if self.symbol else None, "from": self.first, "to": self.end}
        given = {name: value for name, value in vars(self).items() if name in config.SETTINGS}
        return super().session({**given, **named, **(flags or {})})

    @property
    def params(self) -> dict[str, str]:
        """Give what `-p` said."""
        return pairs(self.param or [])


def taking(kind: type[Asked]) -> Callable[[Callable[Concatenate[Asked, ...], int | Done]], Callable[..., int | Done]]:
    """Make a command of a function: its options are its own parameters but the first, and the fields of that one."""
    hints = get_type_hints(kind, include_extras=True)
    shared_by = [
        Parameter(
            field.name, Parameter.KEYWORD_ONLY, annotation=hints[field.name],
            default=Parameter.empty if field.default is MISSING else field.default,
        )
        for field in sorted(fields(kind), key=_place)  # type: ignore[arg-type]
    ]  # fmt: skip
    names = {each.name for each in shared_by}

    def made(body: Callable[Concatenate[Asked, ...], int | Done]) -> Callable[..., int | Done]:
        own = [*signature(body, eval_str=True).parameters.values()][1:]
        parameters = [*(each.replace(kind=Parameter.KEYWORD_ONLY) for each in own), *shared_by]

        def command(**given: Any) -> int | Done:
            asked = kind(**{name: given.pop(name) for name in names})
            return body(asked, **given)

        command.__name__, command.__doc__ = body.__name__, body.__doc__
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return command

    return made


def _place(field: Field[Any]) -> int:
    return _LAST.index(field.name) if field.name in _LAST else -1


def command_line(command: str, asked: StrategyOptions, fields_of: type[Any], *, without: Collection[str] = ()) -> str:
    """Write the words that ask for the same again: those of `fields_of` that are not as they are by default."""
    hints = get_type_hints(fields_of, include_extras=True)
    words = ["bt", command, asked.strategy]
    for field in fields(fields_of):
        value = getattr(asked, field.name)
        if (field.default is not MISSING and value == field.default) or field.name in {"strategy", *without}:
            continue
        words += _words(_flag(field.name, hints[field.name]), value)
    return shlex.join(words)


def with_params(params: Mapping[str, Any]) -> str:
    """Write parameters as options."""
    return shlex.join([word for name, value in params.items() for word in ("-p", f"{name}={value}")])


def pairs(texts: list[str]) -> dict[str, str]:
    """Read `-p key=value`."""
    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key or not value:
            raise BtError(f"not a parameter: {text!r}", "write -p fast=20")
        if key.strip() in found:
            raise BtError(f"parameter {key.strip()!r} is given twice", f"give it once, several values as {key}=10,20")
        found[key.strip()] = value.strip()
    return found


def _words(flag: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        on, _, off = flag.partition("/")
        return [on if value else off]
    if isinstance(value, list):
        return [word for each in value for word in (flag, each)]
    return [flag, str(value)]


def _flag(name: str, hint: Any) -> str:
    """Give an option as it is written: its one letter, if it has one."""
    option = get_args(hint)[1]
    known = [text for text in (option.default, *(option.param_decls or ())) if isinstance(text, str)]
    return min(known, key=len) if known else f"--{name.replace('_', '-')}"
