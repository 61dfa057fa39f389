"""The check that a port accepts connections."""

import asyncio

from app.probing.connect import Network
from app.probing.stopwatch import Stopwatch
from app.probing.targets import TcpTarget


async def check_tcp(network: Network, target: TcpTarget, watch: Stopwatch) -> None:
    """Return once the connection stands, and drop it; raise Failure if it does not come about."""
    transport = await network.connect(asyncio.Protocol, target.host, target.port, watch)
    transport.abort()
