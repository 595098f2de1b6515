"""A Hub on the loopback interface: as much of its HTTP interface as the real `huggingface_hub` client asks for.

    with HubServer() as hub:
        HfApi(endpoint=hub.url, token=hub.token).upload_file(...)
        hub.repository("dataset", "lab/corpus").files()      # what is on main: path -> bytes

Models, datasets and Spaces; private repositories, tokens, commits, pull requests, LFS, ranges. No Xet: set
HF_HUB_DISABLE_XET=1. `hub.fail(...)` lets requests go wrong; `hub.requests` is what was asked for.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_store import DATE, Commit, Fault, Repository, Request, blob_id, metadata, sha256

TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, code: str = ""):
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class HubServer:
    """Serves while in its `with` block. `tokens` may be changed at any time, as tokens expire; so may the line."""

    def __init__(self) -> None:
        self.token = "hf_" + "loopback" * 4
        self.tokens = {self.token}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.delay = 0.0  # seconds before every answer
        self.bits_a_second = float("inf")
        self.lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HubServer":
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def repository(self, kind: str, name: str) -> Repository:
        return self.repositories[kind, name]

    def create(self, kind: str, name: str, private: bool = False) -> Repository:
        made = self.repositories[kind, name] = Repository(kind, name, private)
        made.add(
            "main", "initial commit", {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}
        )
        return made

    def fail(self, pattern: str, what: int | str, times: int = 1, after: int = 0) -> None:
        self.faults.append(Fault(pattern, what, times, after))

    def count(self, pattern: str) -> int:
        """How many requests whose "METHOD path" matches were answered well."""
        asked = [request for request in self.requests if request.status < 400]
        return sum(bool(re.search(pattern, f"{request.method} {request.path}")) for request in asked)

    def environment(self) -> dict[str, str]:
        """Variables that make another process talk to this Hub and no other."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}


class Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    # An answer in one piece: small pieces wait 40 ms for each other (Nagle's algorithm).
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        hub, url = self.hub, urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.body = self._read()
        fault = self._fault(f"{self.command} {unquote(url.path)}")
        if fault == "drop":
            self.close_connection = True
            return
        try:
            if isinstance(fault, int):
                raise RefusedError(fault, "this request was told to fail")
            with hub.lock:
                status, headers, content = self._route(unquote(url.path))
        except RefusedError as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
            status, content = refusal.status, json.dumps({"error": refusal.message}).encode()
        sent = 0 if self.command == "HEAD" else len(content)
        hub.requests.append(Request(self.command, self.path, status, len(self.body), sent))
        if fault == "drop after":
            self.close_connection = True
            return
        time.sleep(hub.delay + 8 * sent / hub.bits_a_second)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _fault(self, request: str) -> int | str | None:
        for fault in self.hub.faults:
            if fault.times and re.search(fault.pattern, request):
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault.what
        return None

    def _route(self, path: str) -> tuple[int, dict[str, str], bytes]:
        for pattern, answer in ROUTES.items():
            if match := re.fullmatch(pattern, f"{self.command} {path}"):
                found = answer(self, **match.groupdict())
                return found if isinstance(found, tuple) else (200, {}, json.dumps(found).encode())
        raise RefusedError(404, f"nothing at {self.command} {path}")

    def _allowed(self) -> bool:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in self.hub.tokens

    def _must_write(self) -> None:
        if not self._allowed():
            raise RefusedError(401, "Invalid credentials in Authorization header")

    def _found(self, kind: str, name: str) -> Repository:
        if "Authorization" in self.headers:
            self._must_write()  # a token that is not valid is refused even where none is needed
        found = self.hub.repositories.get((TYPES.get(kind.rstrip("/"), "model"), name))
        if found is None or (found.private and not self._allowed()):
            raise RefusedError(404 if self._allowed() else 401, "Repository not found", "RepoNotFound")
        return found

    def _commit(self, repository: Repository, revision: str) -> Commit:
        commit = repository.commit(revision)
        if commit is None:
            raise RefusedError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    # What is asked for, in the order of ROUTES.

    def whoami(self) -> dict[str, Any]:
        self._must_write()
        return {"type": "user", "name": "tester", "orgs": [{"name": "lab"}], "auth": {}}

    def create(self) -> Any:
        self._must_write()
        told = json.loads(self.body)
        kind, name = (
            told.get("type") or "model",
            "/".join(filter(None, (told.get("organization"), told["name"]))),
        )
        if "/" not in name:
            name = f"tester/{name}"
        prefix = "" if kind == "model" else f"{kind}s/"
        url = json.dumps({"url": f"{self.hub.url}/{prefix}{name}", "name": name, "id": name}).encode()
        if (kind, name) in self.hub.repositories:
            return 409, {}, url
        self.hub.create(kind, name, bool(told.get("private") or told.get("visibility") == "private"))
        return 200, {}, url

    def validate(self) -> Any:
        told = metadata(json.loads(self.body)["content"])
        errors = [told] if isinstance(told, str) else []
        if not errors and isinstance(told.get("license"), str) and told["license"] != told["license"].lower():
            errors = [f'"license" must be one of the known ones, not {told["license"]}']
        answer = {"errors": [{"message": error} for error in errors], "warnings": []}
        return 400 if errors else 200, {}, json.dumps(answer).encode()

    def preupload(self, kind: str, name: str, revision: str) -> dict[str, Any]:
        self._must_write()
        repository = self._found(kind, name)
        files = self._commit(repository, revision).files
        answer = []
        for told in json.loads(self.body)["files"]:
            binary = b"\0" in base64.b64decode(told["sample"])
            answer.append(
                {"path": told["path"], "uploadMode": "lfs" if binary else "regular", "shouldIgnore": False}
            )
            if (content := files.get(told["path"])) is not None:
                answer[-1]["oid"] = sha256(content) if repository.is_large(content) else blob_id(content)
        return {"files": answer}

    def batch(self, kind: str | None, name: str) -> dict[str, Any]:
        self._must_write()
        self._found(kind or "", name)
        objects = json.loads(self.body)["objects"]
        for told in objects:
            if told["oid"] not in self.hub.objects:
                told["actions"] = {
                    "upload": {"href": f"{self.hub.url}/lfs/{told['oid']}"},
                    "verify": {"href": f"{self.hub.url}/lfs/verify"},
                }
        return {"transfer": "basic", "objects": objects}

    def put(self, oid: str) -> dict[str, Any]:
        if sha256(self.body) != oid:
            raise RefusedError(400, "the content is not that of its checksum")
        self.hub.objects[oid] = self.body
        return {}

    def verify(self) -> dict[str, Any]:
        self._must_write()
        if json.loads(self.body)["oid"] not in self.hub.objects:
            raise RefusedError(404, "no such object")
        return {}

    def commit(self, kind: str, name: str, revision: str) -> dict[str, Any]:
        self._must_write()
        repository = self._found(kind, name)
        header, *operations = [json.loads(line) for line in self.body.splitlines()]
        head = self._commit(repository, revision)
        if (parent := header["value"].get("parentCommit")) and parent != head.oid:
            raise RefusedError(412, "A commit has happened since. Please refresh and try again.")
        files = dict(head.files)
        for operation in operations:
            self._apply(repository, files, operation["key"], operation["value"])
        title, number = header["value"]["summary"], len(repository.discussions) + 1
        asked = self.query.get("create_pr") == ["1"]
        made = repository.add(f"refs/pr/{number}" if asked else revision, title, files)
        prefix = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{name}"
        answer = {
            "commitOid": made.oid,
            "commitUrl": f"{prefix}/commit/{made.oid}",
            "hookOutput": "",
            "success": True,
        }
        if asked:
            repository.discussions.append(
                {"num": number, "title": title, "status": "open", "isPullRequest": True, "createdAt": DATE}
                | {
                    "author": {"name": "tester"},
                    "repo": {"name": name, "type": repository.kind},
                    "numComments": 0,
                }
            )
            answer["pullRequestUrl"] = f"{prefix}/discussions/{number}"
        return answer

    def _apply(self, repository: Repository, files: dict[str, bytes], key: str, told: dict[str, Any]) -> None:
        path = told["path"]
        if key == "file":
            files[path] = base64.b64decode(told["content"])
        elif key == "lfsFile":
            if told["oid"] not in self.hub.objects:
                raise RefusedError(400, f"the content of {path} was not uploaded")
            files[path] = self.hub.objects[told["oid"]]
            repository.large.add(told["oid"])
        else:
            gone = [name for name in files if name == path or name.startswith(path.rstrip("/") + "/")]
            if not gone:
                raise RefusedError(404, "A file with this name doesn't exist", "EntryNotFound")
            for name in gone:
                del files[name]

    def info(self, kind: str, name: str, revision: str | None = None) -> dict[str, Any]:
        repository = self._found(kind, name)
        commit = self._commit(repository, revision or "main")
        told = metadata(commit.files.get("README.md", b"").decode(errors="replace"))
        return {
            "_id": "1", "id": name, "modelId": name, "author": name.partition("/")[0], "sha": commit.oid,
            "private": repository.private, "gated": False, "disabled": False, "lastModified": DATE, "createdAt": DATE,
            "downloads": 0, "likes": 0, "tags": [], "cardData": told if isinstance(told, dict) else None,
            "siblings": [{"rfilename": path} for path in sorted(commit.files)],
        }  # fmt: skip

    def tree(self, kind: str, name: str, revision: str, folder: str | None = None) -> list[dict[str, Any]]:
        repository = self._found(kind, name)
        files = self._commit(repository, revision).files
        prefix = f"{folder}/" if folder else ""
        inside = {path: content for path, content in files.items() if path.startswith(prefix)}
        if prefix and not inside:
            raise RefusedError(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        deep = self.query.get("recursive", [""])[0].lower() in ("1", "true")
        folders = {
            prefix + path.removeprefix(prefix).split("/")[0] for path in inside if "/" in path[len(prefix) :]
        }
        if deep:
            folders = {
                path[: end.start()]
                for path in inside
                for end in re.finditer("/", path)
                if end.start() > len(prefix)
            }
        shown = [path for path in inside if deep or "/" not in path[len(prefix) :]]
        entries = [
            {"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)
        ]
        return entries + [repository.entry(path, inside[path]) for path in sorted(shown)]

    def paths(self, kind: str, name: str, revision: str) -> list[dict[str, Any]]:
        repository = self._found(kind, name)
        files = self._commit(repository, revision).files
        form = "json" not in self.headers.get("Content-Type", "")
        told = parse_qs(self.body.decode()) if form else json.loads(self.body)
        entries = []
        for path in told.get("paths", []):
            if path in files:
                entries.append(repository.entry(path, files[path]))
            elif any(name.startswith(f"{path}/") for name in files):
                entries.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return entries

    def resolve(
        self, kind: str | None, name: str, revision: str, path: str
    ) -> tuple[int, dict[str, str], bytes]:
        repository = self._found(kind or "", name)
        commit = self._commit(repository, revision)
        if repository.gated:
            raise RefusedError(403, f"Access to model {name} is restricted", "GatedRepo")
        if path not in commit.files:
            raise RefusedError(404, f"{path} does not exist on {revision}", "EntryNotFound")
        content = commit.files[path]
        etag = sha256(content) if repository.is_large(content) else blob_id(content)
        headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(len(content))}
        if repository.is_large(content):
            headers |= {"X-Linked-ETag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            return 200, headers, content
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        if first > last:
            raise RefusedError(416, "no such range")
        headers |= {
            "Content-Range": f"bytes {first}-{last}/{len(content)}",
            "Content-Length": str(last - first + 1),
        }
        return 206, headers, content[first : last + 1]

    def list_discussions(self, kind: str, name: str) -> dict[str, Any]:
        (status,) = self.query.get("status", ["all"])
        wanted = {"open": ("open",), "closed": ("closed", "merged")}.get(status)
        told = self._found(kind, name).discussions
        found = [one for one in told if wanted is None or one["status"] in wanted]
        return {"discussions": found, "count": len(found), "start": 0, "numClosedDiscussions": 0}

    def delete(self) -> dict[str, Any]:
        self._must_write()
        told = json.loads(self.body)
        name = "/".join(filter(None, (told.get("organization"), told["name"])))
        del self.hub.repositories[told.get("type") or "model", name]
        return {}


_API = r"/api/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
_PAGE = r"/(?P<kind>datasets/|spaces/)?(?P<name>[^/]+/[^/]+?)"
_REVISION = r"(?P<revision>refs/pr/\d+|[^/]+)"
ROUTES: dict[str, Callable[..., Any]] = {
    r"GET /api/whoami-v2": Handler.whoami,
    r"POST /api/repos/create": Handler.create,
    r"DELETE /api/repos/delete": Handler.delete,
    r"POST /api/validate-yaml": Handler.validate,
    rf"POST {_API}/preupload/{_REVISION}": Handler.preupload,
    rf"POST {_PAGE}\.git/info/lfs/objects/batch": Handler.batch,
    r"PUT /lfs/(?P<oid>[0-9a-f]{64})": Handler.put,
    r"POST /lfs/verify": Handler.verify,
    rf"POST {_API}/commit/{_REVISION}": Handler.commit,
    rf"GET {_API}/discussions": Handler.list_discussions,
    rf"GET {_API}(?:/revision/{_REVISION})?": Handler.info,
    rf"GET {_API}/tree/{_REVISION}(?:/(?P<folder>.+))?": Handler.tree,
    rf"POST {_API}/paths-info/{_REVISION}": Handler.paths,
    rf"(?:GET|HEAD) {_PAGE}/resolve/{_REVISION}/(?P<path>.+)": Handler.resolve,
}
