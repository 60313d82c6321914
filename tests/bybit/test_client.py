"""The client against the stand-in on loopback: what it asks, what it takes, when it asks again and when it gives up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from aiohttp import web

from bt import symbols
from bt.bybit import Bybit, Candles, ClosedError, Malformed, Manners, UnknownSymbolError
from bt.errors import BtError, ExchangeError
from bt.exchange import Limits, Listing, Market, listening
from tests.ingest.serving import (
    END,
    HURRIED,
    START,
    Scene,
    between,
    candles,
    holed,
    hurried,
    listing,
    market,
    milliseconds,
    rates,
)

FIRST = milliseconds(START)
MINUTE = 60_000
NOW = milliseconds(END) + 19_000
MIXED = [rates(8, START - timedelta(days=60), 90), rates(1, START - timedelta(days=30) + timedelta(hours=1), 700)]


@pytest.fixture(scope="module")
def small() -> Market:
    changing = MIXED[0].vstack(MIXED[1].with_columns(rate=-MIXED[1]["rate"]))
    return market(
        listing("ALPHAUSDT", candles(), changing),
        listing("spot:ALPHAUSDT", candles()),
        listing("inverse:ALPHAUSD", candles()),
        listing("BETAUSDT", holed(candles("BETAUSDT"), 100, 50)),
    )


@pytest.fixture
def scene(small):
    with Scene(small) as scene:
        yield scene


def rows(found: Candles) -> Candles:
    return found


def ask(symbol: str = "ALPHAUSDT", category: str = "linear", check: Callable = rows, **window: int):
    bounds = {"start": FIRST, "end": FIRST + 9 * MINUTE} | window
    return lambda client: client.candles(category, symbol, check=check, **bounds)


def stamps(found: Candles) -> list[int]:
    return [(row[0] - FIRST) // MINUTE for row in found.rows]


def failing(scene: Scene, question: Callable, kind: type[BtError] = ExchangeError, **how) -> tuple[BtError, int]:
    """Ask what must fail; give the error and how many requests it took."""
    with pytest.raises(kind) as failed:
        scene.ask(question, **how)
    assert failed.value.what.isprintable()
    return failed.value, len(scene.questions)


# ---- what is asked


def test_candles_come_newest_first_and_both_ends_count(scene):
    found, counts, warnings = scene.ask(ask())
    assert stamps(found) == list(range(9, -1, -1))
    first = candles().row(0)
    assert found.rows[-1] == (FIRST, *first[1:])
    assert (counts.requests, counts.retries, warnings) == (1, 0, [])


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"start": FIRST, "end": FIRST + 50 * MINUTE, "limit": 3}, [50, 49, 48]),  # of more than the limit the newest
        ({"start": FIRST, "end": None, "limit": 3}, [2, 1, 0]),
        ({"start": 9999, "end": None, "limit": 1}, [0]),
        ({"start": None, "end": FIRST + 50 * MINUTE, "limit": 2}, [50, 49]),
        ({"start": FIRST + 30_000, "end": FIRST + MINUTE}, [1, 0]),  # a start inside a candle gives that candle
        ({"start": FIRST - 10 * MINUTE, "end": FIRST - MINUTE}, []),
        ({"start": FIRST + 4320 * MINUTE, "end": FIRST + 4325 * MINUTE}, [4320]),  # the running candle comes too
    ],
)
def test_windows(scene, window, expected):
    assert stamps(scene.ask(ask(**window))[0]) == expected


@pytest.mark.parametrize(("name", "category"), [("ALPHAUSDT", "spot"), ("ALPHAUSD", "inverse")])
def test_other_categories(scene, name, category):
    found, *_ = scene.ask(ask(name, category))
    assert (found.symbol, found.category, len(found.rows)) == (name, category, 10)


def test_linear_candles_under_the_name_inverse_are_served_and_the_listing_tells(scene):
    """The exchange does so; who asks checks the symbol against the instruments first."""
    assert len(scene.ask(ask("ALPHAUSDT", "inverse"))[0].rows) == 10
    names = [one.symbol for one in scene.ask(lambda client: client.instruments("inverse"))[0]]
    assert names == ["ALPHAUSD"]


@pytest.mark.parametrize("fault", ["wrong_symbol", "wrong_category"])
def test_candles_of_something_else_are_asked_for_again(scene, fault):
    found, counts, _ = scene.ask(ask(), faults=f"{fault}@1,{fault}@2")
    assert (len(found.rows), counts.requests, counts.retries) == (10, 3, 2)


def test_what_the_check_refuses_is_asked_for_again(scene):
    answers = iter([Malformed("not that"), Malformed("nor that"), "this"])

    def check(_found):
        answer = next(answers)
        if isinstance(answer, Malformed):
            raise answer
        return answer

    found, counts, _ = scene.ask(ask(check=check))
    assert (found, counts.requests) == ("this", 3)


def test_settlements_come_oldest_first(scene):
    whole = (FIRST - 61 * 86_400_000, NOW)
    found, *_ = scene.ask(lambda client: client.settlements("linear", "ALPHAUSDT", start=whole[0], end=whole[1]))
    times = [one.funding_rate_timestamp for one in found]
    assert len(times) == 200
    assert times == sorted(times)
    assert found[-1].funding_rate == -700e-6


def test_settlements_of_spot_are_a_wrong_question(scene):
    question = lambda client: client.settlements("spot", "ALPHAUSDT", start=0, end=1)  # noqa: E731
    _, requests = failing(scene, question)
    assert requests == 1


# ---- instruments


class Plain(Listing):
    """A listing that describes itself at once, for there are many."""

    def decimals(self) -> int:
        return 2

    def is_closed(self, now: int) -> bool:
        return False


@pytest.mark.parametrize("count", [1, 1000, 1001, 2345])
def test_every_instrument_of_many_pages_is_listed(count):
    row = candles().tail(1)
    many = [Plain(symbol=symbols.parse(f"A{number:05}USDT"), candles=row, funding=rates()) for number in range(count)]
    with Scene(Market(many)) as scene:
        found, counts, warnings = scene.ask(lambda client: client.instruments("linear"), manners=hurried(answer=5.0))
    assert [one.symbol for one in found] == [f"A{number:05}USDT" for number in range(count)]
    asked = Counter(question.get("status") for question in scene.asked("instruments-info"))
    assert asked["Trading"] == -(-count // 1000)
    assert set(asked) == {"Trading", "PreLaunch", "Delivering", "Closed"}
    assert (counts.retries, warnings) == (0, [])
    assert {question["limit"] for question in scene.asked("instruments-info")} == {"1000"}


def test_spot_is_listed_in_one_page(scene):
    found, counts, _ = scene.ask(lambda client: client.instruments("spot"))
    assert ([one.symbol for one in found], counts.requests) == (["ALPHAUSDT"], 1)


class Says:
    """A server that answers with what it is given, the last again and again: (status, headers, body) or a callable."""

    def __init__(self, *answers) -> None:
        self.answers, self.asked = list(answers), []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            return await answer(request)
        status, headers, body = answer
        return web.Response(status=status, headers=headers, body=body)


def result(inside: object, **more: object) -> tuple[int, dict, bytes]:
    return 200, {}, msgspec.json.encode({"retCode": 0, "retMsg": "OK", "result": inside, "time": NOW, **more})


def talk(server: Says, question: Callable, manners: Manners = HURRIED):
    """Give the answer, the client's counts and its warnings."""

    async def talking():
        warnings: list[str] = []
        async with listening(server) as url, Bybit(url, manners=manners, warn=warnings.append) as client:
            return await question(client), client.counts, warnings

    return asyncio.run(talking())


