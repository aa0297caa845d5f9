#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tls_server.py CERTIFICATE KEY [CLIENT_CA] - says on standard output at which port of 127.0.0.1
it serves. Answers with the client's port, the name in its certificate, and what it sent as Host;
/stream begins an answer that does not end."""
import http.server
import ssl
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        subject = (self.connection.getpeercert() or {}).get("subject", ())
        names = [value for part in subject for key, value in part if key == "commonName"]
        text = f"{self.client_address[1]} {''.join(names) or '-'} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text) + (self.path == "/stream")))
        self.end_headers()
        self.wfile.write(text)
        if self.path == "/stream":
            time.sleep(1000)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request, client_address):
        request.do_handshake()
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
if len(sys.argv) > 3:
    context.load_verify_locations(sys.argv[3])
    context.verify_mode = ssl.CERT_REQUIRED
server = Server(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
