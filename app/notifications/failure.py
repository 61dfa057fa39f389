"""Why a notification did not arrive."""


class DeliveryError(Exception):
    """The attempt failed; the message says why, in a plain sentence.

    `answer` is the channel's response, if there was one.
    """

    def __init__(self, reason: str, answer: str | None = None) -> None:
        super().__init__(reason)
        self.answer = answer
