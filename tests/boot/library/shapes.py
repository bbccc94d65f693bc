"""A small library to be patched."""

from __future__ import annotations


def nothing(*, times: int = 1) -> None:
    """Do nothing."""
    for _ in range(times):
        pass


def helper(side: int) -> int:
    """Be leaned on."""
    return side * side


class Shape:
    """Methods of each kind."""

    def empty(self, scale: int = 1) -> None:
        """Do nothing for this shape."""
        return None

    @staticmethod
    def static_empty() -> None:
        """Do nothing without self."""
        return None

    @classmethod
    def class_empty(cls) -> None:
        """Do nothing with the class."""
        return None


class Square(Shape):
    """Inherits all of it."""
