"""Commands as child processes: what they tell is heard, and they stop when they are asked to."""

from __future__ import annotations

import os
import sys
import time

import pytest

from bt.gui.child import Child, Ended
from bt.gui.work import Job, Question, Work
from bt.output.events import Done, Error, Log, Progress, Stage
from tests.gui.conftest import LONGEST, ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of POSIX")
TALKS = """
import sys, time
print('{"event": "stage", "name": "data", "index": 1, "of": 2}', file=sys.stderr)
print("a library warns", file=sys.stderr)
print('{"event": "progress", "done": 3, "total": 4, "more": 1}', file=sys.stderr, flush=True)
print("ä row")
print('{"event": "done", "code": 1, "run_id": "x.1"}', file=sys.stderr)
sys.exit(1)
"""
DEAF = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: print("no", file=sys.stderr, flush=True))
print("ready", file=sys.stderr, flush=True)
while True:
    time.sleep(1)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Make another program stand in for `python -m bt`, in the same place."""

    def made(text):
        (tmp_path / "program").mkdir()
        (tmp_path / "program" / "bt.py").write_text(text)
        monkeypatch.setattr(sys, "path", [str(tmp_path / "program"), *sys.path])
        return Child(["anything"], folder=tmp_path)

    return made


def heard(child, until=Ended):
    """Poll until something of a kind came."""
    found, end = [], time.monotonic() + LONGEST
    while not any(isinstance(each, until) for each in found):
        assert time.monotonic() < end, found
        found += child.poll()
        time.sleep(0.01)
    return found


def test_what_it_tells_is_heard_in_order(program):
    child = program(TALKS)
    assert heard(child) == [
        Stage(name="data", index=1, of=2),
        Log(text="a library warns"),
        Progress(done=3, total=4),
        Done(code=1, run_id="x.1"),
        Ended(code=1, out="ä row\n"),
    ]
    assert child.over
    child.cancel()
    child.end()


def test_one_that_does_not_stop_is_stopped_harder(program):
    child = program(DEAF)
    heard(child, Log)
    child.cancel()
    assert heard(child, Log) == [Log(text="no")]
    child.cancel()
    assert heard(child)[-1] == Ended(code=-15, out="")


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = Work(tmp_path)
    yield made
    made.close()


def finished(work, so):
    end = time.monotonic() + LONGEST
    while not so():
        assert time.monotonic() < end
        work.poll()
        time.sleep(0.01)


def test_questions_and_a_job(work):
    answered, refused, events, ends = [], [], [], []
    for line in (["config"], ["nothing"], ["config", "--format", "xml"]):
        work.ask(Question(words=line, then=answered.append, failed=refused.append))
    work.start(Job(words=["show"], hear=events.append, ended=lambda *end: ends.append(end)))
    assert work.busy
    finished(work, lambda: work.idle)
    assert len(answered) == 1
    assert sorted(error.what for error in refused) == ["No such command 'nothing'.", "there is no format 'xml'"]
    [(ended, error)] = ends
    assert ended.code == error.code == 2
    assert events == [error]
    assert error.what.startswith("there is no warehouse")


SILENT = {"said nothing": "", "a traceback": "import sys; sys.exit(1)", "cut off": "print('[]')"}


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_without_the_last_word_nothing_is_done(text, tmp_path, monkeypatch):
    (tmp_path / "bt.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    work, ends, answered, refused = Work(tmp_path), [], [], []
    work.ask(Question(words=["config"], then=answered.append, failed=refused.append))
    work.start(Job(words=["show"], hear=ends.append, ended=lambda *end: ends.append(end)))
    finished(work, lambda: work.idle)
    [(ended, error)] = ends
    assert error.what == f"the command ended with exit code {ended.code}"
    assert refused == [error]
    assert answered == []


def test_what_fails_does_not_keep_the_rest_from_being_heard(program, tmp_path):
    work, ends = Work(tmp_path), []
    program(TALKS)
    work.start(Job(words=["show"], hear=lambda _event: {}["wrong"], ended=lambda *end: ends.append(end)))
    failed, until = 0, time.monotonic() + LONGEST
    while not ends:
        assert time.monotonic() < until
        try:
            work.poll()
        except KeyError:
            failed += 1
        time.sleep(0.01)
    assert failed == 4
    assert ends == [(Ended(code=1, out="ä row\n"), None)]


def test_a_command_that_dies_without_a_word(work):
    ends = []
    work.start(Job(words=["exchange"], hear=lambda _event: work.close(), ended=lambda *end: ends.append(end)))
    finished(work, lambda: not work.busy)
    [(ended, error)] = ends
    assert ended.code == -9
    assert error == Error(code=-9, what="the command ended with exit code -9", cure="the log may say more")
