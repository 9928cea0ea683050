"""A stand-in for a W&B server, in memory, for the real client of wandb 0.31 on loopback.

It proves our use of the client, not the cloud's behaviour. There is no schema: a query is parsed and its selection is
walked over plain dicts whose values may be callables; a field that nobody has answers null and is listed in `missing`.

    with running() as server:          # server.url, .runs, .artifacts, .blobs, .operations, .missing
        server.fault = lambda path, operation: 403 if path.startswith("/blob") else None

A fault is an HTTP status, "hang" (no answer while it lasts), "drop" (the connection ends) or "corrupt" (other bytes).
"""

import asyncio
import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, parse
from graphql.utilities import value_from_ast_untyped
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.conftest import free_port

KEY, ENTITY = "k" * 40, "team"
CREATED = "2026-01-01T00:00:00Z"


def token(*parts: object) -> str:
    """Return an id as the client wants it, base64."""
    return base64.b64encode(":".join(map(str, parts)).encode()).decode()


class Server:
    """What the server knows. `artifacts` holds every version of every collection, oldest first."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.forget()

    def forget(self) -> None:
        """Be as new: nothing stored, no fault."""
        self.runs: dict[str, dict[str, Any]] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.blobs: dict[str, bytes] = {}
        self.operations: list[str] = []
        self.missing: set[str] = set()
        self.used: list[tuple[str, str]] = []
        self.fault: Callable[[str, str], int | str | None] = lambda path, operation: None

    def versions(self, collection: str = "model_export") -> list[dict[str, Any]]:
        """Return the committed versions of a collection, oldest first."""
        return [a for a in self.artifacts if a["state"] == "COMMITTED" and a["collection"] == collection]

    def project(self, name: str = "", entityName: str = "", **_: Any) -> dict[str, Any] | None:
        if entityName not in (ENTITY, ""):
            return None
        return {
            "id": token("Project", name),
            "internalId": token("Project", name),
            "name": name,
            "entity": {"id": token("Entity", ENTITY), "name": ENTITY},
            "artifact": None,
            "artifactCollectionMembership": lambda name: self._membership(name),
            "artifactCollection": lambda name: self._collection(name),
            "artifactType": lambda name: {
                "id": token("ArtifactType", name),
                "name": name,
                "artifactCollection": lambda name: self._collection(name),
            },
            "run": lambda name: self.runs.get(name),
            "runs": lambda **_: {
                "totalCount": len(self.runs),
                "pageInfo": _PAGE,
                "edges": [{"node": run, "cursor": ""} for run in self.runs.values()],
            },
        }

    def _find(self, text: str) -> dict[str, Any] | None:
        collection, _, alias = text.partition(":")
        for found in reversed(self.versions(collection)):
            if alias in (*found["names"], f"v{found['versionIndex']}"):
                return found
        return None

    def _membership(self, name: str) -> dict[str, Any] | None:
        found = self._find(name)
        if found is None:
            return None
        return {
            "__typename": "ArtifactCollectionMembership",
            "id": token("Membership", name),
            "versionIndex": found["versionIndex"],
            "createdAt": CREATED,
            "aliases": found["aliases"],
            "artifactCollection": self._sequence(found["collection"]),
            "artifact": found,
        }

    def _collection(self, name: str) -> dict[str, Any]:
        newest_first = self.versions(name)[::-1]
        return self._sequence(name) | {
            "artifactMembership": lambda aliasName: {"files": lambda **_: self._files(f"{name}:{aliasName}")},
            "artifacts": lambda **_: {
                "totalCount": len(newest_first),
                "pageInfo": _PAGE,
                "edges": [{"version": f"v{a['versionIndex']}", "cursor": "", "node": a} for a in newest_first],
            },
        }

    def _files(self, name: str) -> dict[str, Any]:
        found = self._find(name)
        nodes = [
            {"__typename": "File", "name": file, "directUrl": f"{self.url}{path}"}
            for file, path in (found["files"] if found else {}).items()
        ]
        return {"pageInfo": _PAGE, "edges": [{"node": node} for node in nodes]}

    def _sequence(self, name: str) -> dict[str, Any]:
        return {
            "__typename": "ArtifactSequence",
            "id": token("Sequence", name),
            "name": name,
            "createdAt": CREATED,
            "project": self.project("proj_mnist"),
            "defaultArtifactType": {"name": "inference_artifact"},
            "tags": {"edges": []},
        }

    def root(self) -> dict[str, Any]:
        """Return what a query may begin with."""
        viewer = {
            "__typename": "User",
            "id": token("User"),
            "username": "ada",
            "entity": ENTITY,
            "email": "",
            "admin": False,
        }
        return {
            "viewer": viewer | {"teams": {"edges": [{"node": {"name": ENTITY}}]}},
            "serverInfo": {"features": [], "cliVersionInfo": {}},
            "project": self.project,
            "artifact": lambda id: next((a for a in self.artifacts if a["id"] == id), None),
        }

    # Mutations, by their names.

    def upsertBucket(self, input: dict[str, Any]) -> dict[str, Any]:
        name = input.get("name") or input.get("id") or token(len(self.runs))
        new = {"id": token("Run", name), "name": name, "history": [], "summaryMetrics": "{}"}
        # The public API's own list of runs cannot be read without these two.
        user = {"id": token("User"), "name": "Ada", "username": "ada"}
        run = self.runs.setdefault(name, new | {"user": user, "projectId": "1"})
        run["project"] = self.project(input.get("modelName") or "proj_mnist", input.get("entityName") or "")
        if run["project"] is None:
            raise PermissionError("permission denied")
        for ours, theirs in (
            ("jobType", "jobType"),
            ("groupName", "group"),
            ("config", "config"),
            ("displayName", "displayName"),
        ):
            if input.get(ours) is not None:
                run[theirs] = input[ours]
        if input.get("summaryMetrics"):
            run["summaryMetrics"] = input["summaryMetrics"]
        return {"bucket": run, "inserted": True}

    def createRunFiles(self, input: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": f, "uploadUrl": f"{self.url}/blob/run/{input.get('runName')}/{f}"} for f in input["files"]]
        return {"runID": token("Run"), "uploadHeaders": [], "files": files}

    def createArtifact(self, input: dict[str, Any]) -> dict[str, Any]:
        if (input.get("entityName") or ENTITY) != ENTITY:
            raise PermissionError("permission denied")
        collection = (input.get("artifactCollectionNames") or [input.get("artifactCollectionName")])[0]
        same = [a for a in self.artifacts if a["collection"] == collection and a["digest"] == input["digest"]]
        done = next((a for a in same if a["state"] == "COMMITTED"), None)
        if done is None:
            done = self._new(collection, input)
        done["wanted"] = [alias["alias"] for alias in input.get("aliases") or []]
        if done["state"] == "COMMITTED":
            self._name(done, ["latest", *done["wanted"]])
        return {"artifact": done | {"artifactSequence": self._sequence(collection) | {"latestArtifact": None}}}

    def _new(self, collection: str, input: dict[str, Any]) -> dict[str, Any]:
        number = len(self.artifacts)
        made: dict[str, Any] = {
            "__typename": "Artifact",
            "id": token("Artifact", number),
            "collection": collection,
            "artifactSequence": self._sequence(collection),
            "artifactType": {"name": input["artifactTypeName"]},
            "digest": input["digest"],
            "metadata": input.get("metadata") or "{}",
            "description": input.get("description"),
            "state": "PENDING",
            "versionIndex": None,
            "names": [],
            "aliases": [],
            "files": {},
            "run": input.get("runName"),
            "size": 0,
            "fileCount": 0,
            "tags": [],
            "ttlDurationSeconds": -2,
            "ttlIsInherited": True,
            "createdAt": CREATED,
            "updatedAt": CREATED,
            "currentManifest": {"file": {"directUrl": f"{self.url}/blob/manifest/{number}"}},
        }
        self.artifacts.append(made)
        return made

    def _name(self, artifact: dict[str, Any], wanted: list[str]) -> None:
        names = list(dict.fromkeys(wanted))
        for other in self.artifacts:
            if other["collection"] == artifact["collection"]:
                kept = [n for n in other["names"] if n not in names]
                other["names"] = kept + [n for n in names if other is artifact]
                other["aliases"] = [self._alias(other, n) for n in other["names"]]

    def _alias(self, artifact: dict[str, Any], name: str) -> dict[str, Any]:
        sequence = self._sequence(artifact["collection"])
        return {
            "__typename": "ArtifactAlias",
            "id": token("Alias", name),
            "alias": name,
            "artifactCollection": sequence,
        }

    def _by_id(self, artifact_id: str) -> dict[str, Any]:
        return next(a for a in self.artifacts if a["id"] == artifact_id)

    def createArtifactManifest(self, input: dict[str, Any]) -> dict[str, Any]:
        number = self.artifacts.index(self._by_id(input["artifactID"]))
        url = f"{self.url}/blob/manifest/{number}"
        file = {"id": token("File"), "name": input["name"], "displayName": "", "uploadUrl": url, "uploadHeaders": []}
        return {"artifactManifest": {"id": token("Manifest", number), "file": file}}

    updateArtifactManifest = createArtifactManifest

    def createArtifactFiles(self, input: dict[str, Any]) -> dict[str, Any]:
        edges = []
        for file in input["artifactFiles"]:
            artifact = self._by_id(file["artifactID"])
            path = f"/blob/files/{artifact['id'].strip('=')}/{file['name']}"
            artifact["files"][file["name"]] = path
            node = {
                "id": token("File", path),
                "name": file["name"],
                "displayName": file["name"],
                "uploadUrl": self.url + path,
            }
            edges.append({"node": node | {"uploadHeaders": [], "artifact": {"id": artifact["id"]}}})
        return {"files": {"edges": edges}}

    def commitArtifact(self, input: dict[str, Any]) -> dict[str, Any]:
        artifact = self._by_id(input["artifactID"])
        others = len(self.versions(artifact["collection"]))
        artifact |= {"state": "COMMITTED", "versionIndex": others}
        artifact["fileCount"] = len(artifact["files"])
        self._name(artifact, ["latest", *artifact.get("wanted", [])])
        return {"artifact": artifact}

    def useArtifact(self, input: dict[str, Any]) -> dict[str, Any]:
        self.used.append((input["runName"], input["artifactID"]))
        return {"artifact": self._by_id(input["artifactID"])}

    def addAliases(self, input: dict[str, Any]) -> dict[str, Any]:
        self._name(self._by_id(input["artifactID"]), [alias["alias"] for alias in input["aliases"]])
        return {"success": True}

    def deleteAliases(self, input: dict[str, Any]) -> dict[str, Any]:
        artifact = self._by_id(input["artifactID"])
        gone = {alias["alias"] for alias in input["aliases"]}
        artifact["names"] = [n for n in artifact["names"] if n not in gone]
        artifact["aliases"] = [self._alias(artifact, n) for n in artifact["names"]]
        return {"success": True}

    def updateArtifact(self, input: dict[str, Any]) -> dict[str, Any]:
        artifact = self._by_id(input["artifactID"])
        if input.get("metadata") is not None:
            artifact["metadata"] = input["metadata"]
        return {"artifact": artifact}


_PAGE = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}


def answer(server: Server, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Walk a GraphQL document over what the server knows."""
    document = parse(query)
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    for definition in operation.variable_definitions:
        if definition.default_value is not None:
            variables.setdefault(definition.variable.name.value, value_from_ast_untyped(definition.default_value))
    server.operations.append(operation.name.value if operation.name else "?")

    def value(node: Any) -> Any:
        return value_from_ast_untyped(node, variables)

    def skipped(node: Any) -> bool:
        rules = {d.name.value: value(d.arguments[0].value) for d in node.directives}
        return rules.get("include") is False or rules.get("skip") is True

    def walk(selection: Any, known: Any, path: str) -> Any:
        if known is None or selection is None:
            return known
        if isinstance(known, list):
            return [walk(selection, one, path) for one in known]
        out: dict[str, Any] = {}
        for node in selection.selections:
            if skipped(node):
                continue
            if not isinstance(node, FieldNode):
                inner = fragments[node.name.value] if hasattr(node, "name") and node.name else node
                out |= walk(inner.selection_set, known, path)
                continue
            name = node.name.value
            found = known.get(name) if isinstance(known, dict) else getattr(known, name, None)
            if found is None and not (isinstance(known, dict) and name in known):
                server.missing.add(f"{path}.{name}")
            if callable(found):
                found = found(**{a.name.value: value(a.value) for a in node.arguments})
            out[node.alias.value if node.alias else name] = walk(node.selection_set, found, f"{path}.{name}")
        return out

    start = server.root() if operation.operation.value == "query" else server
    return walk(operation.selection_set, start, operation.operation.value)


