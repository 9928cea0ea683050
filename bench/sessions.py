"""Browser sessions without a browser: Streamlit's own messages over a raw WebSocket, as Chromium was seen to send them.

A session keeps what a browser keeps (each widget's id and value, the query, the fragments that are to be asked again
every second) and notes what a visitor would complain about. Pictures are fetched as a browser fetches them.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PATIENCE_SECONDS = 120.0
GONE = -1
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
_PATH = {
    "type": "Path",
    "version": "7.4.0",
    "originX": "center",
    "originY": "center",
    "fill": None,
    "stroke": "#ffffff",
    "strokeWidth": 20,
    "strokeLineCap": "round",
    "strokeLineJoin": "round",
    "scaleX": 1,
    "scaleY": 1,
    "opacity": 1,
    "visible": True,
    "paintFirst": "fill",
    "globalCompositeOperation": "source-over",
}


def drawing_value(png: str, strokes: list[list[tuple[float, float]]]) -> str:
    """Return what the canvas sends: the picture, a base64 PNG, and the strokes as fabric.js writes them."""
    paths = []
    for stroke in strokes:
        curve = [["Q", *a, *b] for a, b in zip(stroke, stroke[1:] or stroke, strict=False)]
        paths.append(_PATH | {"path": [["M", *stroke[0]], *curve, ["L", *stroke[-1]]]})
    raw = {"version": "7.4.0", "objects": paths, "background": "#000000"}
    return json.dumps({"drawing": {"raw": raw, "data": f"data:image/png;base64,{png}"}}, separators=(",", ":"))


class Session:
    """One visitor's tab."""

    def __init__(self, url: str, socket: ClientConnection, http: httpx.AsyncClient) -> None:
        self.url, self.socket, self.http = url, socket, http
        self.page, self.page_hash, self.query = "", "", ""
        self.ids: dict[str, str] = {}
        self.fragments: dict[str, str] = {}
        self.values: dict[str, WidgetState] = {}
        self.complaints: list[str] = []
        self.answers: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        self.finished: asyncio.Queue[int] = asyncio.Queue()
        self.polls: dict[str, asyncio.Task] = {}
        self.tasks: set[asyncio.Task] = set()
        self.in_full_run = False

    async def open(self, page: str, query: str = "") -> None:
        """Open a page by its address and wait until its script has come to its end."""
        self.page, self.query = page, query
        await self.rerun()

    def set(self, key: str, **value: Any) -> None:
        """Give a widget a value: `string_value=`, `double_value=`, `json_value=`…"""
        self.values[key] = WidgetState(id=self.ids[key], **value)

    async def rerun(self, key: str = "", trigger: bool = False) -> None:
        """Have the script run, or the fragment that holds the widget `key` alone, and wait until it has.

        Parameters
        ----------
        trigger : bool
            `key` is a button, and was clicked.
        """
        fragment = self.fragments.get(key, "")
        expected = _DONE[1] if fragment else _DONE[0]
        while not self.finished.empty():
            self.finished.get_nowait()
        await self.send(fragment, [WidgetState(id=self.ids[key], trigger_value=True)] if trigger else [])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (status := await self.finished.get()) != expected:
                if status == GONE:
                    raise ConnectionError("the server hung up")

    async def send(self, fragment: str = "", clicked: list[WidgetState] | None = None, again: bool = False) -> None:
        """Send one request for a rerun, with every widget's value."""
        message = BackMsg()
        script = message.rerun_script
        script.query_string = self.query
        script.widget_states.widgets.extend([*self.values.values(), *(clicked or [])])
        script.page_script_hash = self.page_hash
        if not self.page_hash:
            script.page_name = self.page
        script.fragment_id, script.is_auto_rerun = fragment, again
        context = script.context_info
        context.timezone, context.locale, context.color_scheme = "UTC", "en-US", "light"
        context.url = f"{self.url}/{self.page}"
        await self.socket.send(message.SerializeToString())

    async def listen(self) -> None:
        """Take in whatever the server sends, until the connection ends."""
        try:
            async for raw in self.socket:
                message = ForwardMsg()
                message.ParseFromString(raw)
                self.take(message, time.perf_counter())
        finally:
            self.finished.put_nowait(GONE)

    def take(self, message: ForwardMsg, now: float) -> None:
        """Do with one message what a browser does with it."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            # Streamlit drops the end of a run from its queue where the next run overtakes it there.
            if self.in_full_run:
                self.finished.put_nowait(_DONE[0])
            self.in_full_run = not message.metadata.run.fragment_ids
            if self.in_full_run:
                self.stop_polling()
            self.page_hash = message.new_session.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            fragment = message.auto_rerun.fragment_id
            if fragment not in self.polls:
                self.polls[fragment] = asyncio.create_task(self.poll(fragment, message.auto_rerun.interval))
        elif kind == "script_finished":
            self.in_full_run = False
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                self.complaints.append("the script ended in an error")
            self.finished.put_nowait(message.script_finished)
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self.take_element(message.delta, now)

    def take_element(self, delta: Any, now: float) -> None:
        """Keep a widget's id, an answer, a complaint; fetch a picture."""
        element = delta.new_element
        kind = element.WhichOneof("type")
        body = getattr(element, kind)
        if kind == "html" and "dl-answer" in body.body and "dl-bars" in body.body:
            self.answers.put_nowait((now, body.body))
        elif kind == "exception" or (kind == "alert" and body.format == Alert.ERROR):
            self.complaints.append(body.message if kind == "exception" else body.body)
        elif kind == "imgs":
            for picture in body.imgs:
                self.keep(self.fetch(picture.url))
        elif hasattr(body, "id") and body.id.startswith("$$ID-"):
            key = body.id.split("-", 2)[2]
            if key in self.values and self.ids[key] != body.id:
                self.values[key].id = body.id
            self.ids[key], self.fragments[key] = body.id, delta.fragment_id
            self.take_default(kind, key, body)

    def take_default(self, kind: str, key: str, body: Any) -> None:
        """Send a widget's first value back, as a browser does."""
        if key in self.values:
            return
        if kind == "selectbox":
            self.set(key, string_value=body.options[body.default])
        elif kind == "slider" and not body.options:
            self.set(key, double_array_value={"data": list(body.default)})

    async def fetch(self, path: str) -> None:
        """Load a picture."""
        answer = await self.http.get(path)
        if answer.status_code != 200:
            self.complaints.append(f"{path}: {answer.status_code}")

    async def poll(self, fragment: str, interval: float) -> None:
        """Ask for a fragment again and again."""
        while True:
            await asyncio.sleep(interval)
            await self.send(fragment, again=True)

    def stop_polling(self) -> None:
        """Forget what was to be asked for again: the page is drawn anew."""
        for task in self.polls.values():
            task.cancel()
        self.polls.clear()

    def keep(self, work: Any) -> None:
        """Run something beside, and hold on to it until it is done."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


@contextlib.asynccontextmanager
async def opened(url: str, page: str, query: str = "") -> AsyncIterator[Session]:
    """Open a page in a tab of its own.

    Parameters
    ----------
    url : str
        The server's, without a slash at its end.
    """
    place = urlsplit(url).netloc
    # A connection that is kept may be closed by the server at the moment of its next use; a browser would ask again.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False, limits=limits) as http:
        await http.get("/_stcore/health")
        token = http.cookies.get("_streamlit_xsrf", "")
        cookie = {"Cookie": f"_streamlit_xsrf={token}"}
        words = {"origin": url, "additional_headers": cookie, "subprotocols": ["streamlit", token], "max_size": None}
        async with connect(f"ws://{place}/_stcore/stream", open_timeout=60, proxy=None, **words) as socket:
            session = Session(url, socket, http)
            listening = asyncio.create_task(session.listen())
            try:
                await session.open(page, query)
                yield session
            finally:
                session.stop_polling()
                if listening.done():
                    await listening  # what ended it is worth more than what followed from that
                listening.cancel()
                await asyncio.gather(*session.tasks, return_exceptions=True)
