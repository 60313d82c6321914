"""One run, sweep or walk-forward as a page of HTML that needs no network: its sections are files of SQL."""

from bt.report.answers import Answer, answered
from bt.report.definitions import Section, folders, sections
from bt.report.page import page
from bt.report.place import belongs_to, file_name, script_beside
from bt.report.repeat import command

__all__ = [
    "Answer",
    "Section",
    "answered",
    "belongs_to",
    "command",
    "file_name",
    "folders",
    "page",
    "script_beside",
    "sections",
]