def application(server: Server) -> Starlette:
    """Return the HTTP side: GraphQL, the stream of a run's history, and the blobs."""

    async def failing(request: Request, operation: str = "") -> Response | None:
        fault = server.fault(request.url.path, operation)
        if fault == "hang":
            while server.fault(request.url.path, operation) == "hang" and not await request.is_disconnected():
                await asyncio.sleep(0.05)
            return Response(status_code=503)
        if fault == "drop":
            raise ConnectionAbortedError
        return Response(status_code=fault) if isinstance(fault, int) else None

    async def graphql(request: Request) -> Response:
        body = await request.json()
        failed = await failing(request, body.get("operationName") or body["query"].split("(")[0].split()[-1])
        if failed:
            return failed
        expected = "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return JSONResponse({"errors": [{"message": "user is not logged in"}]}, 401)
        try:
            return JSONResponse({"data": answer(server, body["query"], body.get("variables") or {})})
        except PermissionError as error:
            return JSONResponse({"errors": [{"message": str(error)}], "data": None}, 403)

    async def stream(request: Request) -> Response:
        failed = await failing(request)
        if failed:
            return failed
        body = await request.json()
        run = server.runs[request.path_params["run"]]
        for name, chunk in (body.get("files") or {}).items():
            if name == "wandb-history.jsonl":
                run["history"] += [json.loads(line) for line in chunk["content"]]
            elif name == "wandb-summary.json":
                run["summaryMetrics"] = chunk["content"][-1]
        if body.get("complete"):
            run["exitcode"] = body.get("exitcode")
        return JSONResponse({"exitcode": None, "limits": {}})

    async def blob(request: Request) -> Response:
        path = request.url.path
        failed = await failing(request)
        if failed:
            return failed
        if request.method == "PUT":
            server.blobs[path] = await request.body()
            return Response()
        body = server.blobs.get(path)
        if body is None:
            return Response(status_code=404)
        if server.fault(path, "") == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        return Response(body)

    routes = [
        Route("/graphql", graphql, methods=["POST"]),
        Route("/files/{entity}/{project}/{run}/file_stream", stream, methods=["POST"]),
        Route("/blob/{rest:path}", blob, methods=["PUT", "GET"]),
    ]
    return Starlette(routes=routes)


@contextlib.contextmanager
def running(server: Server | None = None) -> Iterator[Server]:
    """Run a stand-in on loopback in a thread of this process; one that ran before comes back with what it knew."""
    server = server or Server(f"http://127.0.0.1:{free_port()}")
    port = int(server.url.rsplit(":", 1)[1])
    config = uvicorn.Config(application(server), host="127.0.0.1", port=port, log_level="critical")
    loop = uvicorn.Server(config)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    while not loop.started:
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.fault = lambda path, operation: 503
        loop.should_exit = loop.force_exit = True
        thread.join(10)
