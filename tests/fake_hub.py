"""A server on this computer that speaks as much of the Hugging Face hub as a download needs."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = ".safetensors"


@dataclass
class Repository:
    """Files, and how the server answers for them."""

    files: dict[str, bytes]
    commit: str = "c" * 40
    refused: int = 0  # a status that is answered instead
    wrong: dict[str, bytes] = field(default_factory=dict)  # sent instead of the true contents


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str | None


class FakeHub:
    """Repositories by name, what was asked for, and connections to be cut."""

    def __init__(self):
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.cuts: Counter[int] = Counter()
        self.ignores_ranges = False
        self.sent = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def publish(self, name, files, **more):
        self.repositories[name] = Repository(dict(files), **more)

    def cut(self, after, times=1):
        """Drop the connection after so many bytes of a large file."""
        self.cuts[after] = times

    def asked_for(self, ending):
        return [r for r in self.requests if r.path.endswith(ending)]

    def contents(self, digest):
        for repository in self.repositories.values():
            for name, data in repository.files.items():
                if hashlib.sha256(data).hexdigest() == digest:
                    return repository.wrong.get(name, data)
        raise KeyError(digest)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args):
            pass

        def do_HEAD(self):
            self._answer(body=False)

        def do_GET(self):
            self._answer(body=True)

        def _answer(self, body):
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(Request(self.command, path, self.headers.get("Range")))
            if path.startswith("/cdn/"):
                self._send_large(hub.contents(path.removeprefix("/cdn/")), body)
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
                self._list(found[1], found[2] or "main")
            elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self._resolve(found[1], found[2], found[3], body)
            else:
                self._send(404, b"{}")

        def _repository(self, name, revision):
            repository = hub.repositories.get(name)
            if repository is None:
                self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
            elif repository.refused:
                codes = {403: "GatedRepo"}
                code = codes.get(repository.refused)
                self._send(repository.refused, b"{}", {"X-Error-Code": code} if code else {})
            elif revision not in ("main", repository.commit):
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            else:
                return repository
            return None

        def _list(self, name, revision):
            repository = self._repository(name, revision)
            if repository is None:
                return
            siblings = [
                {"rfilename": file, "size": len(data), **self._lfs(file, data)}
                for file, data in repository.files.items()
            ]
            about = {"id": name, "modelId": name, "sha": repository.commit, "siblings": siblings}
            self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

        def _lfs(self, file, data):
            if not file.endswith(LARGE):
                return {}
            digest = hashlib.sha256(data).hexdigest()
            return {"lfs": {"sha256": digest, "size": len(data), "pointerSize": 100}}

        def _resolve(self, name, revision, file, body):
            repository = self._repository(name, revision)
            if repository is None:
                return
            headers = {"X-Repo-Commit": repository.commit}
            if file not in repository.files:
                self._send(404, b"", headers | {"X-Error-Code": "EntryNotFound"})
                return
            data = repository.files[file]
            if not file.endswith(LARGE):
                etag = hashlib.sha1(data, usedforsecurity=False).hexdigest()
                self._send(200, data, headers | {"ETag": f'"{etag}"'}, body)
                return
            digest = hashlib.sha256(data).hexdigest()
            headers |= {
                "X-Linked-ETag": f'"{digest}"',
                "X-Linked-Size": str(len(data)),
                "Location": f"{hub.url.replace('127.0.0.1', 'localhost')}/cdn/{digest}",
            }
            self._send(302, b"", headers, body)

        def _send_large(self, data, body):
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
            asked = None if hub.ignores_ranges else asked
            begin = int(asked[1]) if asked else 0
            headers = {}
            if asked:
                headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            whole = data[begin:]
            self.send_response(206 if asked else 200)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            if not body:
                return
            for after in [after for after, times in hub.cuts.items() if times > 0]:
                if begin < after < len(data):
                    hub.cuts[after] -= 1
                    self.wfile.write(data[begin:after])
                    hub.sent += after - begin
                    self.close_connection = True
                    return
            self.wfile.write(whole)
            hub.sent += len(whole)

        def _send(self, status, data, headers=None, body=True):
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body and self.command != "HEAD":
                self.wfile.write(data)

    return Handler
