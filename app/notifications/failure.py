"""Why a notification did not arrive."""


class DeliveryError(Exception):
    """The attempt failed; the message says why, in a plain sentence."""
