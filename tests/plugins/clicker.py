"""The platform made of paper, with buttons below its messages."""

from typing import ClassVar

from msgspec.structs import replace

from gateway.adapter import Limits
from tests import paper


class Adapter(paper.Adapter):
    limits: ClassVar[Limits] = replace(paper.Adapter.limits, buttons=True)
