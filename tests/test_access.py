"""Who may do what: the decisions, with literal clients."""

from dataclasses import replace

import pytest
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from core import access
from core.access import CLASS, HOST, VISITOR, Client
from core.errors import AccessError

HERE, THERE = Client("127.0.0.1", local=True), Client("203.0.113.9", local=False)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(access, "_limiter", MovingWindowRateLimiter(MemoryStorage()))
    monkeypatch.setattr(access, "_holder", "")


@pytest.fixture
def closed(settings):
    return replace(settings, password="open sesame")


@pytest.mark.parametrize(
    ("peer", "headers", "change", "expected"),
    [
        (None, {}, {}, Client("127.0.0.1", True)),
        ("127.0.0.1", {"host": "127.0.0.1:8501"}, {}, Client("127.0.0.1", True)),
        ("::1", {"host": "[::1]:8501"}, {}, Client("::1", True)),
        ("192.168.1.7", {"host": "192.168.1.5:8501"}, {}, Client("192.168.1.7", False)),
        # A foreign site whose name points to this machine.
        ("127.0.0.1", {"host": "evil.example"}, {}, Client("127.0.0.1", False)),
        # Somebody stands in between, or says so.
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, {}, Client("127.0.0.1", False)),
        ("10.1.1.1", {"x-forwarded-for": "1.1.1.1, 2.2.2.2"}, {"proxies": 1}, Client("2.2.2.2", False)),
        ("10.1.1.1", {"x-forwarded-for": "1.1.1.1, 2.2.2.2"}, {"proxies": 2}, Client("1.1.1.1", False)),
        ("10.1.1.1", {"x-forwarded-for": "1.1.1.1"}, {"proxies": 2}, Client("10.1.1.1", False)),
        ("127.0.0.1", {}, {"dyno": "web.1", "proxies": 1}, Client("127.0.0.1", False)),
        ("nonsense", {}, {}, Client("nonsense", False)),
    ],
)
def test_client(settings, peer, headers, change, expected):
    assert access.client(replace(settings, **change), peer, headers) == expected


def test_without_a_password_this_machine_is_the_host_and_strangers_only_visit(settings):
    assert access.level(settings, HERE, "tab") == HOST
    assert access.level(settings, THERE, "tab") == VISITOR
    assert access.level(replace(settings, access="class"), THERE, "tab") == CLASS
    with pytest.raises(AccessError, match=r"^Training is closed to visitors, as .* Set DIGITLAB_PASSWORD"):
        access.require(settings, VISITOR, "train")


def test_with_a_password_nobody_is_the_host_before_giving_it(closed):
    assert access.level(closed, HERE, "tab") == VISITOR
    access.unlock(closed, HERE, "tab", "open sesame")
    assert access.level(closed, HERE, "tab") == HOST
    assert access.level(closed, HERE, "other tab") == VISITOR
    assert access.level(closed, HERE, "") == VISITOR
    access.lock("other tab")
    assert access.level(closed, HERE, "tab") == HOST
    access.lock("tab")
    assert access.level(closed, HERE, "tab") == VISITOR


def test_one_tab_is_unlocked_at_a_time(closed):
    access.unlock(closed, HERE, "first", "open sesame")
    access.unlock(closed, THERE, "second", "open sesame")
    assert access.level(closed, HERE, "first") == VISITOR
    assert access.level(closed, THERE, "second") == HOST


@pytest.mark.parametrize(
    ("level", "allowed"),
    [
        (HOST, {"train", "cancel", "data", "promote", "wandb", "delete", "import", "label", "export"}),
        (CLASS, {"train", "cancel", "label", "export"}),
        (VISITOR, set()),
    ],
)
def test_what_each_level_may_do(closed, level, allowed):
    for action in ("train", "cancel", "data", "promote", "wandb", "delete", "import", "label", "export"):
        if action in allowed:
            access.require(closed, level, action)
        else:
            with pytest.raises(AccessError, match="password"):
                access.require(closed, level, action)


def test_wrong_passwords_are_counted_for_each_client(closed):
    for left in ("4 more tries", "3 more tries", "2 more tries", "1 more try", "0 more tries"):
        with pytest.raises(AccessError, match=left):
            access.unlock(closed, THERE, "tab", "open barley")
    with pytest.raises(AccessError, match="Too many wrong passwords"):
        access.unlock(closed, THERE, "tab", "open sesame")
    access.unlock(closed, Client("203.0.113.10", False), "tab", "open sesame")


def test_many_clients_together_have_an_end_too(closed):
    for number in range(100):
        with pytest.raises(AccessError, match="not the password"):
            access.unlock(closed, Client(f"198.51.100.{number}", False), "tab", "x")
    with pytest.raises(AccessError, match="Too many"):
        access.unlock(closed, Client("192.0.2.1", False), "tab", "open sesame")


@pytest.mark.parametrize("given", ["", "open sesam", "open sesame ", "ópen sesame", "\udcff"])
def test_nearly_right_is_wrong(closed, given):
    with pytest.raises(AccessError):
        access.unlock(closed, THERE, "tab", given)


def test_an_empty_password_never_unlocks(settings):
    with pytest.raises(AccessError):
        access.unlock(settings, THERE, "tab", "")


def test_requests_are_counted_for_each_client_and_kind(settings):
    few = replace(settings, rate=2)
    assert [access.too_many(few, THERE, "ask") for _ in range(3)] == [False, False, True]
    assert not access.too_many(few, THERE, "session")
    assert not access.too_many(few, Client("203.0.113.10", False), "ask")
    assert not any(access.too_many(few, HERE, "ask") for _ in range(5))
    assert not any(access.too_many(replace(settings, rate=0), THERE, "ask") for _ in range(5))
