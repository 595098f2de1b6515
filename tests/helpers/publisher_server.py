"""Publishers of corpora on the loopback interface, with the routes of Zenodo, OpenSLR, GitHub, Dataverse and Mendeley.

    with PublisherServer() as publishers:
        publishers.zenodo("1188976", {"speech.zip": content})
        monkeypatch.setenv("EMOBOX_MIRROR", publishers.url)

Every publisher is a folder by the name of its host, as at a mirror. `behave` says what goes wrong, by a pattern of
paths.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import quote, unquote, urlsplit


@dataclass
class Manners:
    """How a server sends files; the defaults are those of a good one.

    `breaks`: after how many bytes of the file the connection ends, one a request; `statuses`: what is answered instead,
    one a request; `hangs_at`: after so many bytes nothing comes until `go_on` is set.
    """

    ranges: bool = True
    validator: str = "etag"  # "etag", "weak", "date" or ""
    length: bool = True
    breaks: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    page: bool = False
    hangs_at: int | None = None
    go_on: Event = field(default_factory=Event)


@dataclass
class Asked:
    """One request: of what, from which byte, and what was answered."""

    path: str
    range: str
    status: int = 0
    sent: int = 0


PAGE = b"<!DOCTYPE html>\n<html><body>Please sign in to the campus network.</body></html>"


class PublisherServer:
    """Serves while in its `with` block."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}  # path without query -> content
        self.redirections: dict[str, str] = {}
        self.large: dict[str, bytes] = {}
        self.manners: dict[str, Manners] = {}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (Handler,), {"publishers": self})
        )
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that was killed
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "PublisherServer":
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for manners in self.manners.values():
            manners.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def behave(self, pattern: str, **manners: object) -> Manners:
        """From now on, files whose path matches are sent so."""
        made = self.manners[pattern] = Manners(**manners)  # type: ignore[arg-type]
        return made

    def manners_of(self, path: str) -> Manners:
        matching = (manners for pattern, manners in self.manners.items() if re.search(pattern, path))
        return next(matching, Manners())

    def requests(self, pattern: str) -> list[Asked]:
        return [asked for asked in self.asked if re.search(pattern, asked.path)]

    def bytes_sent(self, pattern: str) -> int:
        return sum(asked.sent for asked in self.requests(pattern))

    # What publishers have.

    def zenodo(self, record: str, files: dict[str, bytes]) -> None:
        listed = [
            {
                "key": name,
                "size": len(content),
                "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                "links": {"self": f"https://zenodo.org/api/records/{record}/files/{quote(name)}/content"},
            }
            for name, content in files.items()
        ]
        self._json(f"/zenodo.org/api/records/{record}", {"id": int(record), "files": listed})
        for name, content in files.items():
            self.files[f"/zenodo.org/records/{record}/files/{name}"] = content

    def openslr(self, record: str, files: dict[str, bytes]) -> None:
        """As OpenSLR does, from another host."""
        for name, content in files.items():
            self.redirections[f"/www.openslr.org/resources/{record}/{name}"] = (
                f"/openslr.trmal.net/resources/{record}/{name}"
            )
            self.files[f"/openslr.trmal.net/resources/{record}/{name}"] = content

    def github(self, repository: str, commit: str, archive: bytes) -> None:
        self.files[f"/codeload.github.com/{repository}/tar.gz/{commit}"] = archive
        # Made anew for every request: neither ranges nor a length.
        self.behave(f"/codeload.github.com/{repository}/", ranges=False, length=False, validator="weak")

    def github_release(self, repository: str, files: dict[str, bytes], digests: bool = True) -> None:
        """The latest one."""
        assets = []
        for name, content in files.items():
            stored = f"/release-assets.githubusercontent.com/{hashlib.md5(name.encode()).hexdigest()}"
            self.redirections[f"/github.com/{repository}/releases/latest/download/{name}"] = stored
            self.files[stored] = content
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}" if digests else None
            assets.append({"name": name, "size": len(content), "digest": digest})
        self._json(
            f"/api.github.com/repos/{repository}/releases/latest", {"tag_name": "v1", "assets": assets}
        )

    def git_lfs(self, contents: list[bytes]) -> None:
        for content in contents:
            oid = hashlib.sha256(content).hexdigest()
            self.large[oid] = content
            self.files[f"/github-cloud.githubusercontent.com/{oid}"] = content

    def dataverse(self, host: str, doi: str, files: dict[str, bytes]) -> None:
        listed = []
        for number, (path, content) in enumerate(files.items(), 1000):
            folder, _, name = path.rpartition("/")
            stored = f"/s3.{host}/{number}"
            self.redirections[f"/{host}/api/access/datafile/{number}"] = stored
            self.files[stored] = content
            checksum = {"type": "MD5", "value": hashlib.md5(content).hexdigest()}
            listed.append(
                {
                    **({"directoryLabel": folder} if folder else {}),
                    "label": name,
                    "dataFile": {
                        "id": number,
                        "filename": name,
                        "filesize": len(content),
                        "checksum": checksum,
                    },
                }
            )
        told = {"status": "OK", "data": {"latestVersion": {"files": listed}}}
        self._json(f"/{host}/api/datasets/:persistentId/?persistentId=doi:{doi}", told)

    def mendeley(self, record: str, version: str, archive: bytes) -> None:
        stored = f"/prod-dcd-datasets-cache-zipfiles.s3.amazonaws.com/{record}-{version}.zip"
        self.redirections[f"/data.mendeley.com/public-api/zip/{record}/download/{version}"] = stored
        self.files[stored] = archive

    def _json(self, path: str, told: object) -> None:
        self.files[path] = json.dumps(told).encode()


