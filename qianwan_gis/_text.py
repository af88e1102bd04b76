"""Bilingual text: everything a user reads exists in Chinese and in English."""

from __future__ import annotations

from typing import Literal, NamedTuple

Lang = Literal["zh", "en"]


class Text(NamedTuple):
    """A short text in both languages.

    ``str(text)`` is the Chinese one, because that is what users see unless they ask otherwise.
    """

    zh: str
    en: str

    def get(self, lang: Lang = "zh") -> str:
        """Return the text in ``lang``."""
        return self.en if lang == "en" else self.zh

    def __str__(self) -> str:
        return self.zh