def test_a_cursor_is_sent_back_as_it_came():
    page = {"category": "linear", "list": [GOOD]}
    server = Says(
        result(page | {"nextPageCursor": "first%3D0GUSDT%26last%3DPAXGPERP"}), result(page | {"nextPageCursor": ""})
    )
    talk(server, lambda client: client.instruments("linear"))
    assert server.asked[1].endswith("&cursor=first%3D0GUSDT%26last%3DPAXGPERP")


def test_a_cursor_that_goes_in_a_circle_ends():
    pages = [("AUSDT", "a"), ("BUSDT", "b"), ("AUSDT", "a"), ("BUSDT", "b")]
    server = Says(
        *[result({"category": "linear", "list": [GOOD | {"symbol": name}], "nextPageCursor": to}) for name, to in pages]
    )
    with pytest.raises(ExchangeError, match="circle"):
        talk(server, lambda client: client.instruments("linear"))
    assert len(server.asked) == 3


GOOD = {
    "symbol": "AUSDT",
    "status": "Trading",
    "baseCoin": "A",
    "quoteCoin": "USDT",
    "priceFilter": {"tickSize": "0.01"},
    "lotSizeFilter": {},
}


@pytest.mark.parametrize(
    ("strange", "name"),
    [
        ({"symbol": "BUSDT"}, "'BUSDT'"),
        ("text", "None"),
        (None, "None"),
        (GOOD | {"symbol": 7}, "7"),
        (GOOD | {"symbol": "X\x1b[2J", "priceFilter": None}, r"'X\x1b[2J'"),
        (GOOD | {"symbol": "BUSDT", "priceFilter": {"tickSize": 0.01}}, "'BUSDT'"),
        (GOOD | {"symbol": "BUSDT", "launchTime": "soon"}, "'BUSDT'"),
    ],
)
def test_an_instrument_that_cannot_be_read_is_passed_over_with_a_word(strange, name):
    server = Says(result({"category": "spot", "list": [strange, GOOD]}))
    found, _, [warning] = talk(server, lambda client: client.instruments("spot"))
    assert [one.symbol for one in found] == ["AUSDT"]
    assert f"passed over instrument {name}" in warning
    assert warning.isprintable()