class Handler(BaseHTTPRequestHandler):
    publishers: PublisherServer
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        if f"{path}?{unquote(url.query)}" in self.publishers.files:
            path = f"{path}?{unquote(url.query)}"
        asked = Asked(path, self.headers.get("Range", ""))
        self.publishers.asked.append(asked)
        manners = self.publishers.manners_of(path)
        if manners.statuses:
            self._answer(asked, manners.statuses.pop(0), b"busy", {"Retry-After": "0"})
        elif manners.page:
            self._answer(asked, 200, PAGE, {"Content-Type": "text/html; charset=utf-8"})
        elif path in self.publishers.redirections:
            self._answer(asked, 302, b"", {"Location": self.publishers.redirections[path]})
        elif path not in self.publishers.files:
            self._answer(asked, 404, b'{"status": 404}', {"Content-Type": "application/json"})
        else:
            self._send(asked, self.publishers.files[path], manners)

    def do_POST(self) -> None:
        """The batch of Git-LFS."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = Asked(self.path, "")
        self.publishers.asked.append(asked)
        base = f"{self.publishers.url}/github-cloud.githubusercontent.com"
        answers = [
            {"oid": told["oid"], "actions": {"download": {"href": f"{base}/{told['oid']}"}}}
            if told["oid"] in self.publishers.large
            else {"oid": told["oid"], "error": {"code": 404, "message": "Object does not exist"}}
            for told in body["objects"]
        ]
        content = json.dumps({"transfer": "basic", "objects": answers}).encode()
        self._answer(asked, 200, content, {"Content-Type": "application/vnd.git-lfs+json"})

    def _answer(self, asked: Asked, status: int, content: bytes, headers: dict[str, str]) -> None:
        asked.status = status
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _send(self, asked: Asked, content: bytes, manners: Manners) -> None:
        first, headers = self._first_byte(content, manners)
        if first > len(content) or (first == len(content) and first):
            self._answer(asked, 416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        asked.status = 206 if "Content-Range" in headers else 200
        self.send_response(asked.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if manners.length:
            self.send_header("Content-Length", str(len(content) - first))
        else:  # the end of the connection is the end of the file
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        end = manners.breaks.pop(0) if manners.breaks else len(content)
        if manners.hangs_at is not None and first <= manners.hangs_at:
            asked.sent += manners.hangs_at - first
            self.wfile.write(content[first : manners.hangs_at])
            self.wfile.flush()
            manners.go_on.wait()
            first = manners.hangs_at
        piece = content[first:end]
        asked.sent += len(piece)  # before the client has it, and counts
        self.wfile.write(piece)
        if end < len(content):
            self.close_connection = True

    def _first_byte(self, content: bytes, manners: Manners) -> tuple[int, dict[str, str]]:
        """Where to begin, and the headers that say so."""
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        validators = {
            "etag": ("ETag", tag),
            "weak": ("ETag", f"W/{tag}"),
            "date": ("Last-Modified", _date(content)),
        }
        headers = {"Content-Type": "application/octet-stream"}
        if manners.validator:
            name, value = validators[manners.validator]
            headers[name] = value
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not (wanted and manners.ranges and condition in (None, *headers.values())):
            return 0, headers
        first = int(wanted[1])
        return first, {**headers, "Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}


def _date(content: bytes) -> str:
    return f"Sat, 28 Nov 2026 00:00:{len(content) % 60:02d} GMT"
