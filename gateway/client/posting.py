"""One POST as adapters want it: an answer, or the word on whether it may have been sent."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.client.client import Client
from gateway.client.connection import Cut, NotSent
from gateway.client.target import target
from gateway.errors import Retry, Unknown

LARGEST = 4_194_304  # bytes of an answer


class Posted(NamedTuple):
    """A whole answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def post(client: Client, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Posted:
    """POST once, to the end of the answer within about so many seconds. Raises `Retry` when it has certainly not been
    sent, `Unknown` when it may have been. Neither says where to: addresses may hold secrets.
    """
    try:
        connect = min(10.0, seconds / 2)
        answer = await client.ask(b"POST", target(url), headers, body, connect=connect, first_byte=seconds)
        try:
            whole = await answer.whole(LARGEST, seconds)
        finally:
            answer.release()
    except NotSent as error:
        raise Retry(str(error)) from None
    except ValueError as error:
        raise Retry(f"a request that cannot be made: {error}") from None
    except Cut as error:
        raise Unknown(str(error)) from None
    except TimeoutError:
        raise Unknown("no answer in time") from None
    return Posted(answer.status, answer.headers, whole)
