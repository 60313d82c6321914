"""The page: every section's answer in its place, one template around them, nothing that is fetched or could act."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from bt import assets
from bt.errors import BtError
from bt.output.panel import title_of
from bt.report.drawing import drawn
from bt.report.place import MARK, script_inlined
from bt.report.tables import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bt.report.answers import Answer

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
_KINDS: Final = {"run": "run", "sweep": "sweep", "walk": "walk-forward"}
_NONCE: Final = "bt-nonce-bt-nonce-bt-nonce"  # as long as what replaces it


def page(
    run: Mapping[str, Any],
    answers: Sequence[Answer],
    *,
    command: str | None = None,
    warnings: Sequence[str] = (),
    script: str | None = None,
) -> str:
    """Give the whole HTML of a report.

    `run` is a row of `runs`, `command` makes it again, `script` names plotly's beside the file: None = inside it.
    """
    made = [answer for answer in answers if not (answer.is_empty and answer.section.choices.get("empty") == "none")]
    numbered = list(enumerate(made))
    filled = {
        "mark": MARK.format(shown(run["run_id"])),
        "title": shown(run["name"] or run["strategy"]),
        "kind": shown(_KINDS[run["kind"]]),
        "status": "" if run["status"] == "finished" else f'<span class="status">{shown(run["status"])}</span>',
        "subtitle": shown(title_of(run)),
        "run": shown(run["run_id"]),
        "note": f'<p class="note">{shown(run["note"])}</p>' if run["note"] else "",
        "command": _command(command),
        "warnings": _warnings(warnings),
        "nav": "".join(
            f'<a href="#s{number}">{shown(answer.section.title)}</a>'
            for number, answer in numbered
            if answer.section.chart != "closeups"
        ),
        "sections": "".join(drawn(answer, number, run["run_id"]) for number, answer in numbered),
        "plotly": _plotly(script),
        "made": shown(f"bt {json.loads(run['versions']).get('bt', '')}".strip()),
        "nonce": _NONCE,
    }
    text = _PLACE.sub(lambda match: _known(filled, match[1]), _template())
    nonce = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[: len(_NONCE)]
    return text.replace(f'nonce="{_NONCE}"', f'nonce="{nonce}"').replace(f"'nonce-{_NONCE}'", f"'nonce-{nonce}'")


def _known(filled: Mapping[str, str], name: str) -> str:
    if name not in filled:
        raise BtError(f"the template asks for {name!r}, which a report does not have", "mend reports/template.html")
    return filled[name]


def _template() -> str:
    try:
        return (assets.folder("reports") / "template.html").read_text(encoding="utf-8")
    except OSError as error:
        raise BtError(f"cannot read the template of reports: {error.strerror}", "install bt-warehouse anew") from None


def _command(command: str | None) -> str:
    return f'<p class="again"><span>again with</span> <code>{shown(command)}</code></p>' if command else ""


def _warnings(warnings: Sequence[str]) -> str:
    lines = "".join(f"<li>{shown(warning)}</li>" for warning in warnings)
    return f'<ul class="warnings" aria-label="Warnings">{lines}</ul>' if lines else ""


def _plotly(script: str | None) -> str:
    if script is None:
        return f'<script nonce="{_NONCE}">{script_inlined()}</script>'
    return f'<script nonce="{_NONCE}" src="{shown(script)}"></script>'
