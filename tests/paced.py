"""`platform: tests.paced`: the platform made of paper, with limits on how fast one may speak."""

from typing import ClassVar

from msgspec.structs import replace

from gateway.adapter import Limits
from gateway.units import Rate
from tests import paper


class Adapter(paper.Adapter):
    limits: ClassVar[Limits] = replace(
        paper.Adapter.limits, account_rate=Rate(30, 1), chat_rate=Rate(1, 1), group_rate=Rate(20, 60)
    )
