"""Errors of the domain, which know nothing of HTTP; app.api.problems maps them to answers."""


class DomainError(Exception):
    """Base of the errors that a caller can correct; the message is a plain sentence."""


class NotFoundError(DomainError):
    """What was asked for does not exist."""


class ConflictError(DomainError):
    """The request does not fit the present state."""


class InvalidFieldError(DomainError):
    """A field's value can't be accepted; `field` names it as the client wrote it."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class PreconditionFailedError(DomainError):
    """The version that the client named is not the present one."""