def test_instruments_of_another_category_are_asked_for_again():
    server = Says(*[result({"category": kind, "list": [GOOD]}) for kind in ("linear", "spot")])
    found, counts, _ = talk(server, lambda client: client.instruments("spot"))
    assert (len(found), counts.retries) == (1, 1)


# ---- time


def dated(seconds: float) -> dict[str, str]:
    moment = datetime(2024, 1, 4) + timedelta(seconds=seconds)
    return {"Date": moment.strftime("%a, %d %b %Y %H:%M:%S GMT")}


@pytest.mark.parametrize(
    ("headers", "second", "said", "expected", "warned"),
    [
        (dated(19), 19, 19, 19, 0),
        (dated(0), 19, 19, 19, 0),
        (dated(79), 19, 19, 19, 0),
        (dated(80), 19, 19, 19, 1),
        (dated(-600), 19, 19, -600, 1),
        (dated(7200), 19, 19, 19, 1),
        (dated(19), 19, -7200, -7200, 1),  # the envelope's time
        (dated(19), -7200, 19, -7200, 1),
        ({"Date": "never"}, 19, 19, 19, 0),
        ({"Date": ""}, 19, 19, 19, 0),
    ],
)
def test_of_two_times_the_older_one_counts(headers, second, said, expected, warned):
    midnight = milliseconds(datetime(2024, 1, 4))
    inside = {"timeSecond": str(midnight // 1000 + second), "timeNano": "0"}
    status, _, body = result(inside, time=midnight + said * 1000)
    found, _, warnings = talk(Says((status, headers, body)), lambda client: client.now())
    assert (found - midnight) // 1000 == expected
    assert len(warnings) == warned


def test_the_stand_in_tells_one_time(scene):
    found, _, warnings = scene.ask(lambda client: client.now())
    assert (found // 1000, warnings) == (NOW // 1000, [])


@pytest.mark.parametrize(("fault", "minutes"), [("server_time_far", 10), ("wrong_time", 120)])
def test_a_time_far_off_is_noticed(scene, fault, minutes):
    found, _, warnings = scene.ask(lambda client: client.now(), faults=fault)
    assert found // 1000 == NOW // 1000 - minutes * 60
    assert len(warnings) == 1


# ---- what breaks on the way


@pytest.mark.parametrize(
    "fault",
    [
        *("500", "502", "503", "504", "204", "200_html", "200_html_as_json", "empty_200", "null_json", "array_json"),
        *("nan_json", "deep_nesting", "bom", "bad_utf8", "corrupt_body", "truncated_valid_length"),
        *("truncated_chunked", "bad_chunk", "gzip_corrupt", "gzip_truncated", "gzip_unzipped", "dropped", "reset"),
        *("reset_mid_body", "garbage_status_line", "huge_header", "retcode_10000", "retcode_10016", "retcode_10006"),
        *("retcode_429", "result_missing", "result_null", "list_missing", "missing_columns", "row_is_text"),
        *("timestamp_text", "empty_price", "null_price", "localized", "oversized_body", "duplicate_keys"),
        *("slow_forever", "slow_loris_body", "slow_headers", "redirect_loop", "redirect_file", "redirect_other_host"),
        *("extra_columns",),
    ],
)
def test_an_answer_that_is_none_is_asked_for_again(scene, fault):
    """Twice and a third time: where a connection drops, aiohttp itself would ask once more, unseen."""
    found, counts, _ = scene.ask(ask(), faults=f"{fault}@1,{fault}@2", manners=hurried(answer=0.15), pace=0.01)
    assert len(found.rows) == 10
    assert counts.retries == 2
    assert counts.requests == len(scene.questions) == 3


def test_redirects_are_not_followed():
    elsewhere = Says((200, {}, b"{}"))

    async def talking() -> None:
        async with listening(elsewhere) as other:
            server = Says((302, {"Location": f"{other}/v5/market/time"}, b""))
            async with listening(server) as url, Bybit(url, manners=HURRIED) as client:
                with pytest.raises(ExchangeError, match="sent elsewhere"):
                    await client.now()
            assert len(server.asked) == 3

    asyncio.run(talking())
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("fault", "tries"),
    [("500", 6), ("empty_200", 6), ("retcode_10016", 6), ("dropped", 6), ("wrong_symbol", 6), ("retcode_unknown", 3)],
)
def test_tries_are_bounded(scene, fault, tries):
    error, requests = failing(scene, ask(), faults=fault)
    assert requests == tries
    host = scene.url.removeprefix("http://")
    assert f"ALPHAUSDT kline at {host}: no use after {tries} tries" in error.what
    assert error.cure


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("symbol_unknown", UnknownSymbolError),
        ("retcode_10009", ClosedError),
        ("403_country", ClosedError),
        ("403_cloudfront", ClosedError),
        *((status, ExchangeError) for status in ("400", "401", "404")),
    ],
)
def test_what_lasts_is_asked_once(scene, fault, kind):
    error, requests = failing(scene, ask(), kind, faults=fault)
    assert (type(error), requests) == (kind, 1)


