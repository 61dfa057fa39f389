"""The part of a response body that is examined: decompressed, and never more than 1 MiB."""

import zlib

from app.probing.result import Failure

BODY_LIMIT = 1024 * 1024
# Text compresses by 3 to 20 times; a body beyond this limit is meant to hurt its reader.
INFLATION_LIMIT = 100
COMPRESSIONS = frozenset({b"gzip", b"x-gzip", b"deflate"})

# zlib's window-bits values: detect gzip or zlib by the header, or read deflate without one.
_BY_HEADER = 32 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class Body:
    """Takes the body as it arrives; `keep` says whether its content is wanted at all.

    A compressed body is decompressed even if its content is not wanted, because one that cannot be
    decompressed is broken for every client. At most 1 MiB is decompressed in total.
    """

    __slots__ = ("_chunks", "_decoder", "_fed", "_keep", "_raw_allowed", "size", "truncated")

    def __init__(self, encoding: bytes, *, keep: bool) -> None:
        self._decoder = zlib.decompressobj(_BY_HEADER) if encoding in COMPRESSIONS else None
        # Some servers send "deflate" without the header that RFC 9110 requires.
        self._raw_allowed = encoding == b"deflate"
        self._keep = keep
        self._chunks: list[bytes] = []
        self._fed = 0
        self.size = 0
        self.truncated = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the wire; raise Failure if they cannot be decompressed."""
        if self.truncated:
            return
        if self._decoder is not None:
            data = self._inflate(data)
        self.size += len(data)
        if self._keep:
            self._chunks.append(data)
        if self.size > BODY_LIMIT:
            self.truncated = True
            self._check_inflation()

    def end(self) -> None:
        """Handle the end of the body; raise Failure if compressed data is cut off."""
        if self._decoder is not None and self._fed and not (self._decoder.eof or self.truncated):
            raise Failure("the compressed body is incomplete")

    def content(self) -> bytes:
        """Return what was kept, 1 MiB at most."""
        return b"".join(self._chunks)[:BODY_LIMIT]

    def _inflate(self, data: bytes) -> bytes:
        assert self._decoder is not None
        if self._decoder.eof:
            # zlib would collect whatever follows the end, copying all of it on every call.
            return b""
        first = not self._fed
        self._fed += len(data)
        room = BODY_LIMIT - self.size + 1
        try:
            return self._decoder.decompress(data, room)
        except zlib.error:
            if first and self._raw_allowed:
                self._raw_allowed = False
                self._decoder = zlib.decompressobj(_RAW)
                self._fed = 0
                return self._inflate(data)
            raise Failure("the compressed body is damaged") from None

    def _check_inflation(self) -> None:
        if self._decoder is None:
            return
        used = self._fed - len(self._decoder.unconsumed_tail)
        if self.size > INFLATION_LIMIT * used:
            raise Failure(f"compressed body inflates more than {INFLATION_LIMIT} times")
