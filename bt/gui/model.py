"""What is filled in, what is wrong with it before anything is started, and the command line that it means; no Tk."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from bt import config, timeframes
from bt.errors import BtError
from bt.gui.fields import FIELDS, SECTIONS, WALK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from bt.gui.answers import Known, Parameter

Command = Literal["run", "walk"]

RUN: Final = "run:"  # before a parameter's name: its value in a run
TRIED: Final = "walk:"  # and the values that a walk-forward tries
_OPTIONS: Final = {"risk": "size", "symbol": "symbols", "from": "first", "to": "end"}  # option to field
_LENGTHS: Final = (("train", "180d"), ("test", "30d"))
_SAID: Final = {  # field to what an error says that is about it
    "strategy": re.compile(r"no strategy|\.py, line|\.py holds|has no signals"),
    "symbols": re.compile(r"no symbol|no candles|not a symbol"),
    "first": re.compile(r"no finished \w+ bar"),
    "train": re.compile(r"one fold needs"),
    "trials": re.compile(r"needs a number of trials"),
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """What is filled in, as text: nothing where a field is empty."""

    strategy: str = ""
    timeframe: str = ""
    symbols: tuple[str, ...] = ()
    first: str = ""
    end: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # of FIELDS, by name
    params: Mapping[str, str] = field(default_factory=dict)  # by name, in a run
    tried: Mapping[str, str] = field(default_factory=dict)  # by name, in a walk-forward

    def value(self, name: str) -> str:
        """Give what is filled in, without spaces around it."""
        return self.values.get(name, "").strip()


def words(form: Form, command: Command, known: Known, *, db: str | None = None) -> list[str]:
    """Give the command line that a form means, after `bt`; empty fields leave their options out."""
    made = [command, form.strategy]
    made += ["-s", ",".join(form.symbols)] if form.symbols else []
    made += ["-t", form.timeframe] if form.timeframe else []
    made += [*_option("--from", form.first), *_option("--to", form.end)]
    for name, text in _params(form, command, known):
        made += ["-p", f"{name}={text}"]
    for each in (each for fields in SECTIONS.values() for each in fields):
        if each.walk and command != "walk":
            continue
        made += _special(form, each.name, known) if each.name in _SPECIAL else _option(each.flag, form.value(each.name))
    return [*made, *_option("--db", db or "")]


def shell(line: list[str]) -> str:
    """Write a command line as it is typed."""
    return shlex.join(["bt", *line])


def problems(form: Form, command: Command, known: Known) -> dict[str, str]:
    """Say what is wrong, by field, in the words of the command line; parameters are `run:fast` and `walk:fast`."""
    found: dict[str, str] = {}
    if form.strategy not in known.strategies:
        found["strategy"] = f"there is no strategy {form.strategy!r}" if form.strategy else "choose one"
    if not form.symbols:
        found["symbols"] = "choose one or more"
    elif lost := set(form.symbols) - {one.symbol for one in known.coverage or ()}:
        found["symbols"] = f"there are no candles of {', '.join(sorted(lost))}"
    if form.timeframe not in timeframes.MINUTES:
        found["timeframe"] = _refusal(timeframes.minutes, form.timeframe) or ""
    found |= _span_problems(form, known)
    for name, text, read in _read_by(form, command, known):
        if text and (told := _refusal(read, text)):
            found[name] = told
    return found | _lacking(form, command, known)


def field_of(what: str, command: Command) -> str | None:
    """Say which field an error of the command line is about, if that can be told."""
    prefix = TRIED if command == "walk" else RUN
    if match := re.match(r"(?:search of \w+: )?parameter (\w+)", what):
        return f"{prefix}{match[1]}"
    if match := re.search(r"(?:^|')--([a-z-]+)", what):
        name = match[1].replace("-", "_")
        name = _OPTIONS.get(name, name)
        return name if name in {*FIELDS, "symbols", "first", "end", "timeframe"} else None
    if match := re.match(rf"({'|'.join(each.name for each in WALK)})\b", what):
        return match[1]
    return next((name for name, pattern in _SAID.items() if pattern.search(what)), None)


def preset(
    name: str, covered: tuple[datetime, datetime] | None, settings: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """Give from and to of a preset, clipped to where there are candles; nothing is as far as there are.

    Where the settings have bounds of their own, nothing would mean those: then all is said in full.
    """
    bounded = any(_has(settings or {}, each) for each in ("from", "to"))
    if covered is None or (name == "all" and not bounded):
        return "", ""
    first, end = covered
    begin = first if name == "all" else max(timeframes.moment(name, relative_to=end), first)
    return moment_text(begin), moment_text(end)


def sizing_of(chosen: str, settings: Mapping[str, str]) -> str:
    """Say what a size means: what is chosen, else what the settings have, else risk."""
    return chosen or (settings["sizing"] if _has(settings, "sizing") else "risk")


def usual_size(chosen: str, settings: Mapping[str, str]) -> str:
    """Give the size that the settings have for a sizing; nothing where one has to be filled in."""
    sizing = sizing_of(chosen, settings)
    if sizing == "risk":
        return settings.get("risk", "")
    return settings["size"] if _has(settings, "size") and sizing == sizing_of("", settings) else ""


def moment_text(when: datetime) -> str:
    """Write a moment as the command line takes it: a date at midnight."""
    return f"{when:%Y-%m-%d}" if not (when.hour or when.minute) else f"{when:%Y-%m-%dT%H:%M}"


def _params(form: Form, command: Command, known: Known) -> Iterator[tuple[str, str]]:
    """Give the parameters that are not as the strategy has them; a walk-forward holds those it does not vary."""
    for each in known.parameters.get(form.strategy, ()):
        text, usual = form.params.get(each.name, "").strip(), each.default
        if command == "walk" and each.search and each.name in form.tried and not _tries(form, each.name):
            text, usual = text or usual, ""  # emptied: it is held, in place of the search
        elif command == "walk" and (each.search or _tries(form, each.name)):
            text, usual = form.tried.get(each.name, "").strip(), each.search
        if text not in {"", usual}:
            yield each.name, text


def _tries(form: Form, name: str) -> bool:
    return bool(form.tried.get(name, "").strip())


def _read_by(form: Form, command: Command, known: Known) -> Iterator[tuple[str, str, Callable[[str], Any]]]:
    """Give every field that counts for a command, with what reads it."""
    for name, each in FIELDS.items():
        if not each.walk or command == "walk":
            by_share = name == "size" and sizing_of(form.value("sizing"), known.settings) in {"risk", "equity"}
            yield name, form.value(name), config.fraction if by_share else _yes_no if name == "funding" else each.read
    for parameter in known.parameters.get(form.strategy, ()):
        name = parameter.name
        if command == "run" or not _tries(form, name):
            yield f"{RUN}{name}", form.params.get(name, "").strip(), _reader(parameter)
        else:
            yield f"{TRIED}{name}", form.tried[name].strip(), _reader_of_many(parameter)


def _reader(parameter: Parameter) -> Callable[[str], Any]:
    return lambda text: config.fitted(parameter.name, text, parameter.kind)


def _reader_of_many(parameter: Parameter) -> Callable[[str], Any]:
    numbers = parameter.kind in {int, float}

    def read(text: str) -> list[Any]:
        parts = re.split(r"[,:]", text) if numbers else text.split(",")
        return [config.fitted(parameter.name, part.strip(), parameter.kind) for part in parts]

    return read


def _span_problems(form: Form, known: Known) -> dict[str, str]:
    covered = known.span(form.symbols)
    if covered is None:
        return {}
    bounds: dict[str, datetime] = {}
    found: dict[str, str] = {}
    for name, text in (("end", form.end), ("first", form.first)):
        try:
            if text:
                bounds[name] = timeframes.moment(text, relative_to=bounds.get("end", covered[1]))
        except BtError as error:
            found[name] = _said(error)
    first, end = bounds.get("first"), bounds.get("end")
    if first and end and first >= end:
        found["end"] = f"must be after {form.first}"
    elif first and first >= covered[1]:
        found["first"] = f"the candles end at {moment_text(covered[1])}"
    elif end and end <= covered[0]:
        found["end"] = f"the candles begin at {moment_text(covered[0])}"
    return found


def _lacking(form: Form, command: Command, known: Known) -> dict[str, str]:
    found, sizing = {}, form.value("sizing")
    named = sizing_of(sizing, known.settings)
    if named != "risk" and not (form.value("size") or usual_size(sizing, known.settings)):
        found["size"] = f"sizing {named} needs a size"
    if command == "walk":
        found |= {name: f"a walk-forward needs it: {example}" for name, example in _LENGTHS if not form.value(name)}
    return found


def _refusal(read: Callable[[str], Any], text: str) -> str | None:
    try:
        read(text)
    except BtError as error:
        return _said(error)
    return None


def _said(error: BtError) -> str:
    return f"{error.what}: {error.cure}" if error.cure else error.what


def _yes_no(text: str) -> bool:
    return config.truth({"on": "true", "off": "false"}.get(text, text))


_SPECIAL: Final = {"sizing", "size", "funding"}  # options that hang together, or have no value


def _special(form: Form, name: str, known: Known) -> list[str]:
    chosen, size = form.value("sizing"), form.value("size")
    if name == "funding":
        return {"on": ["--funding"], "off": ["--no-funding"]}.get(form.value("funding"), [])
    sizing = sizing_of(chosen, known.settings)
    if name == "sizing":
        return ["--sizing", sizing] if chosen or (size and sizing != "risk") else []
    if chosen == "risk" and not size and _has(known.settings, "size"):  # which would be taken for the risk
        size = usual_size(chosen, known.settings)
    return _option("--risk" if sizing == "risk" else "--size", size)


def _has(settings: Mapping[str, str], name: str) -> bool:
    return settings.get(name, "") not in {"", "None"}


def _option(flag: str, text: str) -> list[str]:
    return [flag, text.strip()] if text.strip() else []
