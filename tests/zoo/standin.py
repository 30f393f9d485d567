"""A stand-in for the Hugging Face hub: of its HTTP interface what downloads need, and uploads."""

import contextlib
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


class Hub:
    """Repositories as commits of files: {repository: [(commit, {file: content})]}, and names."""

    def __init__(self):
        self.commits, self.tags, self.requests = {}, {}, []

    def commit(self, repository, files):
        """Files in a new state of a repository, beside those of the one before."""
        history = self.commits.setdefault(repository, [])
        files = {**(history[-1][1] if history else {}), **files}
        content = b"".join(files.values()) + bytes([len(history)])
        history.append((hashlib.sha1(content).hexdigest(), files))
        return history[-1][0]

    def at(self, repository, revision):
        """(commit, files) of a revision, None if there is no such."""
        history = self.commits[repository]
        named = {"main": history[-1][0], **self.tags}
        return next((c for c in history if c[0] == named.get(revision, revision)), None)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        hub = self.server.hub
        hub.requests.append((self.command, self.path))
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/?]+).*", self.path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        found = info or file
        repository, revision = (found[1], found[3 if info else 2]) if found else ("", "")
        if repository not in hub.commits:
            return self.refuse("RepoNotFound")
        state = hub.at(repository, revision)
        if state is None:
            return self.refuse("RevisionNotFound")
        commit, files = state
        if info:
            return self.describe(info[2], repository, commit, files)
        if file[3] not in files:
            return self.refuse("EntryNotFound")
        return self.answer(files[file[3]], commit)

    do_HEAD = do_GET  # noqa: N815 (the name that is looked for)

    def refuse(self, code):
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def describe(self, kind, repository, commit, files):
        if kind == "tree":
            listed = [
                {"type": "file", "path": name, "size": len(content), "oid": digest(content)}
                for name, content in files.items()
            ]
            return self.answer(json.dumps(listed).encode(), commit)
        siblings = [{"rfilename": name} for name in files]
        known = {"id": repository, "sha": commit, "siblings": siblings, "tags": []}
        return self.answer(json.dumps(known).encode(), commit)

    def answer(self, content, commit):
        self.send_response(200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{digest(content)}"')
        self.send_header("Content-Length", str(self.server.claimed or len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def digest(content):
    return hashlib.sha1(content).hexdigest()


@contextlib.contextmanager
def serving(monkeypatch, cache):
    """A hub without repositories that the client `huggingface_hub` takes for the true one."""
    import huggingface_hub
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub, server.claimed = Hub(), None
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    path = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda **_: Api(server.hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Api:
    """What uploads need of `huggingface_hub.HfApi`."""

    def __init__(self, hub):
        self.hub = hub

    def create_repo(self, repository, *, exist_ok):
        assert exist_ok
        self.hub.commits.setdefault(repository, [])

    def file_exists(self, repository, name):
        history = self.hub.commits[repository]
        return bool(history) and name in history[-1][1]

    def create_commit(self, repository, operations, *, commit_message):
        files = {each.path_in_repo: each.path_or_fileobj for each in operations}
        commit = self.hub.commit(repository, files)
        return SimpleNamespace(commit_url=f"{repository}/commit/{commit}: {commit_message}")
