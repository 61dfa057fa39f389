"""Domain errors, which know nothing of HTTP; app.api.problems maps them to responses."""


class DomainError(Exception):
    """Base class of errors that a caller can correct; the message is a plain sentence."""


class NotFoundError(DomainError):
    """The requested object does not exist."""


class ConflictError(DomainError):
    """The request conflicts with the current state."""


class InvalidFieldError(DomainError):
    """A field's value is not acceptable; `field` is its name as the client wrote it."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class PreconditionFailedError(DomainError):
    """The version that the client named is not the current one."""
