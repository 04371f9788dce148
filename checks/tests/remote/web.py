"""A web server over TLS whose clock and status are given: `web.py CERT KEY SKEW STATUS`. Prints its port."""

import http.server
import ssl
import sys
import time

certificate, key, skew, status = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + float(skew))

    def do_GET(self):
        self.send_response(int(status))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    def get_request(self):
        client, address = super().get_request()
        client.settimeout(10)
        return context.wrap_socket(client, server_side=True, do_handshake_on_connect=False), address


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server = Server(("127.0.0.1", 0), Handler)
print("PORT", server.server_port, flush=True)
server.serve_forever()
