"""A real SMTP server on loopback that is as slow, and as rude, as it is told."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

REPLIES = {
    "greeting": b"220 mail.example ready\r\n",
    "EHLO": b"250-mail.example\r\n250 STARTTLS\r\n",
    "STARTTLS": b"220 go ahead\r\n",
    "DATA": b"354 go ahead\r\n",
    "QUIT": b"221 bye\r\n",
    "text": b"250 accepted\r\n",
}
OK = b"250 ok\r\n"


@dataclass
class MailServer:
    """`waits` are the seconds before the answer to a command ("greeting", "EHLO", "text" … or "every").

    `replies` takes the place of usual answers; None hangs up. `drips` sends them one byte at a time. With
    `begins_with_tls` nothing is in the clear.
    """

    port: int = 0
    waits: dict[str, float] = field(default_factory=dict)
    replies: dict[str, bytes | None] = field(default_factory=dict)
    drips: float = 0
    tls: ssl.SSLContext | None = None
    begins_with_tls: bool = False
    accepted: list[bytes] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            if self.server.mail.begins_with_tls:
                self._start_tls()
            if self._say("greeting"):
                self._converse()
        except OSError:
            pass

    def _converse(self) -> None:
        mail = self.server.mail
        while line := self.rfile.readline():
            command = line.split()[0].decode("latin-1").upper()
            mail.heard.append(command)
            if not self._say(command) or command == "QUIT":
                return
            if command == "STARTTLS":
                self._start_tls()
            if command == "DATA" and mail.replies.get("DATA", b"354").startswith(b"354"):
                text = self._text()
                if text is None or not self._say("text"):
                    return
                mail.accepted.append(text)

    def _text(self) -> bytes | None:
        """The lines up to the dot; None where the client left before it."""
        lines = []
        while line := self.rfile.readline():
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line)
        return None

    def _start_tls(self) -> None:
        assert self.server.mail.tls
        self.request = self.server.mail.tls.wrap_socket(self.request, server_side=True)
        self.setup()

    def _say(self, command: str) -> bool:
        mail = self.server.mail
        time.sleep(mail.waits.get(command, mail.waits.get("every", 0)))
        reply = mail.replies.get(command, REPLIES.get(command, OK))
        if reply is None:
            return False
        for start in range(0, len(reply), 1 if mail.drips else len(reply)):
            self.request.sendall(reply[start : start + (1 if mail.drips else len(reply))])
            time.sleep(mail.drips)
        return True


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    mail: MailServer


@contextmanager
def mail_server_running() -> Iterator[MailServer]:
    mail = MailServer()
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.mail, mail.port = mail, server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield mail
        finally:
            server.shutdown()
