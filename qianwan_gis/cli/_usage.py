"""Wrong usage in the reader's language: the command library says it in English only."""

from __future__ import annotations

import errno
import re
from typing import Any

from qianwan_gis.cli._app import LANG, say
from qianwan_gis.cli._printing import echo

# What the library says, and the same in Chinese; the first that fits is taken.
_WORDS = (
    (r"Missing argument '?\{?(.+?)\}?'?\.", "缺少参数 {0}"),
    (r"Missing option '(.+?)'", "缺少选项 {0}"),
    (r"Missing command", "缺少命令"),
    (r"No such command '(.+?)'", "没有命令“{0}”"),
    (r"No such option:? '?(--?[^\s'.]+)'?\.? .*?(--[^)?]+)", "没有选项 {0}，相近的有 {1}"),
    (r"No such option:? '?(--?[^\s'.]+)", "没有选项 {0}"),
    (r"Option '(.+?)' requires", "选项 {0} 后面缺少取值"),
    (r"Option '(.+?)' does not take a value", "选项 {0} 后面不能有取值"),
    (r"Got unexpected extra arguments?[^(]*(?:\(s\) )?\((.+)\)",
     "多余的参数：{0}（含空格的路径或文字请加引号）"),
    (r"Invalid value for '(.+?)': .*(?:greater than or equal to|range x>=) ?([\d.]+)",
     "{0} 应不小于 {1}"),
    (r"Invalid value for '(.+?)': .*valid int", "{0} 应为整数"),
    (r"Invalid value for '(.+?)': .*valid (?:number|float)", "{0} 应为数字"),
    (r"Invalid value for '(.+?)': (.*)", "{0} 的取值不合要求（{1}）"),
)  # fmt: skip


# What goes wrong with files, by the system's number.
_FILE_WORDS = {
    errno.EACCES: "没有权限，或文件正被其他程序（如 Excel）打开",
    errno.EPERM: "没有权限",
    errno.EROFS: "磁盘是只读的",
    errno.ENOENT: "没有这个文件或文件夹",
    errno.ENOTDIR: "路径中有一段是文件，不是文件夹",
    errno.EISDIR: "是文件夹，不是文件",
    errno.EEXIST: "已经存在同名的文件",
    errno.ENOSPC: "磁盘已满",
    errno.ENAMETOOLONG: "文件名太长",
}


def file_fault(error: OSError) -> str:
    """Say which file cannot be read or written, and why."""
    why = str(error.strerror or error)
    if LANG == "zh":
        why = _FILE_WORDS.get(error.errno or 0, why)
    colon = say("：", ": ")
    what = f"{error.filename}{colon}{why}" if error.filename else why
    return say(f"错误：无法读写 {what}", f"error: cannot read or write {what}")


def tell(error: Any) -> None:
    """Print what was wrong with a command line: its usage, then the fault."""
    message = error.format_message()
    if LANG == "en" or message.startswith("Usage:"):  # no command at all: the help itself
        error.show()
        return
    context = getattr(error, "ctx", None)
    if context is not None:
        echo(context.get_usage().replace("Usage: ", "用法：", 1), err=True)
        echo(f"详见：{context.command_path} --help\n", err=True)
    meaning = getattr(getattr(error, "param", None), "help", None)
    echo(f"错误：{_in_chinese(message)}" + (f"：{meaning}" if meaning else ""), err=True)


def _in_chinese(message: str) -> str:
    for pattern, words in _WORDS:
        if found := re.search(pattern, message, re.DOTALL):
            return words.format(*found.groups())
    return message
