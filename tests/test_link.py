"""The link: it opens the page as it was, asks W&B for what is not here, and carries no secret."""

import ast
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from core import files, jobs, runs
from tests.conftest import IDLE, ROOT, overflow
from tests.test_pages import PAGES, check, open_page, texts

ELSEWHERE = "20260101-000000-decision_tree-abcd"
CHOICES = {
    *(
        "st.slider",
        "st.select_slider",
        "st.selectbox",
        "st.multiselect",
        "st.number_input",
        "st.text_input",
        "st.toggle",
    ),
    *("st.checkbox", "st.radio", "st.segmented_control", "st.pills", "st.tabs", "st.pagination"),
}
OWN = {
    **dict.fromkeys(
        [
            "f'class-lock-{spec.name}",
            *(f"class-{name}" for name in ("goal", "accuracy", "leaves", "what", "rival", "depth")),
        ],
        "of another link, which is shown beside",
    ),
    "author": "a person's name",
    "f'author-{place}": "a person's name",
    "password": "a secret",
    "camera-on": "a link must not switch a camera on",
    "lesson-true": "the answer to a question",
    "lesson-said": "the answer to a question",
    "number-piece": "of a picture that is on one's own machine",
    "version": "what the host is about to fetch",
    "whose": "names of others, which only the host may see",
    "inputs.py": "the page writes `run` itself, from the id",
    "sweep.py": "the page writes `sweep` itself, from the id",
    "3_Draw.py": "which language's example is read",
}


@pytest.fixture
def connected(monkeypatch):
    """A key of W&B, which no test uses: jobs are caught."""
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)


@pytest.mark.parametrize("name", ["pages/2_Metrics.py", "pages/3_Draw.py", "pages/4_Runs.py"])
def test_a_run_that_is_elsewhere_is_fetched_by_a_button(name, trained, started, connected):
    page = check(open_page(name, run=ELSEWHERE))
    assert f"There is no run '{ELSEWHERE}' here: the link was made on another server." in texts(page)
    assert ELSEWHERE in str(page.query_params.get("run"))
    before = len(started)
    page.button(key=f"fetch-{ELSEWHERE}").click().run()
    check(page)
    (job_id,) = started[before:]
    assert jobs.load_job(trained, job_id).config == {"restore": ELSEWHERE}


@pytest.mark.parametrize("name", ["pages/2_Metrics.py", "pages/4_Runs.py"])
def test_also_where_there_is_no_run_at_all(name, empty, started, connected):
    page = check(open_page(name, run=ELSEWHERE))
    assert page.button(key=f"fetch-{ELSEWHERE}")


def test_without_wandb_one_sentence_says_so(trained):
    page = check(open_page("pages/2_Metrics.py", run=ELSEWHERE))
    assert "W&B is not connected on this server, so the run cannot be fetched" in texts(page)
    assert page.metric  # the newest run is shown meanwhile


def test_why_it_could_not_be_fetched(trained, started, connected):
    job_id = jobs.new_id("track")
    jobs.submit(trained, job_id, "track", {"restore": ELSEWHERE}, slot=False)
    events = trained.home / "jobs" / job_id / "events.jsonl"
    told = {"t": 1.0, "stage": "failed", "message": f"W&B has no run {ELSEWHERE} in team/proj_mnist."}
    events.write_text(json.dumps(told) + "\n")
    page = check(open_page("pages/2_Metrics.py", run=ELSEWHERE))
    assert "W&B has no run" in texts(page)
    assert page.button(key=f"fetch-{ELSEWHERE}")


def test_a_visitor_may_not_fetch(trained, started, connected, monkeypatch):
    monkeypatch.setenv("DIGITLAB_PASSWORD", "a long password")
    page = check(open_page("pages/2_Metrics.py", run=ELSEWHERE))
    assert page.button(key=f"fetch-{ELSEWHERE}").disabled
    assert "Fetching a run from W&B is closed to visitors" in texts(page)


