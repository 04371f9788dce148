"""Says what a mail server says before TLS, then speaks TLS: `mail.py smtp|imap|pop3 CERT KEY`. Prints its port."""

import socket
import ssl
import sys

protocol, certificate, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
listener = socket.create_server(("127.0.0.1", 0))
print("PORT", listener.getsockname()[1], flush=True)

SCRIPTS = {
    "smtp": [
        (None, b"220-mail.example.com ESMTP\r\n220 ready\r\n"),
        (b"EHLO ", b"250-mail.example.com\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n"),
        (b"STARTTLS", b"220 go ahead\r\n"),
    ],
    "imap": [
        (None, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
        (b"a1 STARTTLS", b"* 0 EXISTS\r\na1 OK begin\r\n"),
    ],
    "pop3": [(None, b"+OK ready\r\n"), (b"STLS", b"+OK begin\r\n")],
}

while True:
    client, _ = listener.accept()
    client.settimeout(10)
    try:
        for expected, answer in SCRIPTS[protocol]:
            if expected is not None:
                # Nothing but this line: what comes too early would be part of the handshake.
                line = b""
                while not line.endswith(b"\r\n"):
                    byte = client.recv(1)
                    if not byte:
                        raise OSError("gone")
                    line += byte
                if not line.startswith(expected):
                    raise OSError(f"{line!r} is not {expected!r}")
            client.sendall(answer)
        with context.wrap_socket(client, server_side=True) as secured:
            secured.recv(1)
    except OSError:
        pass
    finally:
        client.close()