def test_an_unknown_symbol(scene):
    _, requests = failing(scene, ask("NOUSDT"), UnknownSymbolError)
    assert requests == 1


def test_the_time_of_one_question_is_bounded(scene):
    began = time.monotonic()
    manners = hurried(pause=0.2, longest_pause=0.2, tries=1000, spent=0.3)
    error, requests = failing(scene, ask(), faults="500", manners=manners)
    assert 2 <= requests < 40
    assert time.monotonic() - began < 2
    assert "500" in error.what


def test_time_spent_waiting_for_a_turn_is_not_the_questions_own(scene):
    """Of many questions at a slow pace the last waits for long; its first failure must not be its last."""
    manners = hurried(pace=100, spent=0.1)

    async def many(client: Bybit) -> int:
        return len(await asyncio.gather(*(ask(end=FIRST + n * MINUTE)(client) for n in range(60))))

    found, counts, _ = scene.ask(many, faults="500:0.2", manners=manners)
    assert found == 60
    assert counts.retries > 3


def test_an_answer_has_a_largest_size(scene):
    found, *_ = scene.ask(ask(), manners=hurried(largest=2000))
    assert len(found.rows) == 10
    error, _ = failing(scene, ask(end=FIRST + 99 * MINUTE), manners=hurried(largest=2000))
    assert "an answer of more than" in error.what


def test_a_zipped_bomb_is_not_unpacked_whole():
    import gzip

    bomb = gzip.compress(b" " * (200 << 20), 9)

    server = Says((200, {"Content-Encoding": "gzip"}, bomb))
    with pytest.raises(ExchangeError, match="an answer of more than 4 MiB"):
        talk(server, lambda client: client.now(), hurried(tries=1, answer=10.0))


@pytest.mark.parametrize("code", [10000, 10006, 10016, 429, 10018])
def test_a_reason_on_the_screen_is_plain(code):
    body = msgspec.json.encode({"retCode": code, "retMsg": "\x1b[2J\u202e\nowned", "result": {}})
    with pytest.raises(ExchangeError) as refused:
        talk(Says((200, {}, body)), lambda client: client.now())
    assert refused.value.what.isprintable()


# ---- limits


def test_a_ban_is_waited_out_once(scene):
    limits = Limits(requests=3, window=100.0, ban=0.2)
    several = lambda client: asyncio.gather(*(ask(end=FIRST + n * MINUTE)(client) for n in range(6)))  # noqa: E731
    began = time.monotonic()
    found, counts, warnings = scene.ask(several, limits=limits, manners=hurried(ban=0.25))
    assert [len(one.rows) for one in found] == [1, 2, 3, 4, 5, 6]
    assert counts.bans == 1
    assert time.monotonic() - began > 0.25
    assert len(warnings) == 1
    assert "minutes" in warnings[0]


def test_a_second_ban_is_the_end(scene):
    error, requests = failing(scene, ask(), ClosedError, faults="403_ip_limit")
    assert requests == 2
    assert "--rate" in error.cure


