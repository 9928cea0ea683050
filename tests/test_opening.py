"""What a page that is opened from another sends first, and that nothing is lost when it ends early."""

from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.ui import opening

MAIN, SIDE_BAR = 0, 1


@pytest.fixture
def run(monkeypatch):
    """A script run whose messages, each with a text, are seen here as they leave."""
    sent: list[str] = []
    context = SimpleNamespace(_enqueue=lambda message: sent.append(message.delta.new_element.text.body or "other"))
    monkeypatch.setattr(opening, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(opening, "st", SimpleNamespace(session_state={"page_title": "Home"}))
    monkeypatch.setattr(opening.time, "sleep", lambda seconds: sent.append("pause"))

    def draw(text: str, root: int = MAIN) -> None:
        message = ForwardMsg()
        message.delta.new_element.text.body = text
        message.metadata.delta_path[:] = [root, 0]
        context._enqueue(message)

    return SimpleNamespace(sent=sent, context=context, draw=draw)


def page(run, title="Train"):
    with opening.first(title):
        run.draw("language", SIDE_BAR)
        run.draw("title")
        with opening.after_paint():
            run.draw("copy")
        run.draw("button")
    run.draw("chart")
    run.draw("link", SIDE_BAR)


def test_an_opened_page_sends_what_one_came_for_then_the_rest_in_order(run):
    page(run)
    assert run.sent == ["title", "button", "pause", "language", "copy", "chart", "link"]


def test_a_page_that_runs_again_sends_everything_as_it_is_drawn(run):
    page(run)
    run.sent.clear()
    page(run)
    assert run.sent == ["language", "title", "copy", "button", "chart", "link"]


def test_in_a_new_window_nothing_waits(run):
    opening.st.session_state.clear()
    page(run)
    assert run.sent == ["language", "title", "copy", "button", "chart", "link"]


def test_another_page_and_coming_back_are_openings(run):
    for title in ("Train", "Runs", "Train"):
        run.sent.clear()
        page(run, title)
        assert run.sent[:3] == ["title", "button", "pause"]


def test_what_is_no_drawing_waits_too(run):
    with opening.first("Train"):
        run.context._enqueue(ForwardMsg(page_config_changed={"title": "Train"}))
        run.draw("title")
    assert run.sent == ["title", "pause", "other"]


def test_a_drawing_that_the_browser_knows_already_keeps_its_turn(run):
    known = ForwardMsg(ref_hash="of a picture")
    with opening.first("Train"):
        for root in (SIDE_BAR, MAIN):
            known.metadata.delta_path[:] = [root, 0]
            run.context._enqueue(known)
            run.draw("button")
    assert run.sent == ["button", "other", "button", "pause", "other"]


def test_letting_paint_early_lets_everything_after_it_through(run):
    with opening.first("Draw"):
        run.draw("language", SIDE_BAR)
        run.draw("board")
        opening.let_paint()
        run.draw("answer")
        run.draw("keys", SIDE_BAR)
    assert run.sent == ["board", "pause", "language", "answer", "keys"]


def test_a_page_that_ends_early_sends_all_it_has_and_waits_for_nothing(run):
    def broken_page() -> None:
        with opening.first("Train"):
            run.draw("language", SIDE_BAR)
            with opening.after_paint():
                run.draw("copy")
                raise ZeroDivisionError

    before = run.context._enqueue
    with pytest.raises(ZeroDivisionError):
        broken_page()
    assert run.sent == ["language", "copy"]
    assert run.context._enqueue is before


def test_without_a_visitor_nothing_waits(run, monkeypatch):
    monkeypatch.setattr(opening, "get_script_run_ctx", lambda: None)
    page(run)
    assert run.sent == ["language", "title", "copy", "button", "chart", "link"]
