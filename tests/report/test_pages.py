"""Reports as people see them, in a real Chromium: charts, clicks, themes, paper, no scripts, hostile names."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bt.cli import run as bt_command
from bt.results import find
from bt.warehouse import Warehouse

ATTACKS = Path(__file__).parents[3] / "shared" / "refs" / "attacks.json"
HOSTILE = (
    "<script>window.__pwned = 1</script>", "</script><script>window.__pwned = 1</script>", "<svg/onload=alert(1)>",
    "' onmouseover='alert(1)", '" autofocus onfocus="alert(1)', "<img src=x onerror=alert(1)>", "<base href=//evil>",
    "javascript:alert(document.domain)", "<!--", "-->", "]]>", "\u2028\u2029\u202e", "&lt;b&gt;", "%{y} {{nonce}} ${x}",
    '<a href="https://example.com/x">link</a>', "<b>bold</b>", "</title></style></noscript>", "__proto__",
)  # fmt: skip
RANGE = "() => document.querySelector('.chart.candles').layout.xaxis.range.map(each => +new Date(each))"
NARROW = """() => new Promise(done => {
    const narrow = () => [...document.querySelectorAll(".main-svg")].every(each => each.clientWidth < 400);
    const look = () => narrow() ? done() : requestAnimationFrame(look);
    look();
})"""
MARKED = """() => {
    const chart = document.querySelector(".chart.candles"), bars = chart.data[0], trade = 3;
    return chart.data.filter(each => each.mode === "markers").map(each => {
        const place = each.customdata.indexOf(trade), at = +new Date(each.x[place]);
        const bar = bars.x.findLastIndex(begin => begin <= at);
        return {price: each.y[place], low: bars.low[bar], high: bars.high[bar], late: at - bars.x[bar] - bars.xperiod};
    });
}"""
HEADS = """() => {
    const nav = document.querySelector("nav"), under = [];
    for (const link of nav.querySelectorAll("a")) {
        location.hash = link.getAttribute("href");
        const head = document.querySelector(location.hash + " h2").getBoundingClientRect();
        if (head.top < nav.getBoundingClientRect().bottom) under.push(link.textContent);
    }
    return under;
}"""
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"


def test_a_run_is_drawn_and_a_click_on_a_trade_moves_the_chart(tested: Path, look: Any) -> None:
    seen = look(tested / "run.html", color_scheme="light", viewport={"width": 1280, "height": 900})
    page = seen.page
    assert seen.charts == "ok"
    assert page.locator(".chart .main-svg").count() >= 7
    before = page.evaluate(RANGE)
    assert before[1] - before[0] > 15 * 86_400_000
    page.locator("tr[data-trade='3']").locator("td").nth(4).click()
    after = page.evaluate(RANGE)
    assert after[1] - after[0] < (before[1] - before[0]) / 4
    assert page.locator("tr.chosen").get_attribute("data-trade") == "3"
    assert page.locator(".told").inner_text().startswith("trade 3: long ")
    assert page.evaluate("document.querySelector('.chart.candles').data[0].x.length") > 15  # the finer bars
    for marker in page.evaluate(MARKED):  # both lie on the candle that covers them
        assert marker["low"] <= marker["price"] <= marker["high"]
        assert marker["late"] < 0
    page.evaluate(
        "document.querySelector('tr[data-trade=\"5\"] .neg, tr[data-trade=\"5\"] .pos').textContent = '+0.00'"
    )
    page.locator("tr[data-trade='5']").press("Enter")
    assert page.locator(".told").inner_text().startswith("trade 5: ")
    assert page.locator(".told").inner_text().endswith(", +0.00")  # as its row has it
    page.locator("tr[data-trade='2']").press(" ")
    assert page.locator(".told").inner_text().startswith("trade 2: ")
    page.get_by_role("button", name="Show trade 1 in the chart", exact=True).press("Enter")
    assert page.locator(".told").inner_text().startswith("trade 1: ")
    page.get_by_role("button", name="Next trade").click()
    assert page.locator(".told").inner_text().startswith("trade 2: ")
    page.get_by_role("button", name="Whole span").click()
    assert page.evaluate(RANGE) == pytest.approx(before, abs=86_400_000)  # markers are smaller
    light = page.evaluate(BACKGROUND)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(BACKGROUND) != light
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 3
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.evaluate(NARROW)
    assert seen.odd == []


@pytest.mark.parametrize(("kind", "shown"), [("sweep", 1), ("walk", 8)])
def test_sweeps_and_walk_forwards_are_drawn(tested: Path, look: Any, kind: str, shown: int) -> None:
    seen = look(tested / f"{kind}.html", color_scheme="dark")
    assert (seen.charts, seen.odd) == ("ok", [])
    assert seen.page.locator(".chart .main-svg").count() >= shown
    for width in (390, 820, 1280) if kind == "walk" else ():
        seen.page.set_viewport_size({"width": width, "height": 700})
        assert seen.page.evaluate(HEADS) == []
    assert seen.page.locator("section .words").inner_text().startswith(("no evidence", "weak evidence", "evidence"))


@pytest.mark.parametrize("kind", ["run", "sweep", "walk"])
def test_without_scripts_every_number_is_read(tested: Path, look: Any, kind: str) -> None:
    page = look(tested / f"{kind}.html", scripts=False).page
    text = page.locator("body").inner_text()
    results = find(Warehouse(tested / "warehouse" / "bt.duckdb"), kind).get_results()
    assert results.run_id in text
    if kind != "sweep":
        assert f"{results.figures['net_profit']:+,.2f}" in text
        assert f"{results.figures['fees']:,.2f}" in text
        assert page.locator("tr[data-trade]").count() == results.trades.height
    assert page.locator("noscript table").count() >= 1
    cells = {text.strip() for text in page.locator("td, dd").all_inner_texts()}
    assert not [
        text for text in cells if re.fullmatch(r"[-+]?(nan|none|null|inf|infinity|undefined)( .*)?", text.lower())
    ]


def test_headings_labels_and_reasons_to_trust(tested: Path) -> None:
    text = (tested / "run.html").read_text(encoding="utf-8")
    assert re.findall(r"<h1>(\w+)<", text) == ["run"]
    for chart in re.findall(r'<div class="chart [^>]*>', text):
        assert re.search(r'role="img" aria-label="[^"]{10,}"', chart)
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert len(text) < 2_000_000
    for said in (
        "Data fingerprint",
        "Content hash",
        "What is assumed",
        "a signal known at the close",
        "1 bp of the price",
    ):
        assert said in text


def hostile(warehouse: Warehouse, words: list[str]) -> str:
    """Give every text of a run, that comes from people, files or exchanges, a hostile one."""
    everything, symbol = " ".join(words), words[0].replace(",", "")
    run_id = find(warehouse, "walk").run_id
    with warehouse.write() as connection:
        given = {"text": everything, "run": run_id, "symbol": symbol}
        connection.execute(
            "update runs set name = $text, note = $text, strategy = $text, quote = $text, strategy_source = $text, "
            "params = $params, warnings = $warnings, symbols = $symbol || ',BETAUSDT' where run_id = $run",
            given | {"params": json.dumps({everything: everything}), "warnings": json.dumps([everything])},
        )
        for table in ("fills", "candles"):
            own = "and run_id = $run" if table == "fills" else ""
            connection.execute(
                f"update {table} set symbol = $symbol where symbol = 'ALPHAUSDT' {own}",
                {name: given[name] for name in ("symbol", *(["run"] if own else []))},
            )
        connection.execute("update fills set reason = $text where run_id = $run and not opens", {
            "text": everything, "run": run_id,
        })  # fmt: skip
        [settings] = connection.execute("select settings from runs where run_id = $run", {"run": run_id}).fetchall()
        params = json.dumps(dict.fromkeys(json.loads(settings[0])["search"], words[1]) | {everything[:80]: words[0]})
        for table in ("trials", "folds"):
            connection.execute(
                f"update {table} set params = $params where run_id = $run and params is not null",
                {"params": params, "run": run_id},
            )
    return run_id


def test_hostile_names_are_inert(own: Path, look: Any) -> None:
    words = list(HOSTILE)
    if ATTACKS.exists():
        attacks = json.loads(ATTACKS.read_text(encoding="utf-8"))["attacks"]
        words += [attack["input"] for attack in attacks if attack["category"] == "html"]
    folder = own / "reports" / "standard"
    folder.mkdir(parents=True, exist_ok=True)
    quoted = [word.replace("'", "''") for word in words]
    rows = " union all ".join(
        f"select {place} as place, '{word}' as \"<i>name</i>\"" for place, word in enumerate(quoted)
    )
    title = " ".join(word for word in words if word.isprintable())
    for number, chart in enumerate(("line", "bar", "scatter", "heatmap", "table")):
        parts = "-- x: <i>name</i>\n-- y: place\n-- by: <i>name</i>\n-- label: <i>name</i>\n-- value: place\n"
        header = f"-- title: {title}\n-- note: {title}\n-- chart: {chart}\n{parts}"
        (folder / f"5{number}_x.sql").write_text(f'{header}select place, "<i>name</i>" from ({rows})', encoding="utf-8")
    run_id = hostile(Warehouse(own / "warehouse" / "bt.duckdb"), words)
    assert bt_command(["report", run_id, "-q", "-O", "x.html"]) == 0
    seen = look(own / "x.html")
    page = seen.page
    assert (seen.charts, seen.odd) == ("ok", [])
    assert page.evaluate("window.__pwned") is None
    assert (
        page.locator("img, base, iframe, b, i, a[href^='http'], a[href^='javascript'], form, object, embed").count()
        == 0
    )
    assert page.evaluate("document.querySelectorAll('script:not([type])').length") == 2  # plotly's and ours
    handlers = (
        "[...document.querySelectorAll('*')].filter(each => [...each.attributes].some(one => /^on/i.test(one.name)))"
    )
    assert page.evaluate(f"{handlers}.length") == 0
    assert words[0] in page.locator("h1").inner_text()
    assert words[0] in page.locator("select option").all_inner_texts()
    assert page.locator("tr[data-trade]").first.inner_text().count("<svg/onload=alert(1)>") >= 1


def test_a_trade_without_finer_bars_is_shown_among_twenty_bars_and_says_so(
    tested: Path, tmp_path: Path, look: Any
) -> None:
    text = (tested / "run.html").read_text(encoding="utf-8")
    shutil.copyfile(next(tested.glob("plotly-*.js")), tmp_path / next(tested.glob("plotly-*.js")).name)
    (tmp_path / "x.html").write_text(text.replace('"chart":"closeups"', '"chart":"none"'), encoding="utf-8")
    page = look(tmp_path / "x.html").page
    page.locator("tr[data-trade='4']").press("Enter")
    assert page.locator(".told").inner_text().endswith("; no finer bars are kept for this trade")
    first, last = page.evaluate(RANGE)
    bars = page.evaluate("document.querySelector('.chart.candles').data[0].x")
    assert sum(first <= bar <= last for bar in bars) >= 20


def test_without_plotlys_script_the_page_says_so(own: Path, look: Any) -> None:
    for script in own.glob("plotly-*.js"):
        script.unlink()
    seen = look(own / "sweep.html")
    assert seen.charts.startswith("failed: plotly's script does not lie beside this page")
    assert "could not be drawn" in seen.page.locator(".chart").first.inner_text()
