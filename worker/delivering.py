"""A worker's deliveries, in addition to its checks: notifications to channels, and mails."""

import asyncio

from app.channels.sealing import Sealer
from app.database import Database
from app.listener import Listener
from app.metrics import resources
from app.notifications.delivery import DeliveryLoop
from app.probing.guard import Guard
from app.probing.prober import Prober
from app.settings import Settings
from app.subscriptions.mailing import MailLoop
from app.subscriptions.smtp import mailing_of

# Separate pools, so that checking, delivery and mails can't take each other's connections:
# thousands of mails delay neither checks nor the team's channels.
DELIVERY_CONNECTIONS = 4
MAIL_CONNECTIONS = 3


class Delivering:
    """Delivery with its own connections, woken by any process that stores a notification."""

    def __init__(self, settings: Settings, prober: Prober, sealer: Sealer) -> None:
        self._database = Database(settings.database_url, pool_size=DELIVERY_CONNECTIONS)
        self._mail_database = Database(settings.database_url, pool_size=MAIL_CONNECTIONS)
        resources.watch(self._database)
        resources.watch(self._mail_database)
        guard = Guard(settings.allowed_networks)
        channels = DeliveryLoop(self._database, prober, guard, sealer)
        self._loops: list[DeliveryLoop | MailLoop] = [channels]
        if mailing := mailing_of(settings):
            self._loops.append(MailLoop(self._mail_database, mailing))
        # Faster than polling, but polling still happens.
        self._listener = Listener(
            settings.database_url,
            "notifications",
            on_message=lambda _: self.wake(),
            on_connection=self.wake,
        )
        for loop in self._loops:
            loop.start()

    def wake(self) -> None:
        """Look for due notifications and mails at once."""
        for loop in self._loops:
            loop.wake()

    async def close(self, seconds: float) -> None:
        """Stop, giving deliveries in progress at most `seconds`."""
        await self._listener.close()
        await asyncio.gather(*(loop.close(seconds) for loop in self._loops))
        await self._database.close()
        await self._mail_database.close()