def test_nothing_is_asked_while_banned(scene):
    """The wait counts from the refusal, for all tasks."""
    moments: list[float] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        moments.append(time.monotonic())
        if len(moments) == 3:
            return web.Response(status=403, body=b"access too frequent")
        return await scene.exchange.handle(request)

    server = Says(handle)
    many = lambda client: asyncio.gather(*(ask(end=FIRST + n * MINUTE)(client) for n in range(40)))  # noqa: E731
    found, *_ = talk(server, many, hurried(pace=50, ban=0.4))
    assert len(found) == 40
    before = [moment for moment in moments if moment < moments[2] + 0.1]
    after = [moment for moment in moments if moment >= moments[2] + 0.1]
    assert len(before) <= 30  # those that go at once
    assert min(after) >= moments[2] + 0.39


def test_a_limit_slows_everybody_down(scene):
    limits = Limits(requests=0, per_second=20)

    async def many(client: Bybit) -> int:
        return len(await asyncio.gather(*(ask(end=FIRST + n * MINUTE)(client) for n in range(40))))

    found, counts, _ = scene.ask(many, limits=limits, manners=hurried(pace=200, spent=60, tries=12))
    assert found == 40
    assert counts.retries < 10  # headers say when the limit is used up: few questions run into it
    assert counts.requests == len(scene.questions)


def test_retry_after_is_obeyed():
    moments: list[float] = []

    async def handle(_request: web.Request) -> web.StreamResponse:
        moments.append(time.monotonic())
        if len(moments) == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        status, headers, body = result({"timeSecond": str(NOW // 1000)})
        return web.Response(status=status, headers=headers, body=body)

    talk(Says(handle), lambda client: client.now())
    assert moments[1] - moments[0] >= 1.0


def test_no_more_questions_at_once_than_the_manners_allow():
    open_now = most = 0

    async def handle(_request: web.Request) -> web.StreamResponse:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.01)
        open_now -= 1
        status, headers, body = result({"timeSecond": str(NOW // 1000)})
        return web.Response(status=status, headers=headers, body=body)

    many = lambda client: asyncio.gather(*(client.now() for _ in range(60)))  # noqa: E731
    talk(Says(handle), many, hurried(in_flight=7))
    assert most == 7


def test_no_request_is_a_body_or_a_cookie():
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        assert not request.can_read_body
        status, _, body = result({"timeSecond": str(NOW // 1000)})
        return web.Response(status=status, headers={"Set-Cookie": "a=b"}, body=body)

    talk(Says(handle), lambda client: asyncio.gather(client.now(), client.now()))
    talk(Says(handle), lambda client: client.now())
    assert [(request.method, request.headers.get("Cookie")) for request in seen] == [("GET", None)] * 3


# ---- addresses


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.bybit.com", "file:///etc/passwd", "ftp://api.bybit.com", "https://", "http:///v5", "//host"),
        *("https://host/?a=b", "https://host/#part", "javascript:alert(1)", "https://host\n", "http://[::1"),
        *("http://host:port", "http://host:99999", "http://ho st", "\x1b[2J"),
    ],
)
def test_an_address_that_is_none(url):
    with pytest.raises(BtError, match="not an address of an exchange") as refused:
        Bybit(url)
    assert refused.value.what.isprintable()
    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.bybit.com", "api.bybit.com"),
        ("https://api.bybit.com/", "api.bybit.com"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://user:secret@127.0.0.1:8080/proxy/", "127.0.0.1:8080"),
    ],
)
def test_addresses(url, host):
    assert Bybit(url).host == host


def test_a_path_before_ours_is_kept(scene):
    server = Says(result({"timeSecond": str(NOW // 1000)}))

    async def talking() -> None:
        async with listening(server) as url, Bybit(f"{url}/proxy/", manners=HURRIED) as client:
            await client.now()

    asyncio.run(talking())
    assert server.asked == ["/proxy/v5/market/time"]


@pytest.mark.parametrize(
    ("url", "words"), [("http://127.0.0.1:9", "network"), ("http://no-such-host.invalid", "network or DNS")]
)
def test_where_nobody_listens(url, words):
    async def talking() -> None:
        async with Bybit(url, manners=hurried(answer=5.0)) as client:
            await client.now()

    with pytest.raises(ExchangeError, match=words):
        asyncio.run(talking())


def test_two_clients_have_their_own_pace_and_counts(scene):
    first = scene.ask(ask())[1]
    second = scene.ask(ask())[1]
    assert (first.requests, second.requests) == (1, 1)
    assert replace(HURRIED) == HURRIED
    assert len(between(candles(), 0, 10)) == 10
