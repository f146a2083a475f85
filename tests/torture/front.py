#!/usr/bin/python3
# What stands before a server of the torture and speaks TLS: front.py DIR PORT
#
# Ports of the loopback, written to DIR/port.KIND: "good" has DIR/server.pem, "elsewhere", "ended" and "stranger" certificates of
# these names, "old" nothing newer than TLS 1.1. All pass bytes on to PORT and leave out TLS's own goodbye. "h2" speaks HTTP/2,
# where there is a module for it; a reply whose header says "X-H2: KIND" breaks on the way: refused, reset, half or goaway.
# DIR/connections gets a line for each connection. It ends after an hour, or when DIR goes away.
import http.client
import os
import select
import socket
import ssl
import sys
import threading
import time

try:
    import h2.config
    import h2.connection
    import h2.errors
    import h2.events
except ImportError:
    h2 = None

directory, backend = sys.argv[1], int(sys.argv[2])
os.chdir(directory)


def context(kind):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    name = kind if os.path.exists(kind + ".pem") else "server"
    if kind == "old":
        c.set_ciphers("ALL:@SECLEVEL=0")
        c.minimum_version, c.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    if kind == "h2":
        c.set_alpn_protocols(["h2"])
    c.load_cert_chain(name + ".pem", name + ".key")
    return c


def pipe(s):
    there = socket.create_connection(("127.0.0.1", backend))
    while True:
        ready = [s] if s.pending() else select.select([s, there], [], [], 60)[0]
        for a in ready:
            data = a.recv(65536)
            if not data:
                return
            (there if a is s else s).sendall(data)


class Http2:
    def __init__(self, s):
        self.s = s
        self.c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.waiting = {}  # stream: bytes that a window did not take yet
        self.c.initiate_connection()

    def serve(self):
        while True:
            self.s.sendall(self.c.data_to_send())
            data = self.s.recv(65536)
            if not data:
                return
            for e in self.c.receive_data(data):
                if isinstance(e, h2.events.RequestReceived) and not self.answer(e.stream_id, dict(e.headers)):
                    self.s.sendall(self.c.data_to_send())
                    return
            for stream in list(self.waiting):
                self.send(stream)

    # False: the connection ends.
    def answer(self, stream, head):
        h = http.client.HTTPConnection("127.0.0.1", backend)
        h.request(head[":method"], head[":path"], headers={k: v for k, v in head.items() if k[0] != ":"})
        r = h.getresponse()
        body = r.read()
        kind = r.getheader("x-h2")
        if kind == "refused":
            self.c.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        elif kind == "reset":
            self.c.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif kind == "goaway":  # taken, and not answered; neither are those behind it
            self.c.close_connection(last_stream_id=stream - 2 if stream > 2 else 0)
            return False
        else:
            self.c.send_headers(stream, [(":status", str(r.status))] + [(k.lower(), v) for k, v in r.getheaders() if k.lower() not in ("connection", "transfer-encoding")])
            self.waiting[stream] = (body[: len(body) // 2], True) if kind == "half" else (body, False)
        return True

    def send(self, stream):
        body, cut = self.waiting[stream]
        try:
            while body:
                n = min(self.c.local_flow_control_window(stream), self.c.max_outbound_frame_size, len(body))
                if n <= 0:
                    self.waiting[stream] = (body, cut)
                    return
                self.c.send_data(stream, body[:n])
                body = body[n:]
            if cut:
                self.c.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
            else:
                self.c.end_stream(stream)
        except h2.exceptions.StreamClosedError:
            pass  # nobody wants it any more
        del self.waiting[stream]


def serve(c, kind, tls):
    try:
        s = tls.wrap_socket(c, server_side=True)
        Http2(s).serve() if kind == "h2" else pipe(s)
    except (OSError, http.client.HTTPException):
        pass
    finally:
        c.close()


def listen(kind):
    tls = context(kind)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    with open("port.new." + kind, "w") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename("port.new." + kind, "port." + kind)
    while True:
        c = listener.accept()[0]
        with open("connections", "a") as f:
            f.write(kind + "\n")
        threading.Thread(target=serve, args=(c, kind, tls), daemon=True).start()


for k in ["good", "elsewhere", "ended", "stranger", "old"] + (["h2"] if h2 else []):
    threading.Thread(target=listen, args=(k,), daemon=True).start()
end = time.time() + 3600
while time.time() < end and os.path.exists("records"):
    time.sleep(1)
