# A server that thinks for 100 ms, then has the page: slow.py DIR PORT-FILE. It serves DIR/N.json as ?page=N, for ten minutes.
import http.server
import os
import sys
import threading
import time
import urllib.parse


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        time.sleep(0.1)
        page = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("page", ["1"])[0]
        body = pages.get(page, pages["none"])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


pages = {"none": b'{"data":[]}'}
for name in os.listdir(sys.argv[1]):
    with open(os.path.join(sys.argv[1], name), "rb") as f:
        pages[name.removesuffix(".json")] = f.read()
http.server.ThreadingHTTPServer.request_queue_size = 128
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[2] + ".new", sys.argv[2])
threading.Timer(600, lambda: os._exit(0)).start()
server.serve_forever()
