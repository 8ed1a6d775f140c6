"""Carrying out what the core needs, over `httpx`.

No fault of that library gets out of here: it holds the request, and that holds the token.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx

from .steps import Answer, Exchange, Lost, World

WORLD = World(
    now_s=time.time,
    passed_s=time.monotonic,
    identifier=lambda: secrets.token_urlsafe(18),
    message=lambda: secrets.token_hex(16),
)


def exchange(client: httpx.Client, order: Exchange) -> Answer | Lost:
    """Sends a request and reads its whole answer, within its bounds."""
    until_s = time.monotonic() + order.within_s
    reading = Reading(order.body_bytes_max)
    try:
        with opened(client, order) as response:
            for chunk in response.iter_raw():
                if not reading.take(chunk):
                    return Lost(True, "it is too long")
                # A stream of signs of life would never run into the time-out of a single read.
                if time.monotonic() > until_s:
                    return Lost(True, "time is up")
            return reading.answer(response)
    except httpx.HTTPError as fault:
        return _lost(fault)


async def exchange_async(client: httpx.AsyncClient, order: Exchange) -> Answer | Lost:
    """As `exchange`."""
    until_s = time.monotonic() + order.within_s
    reading = Reading(order.body_bytes_max)
    try:
        async with opened_async(client, order) as response:
            async for chunk in response.aiter_raw():
                if not reading.take(chunk):
                    return Lost(True, "it is too long")
                if time.monotonic() > until_s:
                    return Lost(True, "time is up")
            return reading.answer(response)
    except httpx.HTTPError as fault:
        return _lost(fault)


class Reading:
    """An answer as it comes, as long as it may be."""

    def __init__(self, bytes_max: int) -> None:
        self._chunks: list[bytes] = []
        self._left = bytes_max

    def take(self, chunk: bytes) -> bool:
        """Takes a part; whether it is not too long yet."""
        self._chunks.append(chunk)
        self._left -= len(chunk)
        return self._left >= 0

    def answer(self, response: httpx.Response) -> Answer:
        """All of it."""
        return Answer(response.status_code, response.headers.get("content-type", ""), b"".join(self._chunks))


@contextmanager
def opened(client: httpx.Client, order: Exchange) -> Iterator[httpx.Response]:
    """A request that was sent, and its answer before it is read."""
    with client.stream(
        order.method, order.url, headers=_headers(order), content=order.body, timeout=_timeout(order)
    ) as response:
        yield response


@asynccontextmanager
async def opened_async(client: httpx.AsyncClient, order: Exchange) -> AsyncIterator[httpx.Response]:
    """As `opened`."""
    stream = client.stream(
        order.method, order.url, headers=_headers(order), content=order.body, timeout=_timeout(order)
    )
    async with stream as response:
        yield response


def _headers(order: Exchange) -> dict[str, str]:
    # The bytes count as they come: what is packed could unpack to any size.
    return {**order.headers, "Accept-Encoding": "identity"}


def _timeout(order: Exchange) -> httpx.Timeout:
    return httpx.Timeout(order.within_s, connect=min(order.within_s, CONNECT_S))


def _lost(fault: httpx.HTTPError) -> Lost:
    not_sent = isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return Lost(not not_sent, type(fault).__name__)


CONNECT_S = 10.0
