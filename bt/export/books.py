"""A workbook as long as it is written: on a full disk, or stopped on its way, nothing of it is left behind."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Final, cast

from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.workbook import Workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


@contextmanager
def opened(file: IO[bytes]) -> Iterator[Workbook]:
    """Give a workbook that is written to a file when the block ends without an error.

    Raises OSError where the file, or the folder for what is not packed yet, takes no more.
    """
    target = _Target(file)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workbook = Workbook(cast("IO[bytes]", target), {**_OPTIONS, "tmpdir": folder})
        try:
            yield workbook
            workbook.close()
        except FileCreateError as failure:
            raise failure.__context__ or OSError(str(failure)) from None
        finally:
            target.is_open = False
            for sheet in workbook.worksheets():
                with suppress(OSError):  # what it still holds does not fit either
                    sheet.row_data_fh.close()


class _Target:
    """The file that a workbook is packed into.

    xlsxwriter leaves its ZipFile open where packing fails, which then writes an end to the file whenever it is
    collected; that goes nowhere.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.is_open = True
        self._place = 0  # where it would be, after the end

    def write(self, data: bytes) -> int:
        self._place += len(data)
        return self._file.write(data) if self.is_open else len(data)

    def tell(self) -> int:
        return self._file.tell() if self.is_open else self._place

    def seek(self, place: int, whence: int = 0) -> int:
        self._place = place
        return self._file.seek(place, whence) if self.is_open else place

    def flush(self) -> None:
        if self.is_open:
            self._file.flush()
