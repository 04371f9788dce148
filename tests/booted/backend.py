"""Stands for a backend of the SRE agent: the same arguments and answers, with a file in the place of AgentCore."""

import argparse
import ctypes
import http.server
import os
import pathlib
import re
import ssl

HERE = pathlib.Path(__file__).resolve()
NAME = HERE.name.removesuffix("_server.py")


def key() -> str:
    provider = pathlib.Path("/srv/provider")
    if not provider.exists():
        raise RuntimeError("Failed to retrieve API key from credential provider")
    return provider.read_text().strip()


def port() -> int:
    schema = HERE.parents[1] / "openapi_specs" / f"{NAME}_api.yaml"
    return int(re.findall(r"- url: .*:(\d+)", schema.read_text())[1])


def can_write(path: pathlib.Path) -> bool:
    try:
        path.write_text("x")
        return True
    except OSError:
        return False


def can_read(path: pathlib.Path) -> bool:
    try:
        path.read_bytes()
        return True
    except OSError:
        return False


KEY = key()


class Backend(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_known = self.headers.get("X-API-Key") == KEY
        body = b'{"status":"healthy"}' if is_known else b'{"detail":"Invalid or missing API key"}'
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--ssl-keyfile")
    parser.add_argument("--ssl-certfile")
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer((arguments.host, port()), Backend)
    if arguments.ssl_keyfile and arguments.ssl_certfile:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.ssl_certfile, arguments.ssl_keyfile)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    # What extensions of Python do that are written in C.
    ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)()
    sample, home = HERE.parents[2], HERE.parents[3]
    writable = [path for path in (HERE.parent / "x", sample / "x", home / "x", pathlib.Path("/etc/x")) if can_write(path)]
    readable = [path for path in (sample / "gateway/.env", home / "secret", pathlib.Path("/etc/sre-agent/tls/live/privkey.pem")) if can_read(path)]
    print(f"{NAME} runs as {os.getuid()}, sees {os.listdir(home)}, writes {writable}, reads {readable}")
    server.serve_forever()
