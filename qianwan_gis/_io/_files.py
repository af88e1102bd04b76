"""Writes that are whole or absent, and what a file is by its bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def decode(data: bytes, *, encoding: str | None = None) -> tuple[str, str]:
    """Decode text as declared, else as UTF-8, else as GB18030; UTF-16 where its mark says so.

    Returns the text and the encoding used. Raises ``UnicodeDecodeError`` when none fits.
    """
    guesses = ["utf-8-sig", "gb18030"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # what Excel calls Unicode text
        guesses = ["utf-16"]
    for candidate in [encoding] if encoding else guesses:
        try:
            return data.decode(candidate), candidate
        except UnicodeDecodeError as error:
            failure = error
    raise failure


def decoded(data: bytes, encoding: str | None, file: str, log: ProblemLog) -> str | None:
    """Return a user's text as `decode` reads it; ``None``, and a word in the log, where it cannot."""
    try:
        return decode(data, encoding=encoding)[0]
    except (UnicodeDecodeError, LookupError):
        log.add(
            "error",
            "encoding",
            f"无法按{encoding or 'UTF-8 或 GB18030'}解码",
            f"cannot be decoded as {encoding or 'UTF-8 or GB18030'}",
            file=file,
            fix=("用 Excel 或记事本另存为 UTF-8", "save the file as UTF-8"),
        )
        return None


def missing(path: Path, log: ProblemLog) -> bool:
    """Tell whether there is no such file, and say so: it may be a folder."""
    if path.is_file():
        return False
    if path.is_dir():
        log.add(
            "error", "missing_file", f"是文件夹，不是文件：{path}", f"is a folder, not a file: {path}",
            file=path.name, fix=("写明文件夹里的哪个文件", "say which file in the folder"),
        )  # fmt: skip
    else:
        log.add(
            "error",
            "missing_file",
            f"文件不存在：{path}",
            f"no such file: {path}",
            file=path.name,
            fix=("检查路径，或在 county.toml 中改正", "check the path in county.toml"),
        )
    return True


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file so that a reader sees the old one or the new one, never a half."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text with line feeds, whole or not at all."""
    return write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Offer an empty folder beside ``target`` and put it in place when the block succeeds.

    The last good outputs stay whole until then. A run that is killed leaves a folder whose name
    starts with a dot and ends in ``.part``; the next run removes it. A link to a folder stays a
    link. The folder in which the command runs cannot be swapped and is refused.
    """
    target = Path(target).resolve()
    if Path.cwd().is_relative_to(target):
        raise UsageError(
            Text(
                f"不能写到当前所在的文件夹 {target}：请另给一个文件夹，如 {target / 'out'}",
                f"cannot replace the current folder {target}: give another, such as {target / 'out'}",
            )
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target)
    for leftover in target.parent.glob(f".{target.name}.*.part"):
        shutil.rmtree(leftover, ignore_errors=True)
    stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    stage.chmod(0o755)
    try:
        yield stage
        old = stage.with_suffix(".old")
        if target.exists():
            target.replace(old)
        try:
            stage.replace(target)
        except BaseException:
            _recover(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def _recover(target: Path) -> None:
    """Put back the last good folder where a swap stopped between its two renames."""
    for old in target.parent.glob(f".{target.name}.*.old"):
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.replace(target)


def normalise_zip(path: Path, stamp: tuple[int, int, int, int, int, int]) -> None:
    """Rewrite a zip-based file (xlsx, docx, qgz) with one time stamp and a fixed order of members.

    Office libraries put the clock into each member; the same input must give the same bytes.
    """
    path = Path(path)
    with zipfile.ZipFile(path) as source:
        members = [(info, source.read(info)) for info in source.infolist()]
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as target:
        for info, data in members:
            fresh = zipfile.ZipInfo(info.filename, date_time=stamp)
            fresh.compress_type = zipfile.ZIP_DEFLATED
            fresh.external_attr = 0o644 << 16
            target.writestr(fresh, data)
    Path(name).chmod(0o644)
    Path(name).replace(path)
