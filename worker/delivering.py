"""A worker's deliveries, in addition to its checks: notifications to channels."""

from app.database import Database
from app.listener import Listener
from app.metrics import resources
from app.notifications.delivery import DeliveryLoop
from app.probing.guard import Guard
from app.probing.prober import Prober
from app.settings import Settings

# A separate pool, so that checking and delivery can't take each other's connections.
DELIVERY_CONNECTIONS = 4


class Delivering:
    """Delivery with its own connections, woken by any process that stores a notification."""

    def __init__(self, settings: Settings, prober: Prober) -> None:
        self._database = Database(settings.database_url, pool_size=DELIVERY_CONNECTIONS)
        resources.watch(self._database)
        self._loop = DeliveryLoop(self._database, prober, Guard(settings.allowed_networks))
        # Faster than polling, but polling still happens.
        self._listener = Listener(
            settings.database_url,
            "notifications",
            on_message=lambda _: self.wake(),
            on_connection=self.wake,
        )
        self._loop.start()

    def wake(self) -> None:
        """Look for due notifications at once."""
        self._loop.wake()

    async def close(self, seconds: float) -> None:
        """Stop, giving deliveries in progress at most `seconds`."""
        await self._listener.close()
        await self._loop.close(seconds)
        await self._database.close()
