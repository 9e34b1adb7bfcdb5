# SPDX-License-Identifier: MPL-2.0
"""A gateway that breaks: it takes each request, prints it, and closes the connection, or answers 503 below /busy."""
import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def take(self):
        print(self.command, self.path, flush=True)
        if self.path.startswith("/busy"):
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
        self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = take

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
