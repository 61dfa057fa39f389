"""Why a notification did not arrive."""


class DeliveryError(Exception):
    """The attempt failed; the message says why, in a plain sentence.

    `answer` is what the channel said, if it said something.
    """

    def __init__(self, reason: str, answer: str | None = None) -> None:
        super().__init__(reason)
        self.answer = answer