def test_the_runs_page_compares_with_what_has_come(trained, started, connected):
    here = runs.list_runs(trained)[0]
    page = check(open_page("pages/4_Runs.py", compare=f"{here.id},{ELSEWHERE}"))
    assert page.button(key=f"fetch-{ELSEWHERE}")
    assert f"{here.id},{ELSEWHERE}" in str(page.query_params["compare"])
    # What the tracking child does in the end, without W&B.
    copy = runs.folder(trained) / ELSEWHERE
    files.write_json(copy / "card.json", here.card | {"id": ELSEWHERE})
    for file in here.path.iterdir():
        if file.name != "card.json":
            (copy / file.name).write_bytes(file.read_bytes())
    check(page.run())
    assert not [button for button in page.button if button.key == f"fetch-{ELSEWHERE}"]
    assert "Side by side" in [heading.value for heading in page.subheader]


def test_other_training_images_are_in_the_link(empty):
    page = check(open_page("Home.py", others="4"))
    page.button(key="shuffle").click().run()
    assert "5" in page.query_params["others"]
    assert not open_page("Home.py", others="<x>").exception


@pytest.mark.parametrize(
    ("name", "query", "find", "expected"),
    [
        (
            "pages/2_Metrics.py",
            {"view": "Depth", "score": "F1"},
            lambda page: page.segmented_control(key="score").value,
            "F1",
        ),
        ("pages/3_Draw.py", {"way-in": "A test image"}, lambda page: page.session_state["way-in"], "A test image"),
        ("Home.py", {"lesson": "2", "lesson-row": "7"}, lambda page: page.slider(key="lesson-row").value, 7),
    ],
    ids=["score", "way in", "row"],
)
def test_options_come_from_the_link(trained, name, query, find, expected):
    assert find(check(open_page(name, **query))) == expected


def test_every_choice_is_in_the_link_or_known_not_to_be():
    unbound = set()
    for path in [ROOT / "Home.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "core" / "ui").glob("*.py")]:
        if path.name == "linked.py":  # which writes the link itself
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in CHOICES:
                given = {word.arg: word.value for word in node.keywords}
                # What stands in a `**look` is seen by the walks of the browser, not here.
                if "bind" not in given and None not in given and "on_select" not in given:
                    unbound.add(ast.unparse(given.get("key", ast.Constant(path.name))).strip("'"))
    assert unbound == set(OWN), "say bind='query-params', or name it in OWN with its reason"


@pytest.mark.browser
def test_copied_link_opens_the_same_in_a_fresh_browser(serve, visit, trained):
    url = serve(trained)
    page = visit(f"{url}/Metrics?view=Confidence&sure=80&lang=pt", width=390, touch=True)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    assert overflow(page) <= 0
    button = page.get_by_role("button", name="Copiar ligação")
    assert button.bounding_box()["height"] >= 44
    button.tap()
    page.get_by_text("Copiada", exact=True).wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    query = parse_qs(urlsplit(copied).query)
    assert {name: query[name] for name in ("view", "sure", "lang")} == {
        "view": ["Confidence"],
        "sure": ["80"],
        "lang": ["pt"],
    }
    other = visit(copied)
    assert other.get_by_role("slider").input_value() == "80"
    assert other.url == copied

    # Where the clipboard is closed, as over plain http, the link is there to be copied by hand; all by keyboard.
    other.context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    other.reload()
    other.wait_for_selector(IDLE)
    other.get_by_role("button", name="Copiar ligação").focus()
    other.keyboard.press("Enter")
    field = other.get_by_role("textbox", name="Copie a ligação daqui")
    field.wait_for()
    assert field.input_value() == copied
    assert field.evaluate("field => field.selectionEnd - field.selectionStart") == len(copied)
    other.keyboard.press("Escape")
    field.wait_for(state="hidden")


@pytest.mark.parametrize("name", PAGES)
def test_no_secret_is_in_the_link(name, trained, started, connected, monkeypatch):
    secret = "correct horse battery"
    monkeypatch.setenv("DIGITLAB_PASSWORD", secret)
    page = check(open_page(name))
    page.text_input(key="password").set_value(secret)
    page.button(key="unlock").click().run()
    locked = page.button(key="lock").click
    assert "horse" not in str(dict(page.query_params))
    assert "kkkk" not in str(dict(page.query_params))
    locked().run()  # the next test begins as a visitor
