"""The ground: the operator's files and their reader."""

from config.document import Document
from config.problem import ConfigErrors, Path, Position, Problem, dotted, shown
from config.reader import read
from config.source import Copy
from config.trail import Trail

__all__ = ["ConfigErrors", "Copy", "Document", "Path", "Position", "Problem", "Trail", "dotted", "read", "shown"]
