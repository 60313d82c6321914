"""Files that appear whole or not at all, and places that are not written to."""

from pathlib import Path

import pytest

from bt.errors import BtError
from bt.output import require_free, written_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_replaces_one_of_its_name_when_it_is_done(tmp_path):
    path = tmp_path / "a" / "out.csv"
    for content in (b"first", b"second"):
        with written_whole(path) as file:
            file.write(content)
            assert path.exists() == (content == b"second")
        assert path.read_bytes() == content
    assert names(path.parent) == ["out.csv"]


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_goes_wrong_leaves_the_file_as_it_was(problem, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def broken_off():
        with written_whole(path) as file:
            file.write(b"half")
            raise problem

    with pytest.raises(BtError if isinstance(problem, OSError) else problem):
        broken_off()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["out.csv"]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    path = tmp_path / ("ä" * 125 + ".csv")
    with written_whole(path) as file:
        file.write(b"all")
    assert path.read_bytes() == b"all"


PLACES = {
    "a file": ("file", False, "exists already"),
    "a file, by force": ("file", True, None),
    "nothing": ("new", False, None),
    "nothing in no folder": ("none/new", False, None),
    "a folder": ("folder", True, "is a folder"),
    "a link": ("link", True, "is no plain file"),
    "a link to nothing": ("dangling", True, "is no plain file"),
    "a device": ("/dev/null", True, "is no plain file"),
    "a name that is too long": ("a" * 300, False, "cannot write"),
    "inside a file": ("file/new", False, None),  # said by written_whole
}


@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_free_or_not(name, tmp_path):
    place, force, what = PLACES[name]
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    path = tmp_path / Path(place)
    if what is None:
        require_free(path, force=force)
    else:
        with pytest.raises(BtError, match=what):
            require_free(path, force=force)
    assert (tmp_path / "file").read_text() == "old"


def test_a_place_inside_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(BtError, match=r"cannot write .*file/new: "), written_whole(tmp_path / "file" / "new"):
        pass
