"""A run as a .zip and back; and everything a .zip may bring that is refused with one sentence."""

import io
import json
import os
import shutil
import stat
import struct
import zipfile

import numpy as np
import pytest

from core import archive, cli, inference, runs
from core.errors import RunError
from core.settings import Settings


@pytest.fixture(scope="module")
def packed(trained_home) -> bytes:
    (run,) = runs.list_runs(Settings(home=trained_home))
    return archive.export(run)


@pytest.fixture
def source(trained_home) -> runs.Run:
    (run,) = runs.list_runs(Settings(home=trained_home))
    return run


def take_in(settings: Settings, body: bytes) -> runs.Run:
    return archive.take_in(settings, io.BytesIO(body))


def rewritten(body: bytes, change) -> bytes:
    """Return a .zip with its members' [name, content] list passed through `change`."""
    with zipfile.ZipFile(io.BytesIO(body)) as old:
        members = [[entry, old.read(entry)] for entry in old.namelist()]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        for name, content in change(members) or members:
            new.writestr(name, content)
    return out.getvalue()


def carded(body: bytes, change) -> bytes:
    """Return a .zip whose card went through `change`, its list of files made to fit where `change` says so."""

    def each(members):
        for member in members:
            if member[0].endswith("/card.json"):
                card = json.loads(member[1])
                member[1] = json.dumps(change(card) or card).encode()

    return rewritten(body, each)


def test_there_and_back(settings, packed, source):
    run = archive.take_in(settings, io.BytesIO(packed), now=5.0)
    assert run.id == source.id
    assert run.card == source.card
    assert runs.list_runs(settings) == [run]
    for name in source.card["files"]:
        assert runs.verified(run, name) == runs.verified(source, name)
    assert runs.load_labels(run) == {"imported": 5.0}
    assert inference.load_session(run)
    assert not list((settings.home / "imports").iterdir())


def test_labels_travel_and_tracking_does_not(settings, tmp_path, source):
    shutil.copytree(source.path, tmp_path / "a" / "runs" / source.id)
    (run,) = runs.list_runs(Settings(home=tmp_path / "a"))
    runs.save_labels(run, {"name": "Ana's", "note": "two\nlines"}, ["good"])
    (run.path / "tracking.json").write_text('{"state": "synced", "message": "", "version": "v1"}')
    (run.path / "extra").mkdir()
    there = take_in(settings, archive.export(run))
    found = runs.load_labels(there)
    assert found.pop("imported")
    assert found == {"name": "Ana's", "note": "two\nlines", "tags": ["good"]}
    assert not (there.path / "tracking.json").exists()


def test_an_imported_joblib_is_not_opened_by_chance(settings, packed, tmp_path, capsys, monkeypatch):
    from PIL import Image

    take_in(settings, packed)
    ink = np.full((28, 28), 255, np.uint8)
    ink[4:24, 12:16] = 0
    Image.fromarray(ink).save(tmp_path / "one.png")
    words = ["predict", str(tmp_path / "one.png"), "--engine", "joblib"]
    assert cli.main(words) == 1
    assert "was imported, and its model.joblib can do anything" in capsys.readouterr().err
    assert cli.main([*words, "--trust"]) == 0
    assert cli.main(words[:2]) == 0


def test_a_run_that_is_here_already_is_said_and_stays(settings, packed):
    run = take_in(settings, packed)
    runs.save_labels(run, {"name": "kept"})
    with pytest.raises(RunError, match="is here already, so nothing was imported"):
        take_in(settings, packed)
    assert runs.load_labels(run)["name"] == "kept"


def test_a_damaged_run_is_not_exported(settings, packed):
    run = take_in(settings, packed)
    (run.path / "model.onnx").write_bytes(b"other")
    with pytest.raises(RunError, match="was changed or damaged"):
        archive.export(run)


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members:
            new.writestr(name, content)
    return out.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def lying(body: bytes, name: str, size: int) -> bytes:
    """Return a .zip that claims another unpacked size for one file, in its list of contents."""
    at = body.rfind(b"PK\x01\x02", 0, body.rfind(name.encode()))
    return body[: at + 24] + struct.pack("<I", size) + body[at + 28 :]


def with_file(name: str, content: bytes = b"x"):
    return lambda body: rewritten(body, lambda members: [*members, [name, content]])


def without(name: str):
    return lambda body: rewritten(body, lambda members: [m for m in members if not m[0].endswith(f"/{name}")])


def content(name: str, new: bytes):
    return lambda body: rewritten(body, lambda ms: [[n, new if n.endswith(f"/{name}") else old] for n, old in ms])


RUN = "20260101-000000-decision_tree-abcd"
REFUSED = {
    "no zip": (lambda body: b"GIF89a" + bytes(100), "not a whole .zip file"),
    "nothing": (lambda body: b"", "not a whole .zip file"),
    "cut off": (lambda body: body[: len(body) // 2], "not a whole .zip file|it has no card.json"),
    "no list": (lambda body: body[-200:], "not a (whole .zip file|run)|lists too many"),
    "empty": (lambda body: zipped(), "is empty"),
    "up": (with_file("../../evil.py"), "would lie outside its folder"),
    "up inside": (with_file(f"{RUN}/../../evil.py"), "would lie outside its folder"),
    "absolute": (with_file("/etc/cron.d/evil"), "would lie outside its folder"),
    "backslash": (with_file("..\\evil.py"), "would lie outside its folder"),
    "drive": (with_file("C:evil.py"), "would lie outside its folder"),
    "null": (with_file("evil\0.py"), "would lie outside|does not belong|not all in one folder"),
    "link": (lambda body: zipped((link(f"{RUN}/card.json"), b"/etc/passwd")), "a link or a device"),
    "device": (
        lambda body: zipped((_mode(f"{RUN}/card.json", stat.S_IFCHR), b"")),
        "a link or a device",
    ),
    "two folders": (with_file("other/a.txt"), "not all in one folder"),
    "deeper": (lambda body: zipped((f"a/{RUN}/card.json", b"{}")), "not all in one folder"),
    "foreign file": (lambda body: with_file(f"{_id(body)}/evil.py")(body), "'evil.py' does not belong to it"),
    "twice": (lambda body: with_file(f"{_id(body)}/model.onnx")(body), "has 'model.onnx' twice"),
    "too many": (lambda body: zipped(*((f"a/{i}", b"") for i in range(40))), "has 40 entries; a run has at most 32"),
    "a million": (lambda body: zipped(*((f"a/{i:0>200}", b"") for i in range(400))), "lists too many files"),
    "bomb": (lambda body: zipped((f"{RUN}/card.json", bytes(50 * 2**20))), "would unpack to 50 MB; 40 MB"),
    "lying bomb": (
        lambda body: lying(zipped((f"{RUN}/card.json", bytes(5 * 2**20))), f"{RUN}/card.json", 10),
        "not a whole .zip file|card.json cannot be read",
    ),
    "claims too much": (
        lambda body: lying(body, f"{_id(body)}/model.joblib", 900 * 2**20),
        "would unpack to",
    ),
    "missing": (without("model.onnx"), "'model.onnx' is missing"),
    "no card": (without("card.json"), "it has no card.json"),
    "card of nonsense": (content("card.json", b"{"), "card.json cannot be read"),
    "card without an end": (content("card.json", b"[" * 100_000), "card.json cannot be read"),
    "changed": (lambda body: content("model.onnx", _flipped(body, "model.onnx"))(body), "was changed or damaged"),
    "shorter": (content("model.onnx", b"x"), "not of the size that the run's card says"),
    "newer": (lambda body: carded(body, lambda card: card | {"format": 99}), "has format 99"),
    "id": (lambda body: carded(body, lambda card: card | {"id": "../../etc"}), "card.json cannot be read"),
    "lacks": (
        lambda body: carded(body, lambda card: {k: v for k, v in card.items() if k != "metrics"}),
        "has no usable metrics.accuracy",
    ),
    "odd packing": (
        lambda body: _packed_by(zipfile.ZIP_BZIP2),
        "packed in an unusual way",
    ),
}


def _packed_by(method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as new:
        new.writestr(f"{RUN}/card.json", b"{}")
    return out.getvalue()


def _mode(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


def _id(body: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(body)) as archived:
        return archived.namelist()[0].split("/")[0]


def _flipped(body: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archived:
        found = bytearray(archived.read(f"{_id(body)}/{name}"))
    found[len(found) // 2] ^= 1
    return bytes(found)


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_nothing_behind(case, settings, packed, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 40 * 2**20)
    make, sentence = REFUSED[case]
    with pytest.raises(RunError, match=sentence) as caught:
        take_in(settings, make(packed))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 300
    assert runs.list_runs(settings) == []
    assert runs.list_unusable(settings) == []
    left = [p for p in settings.home.rglob("*") if p.is_file()]
    assert left == []
    assert not (tmp_path / "evil.py").exists()


def test_an_npz_that_is_a_bomb_is_refused(settings, packed, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 40 * 2**20)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as inside:
        inside.writestr("y_true.npy", bytes(45 * 2**20))
    listed = {"bytes": len(bomb.getvalue()), "sha256": "0" * 64}
    body = content("evaluation.npz", bomb.getvalue())(packed)
    body = carded(body, lambda card: card | {"files": card["files"] | {"evaluation.npz": listed}})
    with pytest.raises(RunError, match=r"evaluation\.npz in this \.zip would unpack to 45 MB"):
        take_in(settings, body)


def test_a_full_disk_is_no_fault_of_the_zip(settings, packed, monkeypatch):
    def full(self, *args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(settings.home), "open", full)
    with pytest.raises(OSError, match="No space"):
        take_in(settings, packed)


def test_what_a_killed_import_left_is_cleared_an_hour_later(settings, packed):
    old, new = settings.home / "imports" / "old", settings.home / "imports" / "new"
    for path in (old, new):
        path.mkdir(parents=True)
    os.utime(old, (1, 1))
    take_in(settings, packed)
    assert not old.exists()
    assert new.exists()


def test_in_a_terminal(settings, packed, source, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.zip").write_bytes(packed)

    def type_in(*words: str) -> str:
        code = cli.main(["runs", *words])
        said = capsys.readouterr()
        assert code == (1 if said.err else 0)
        return said.out + said.err

    assert type_in("import", "b.zip") == "There is no file b.zip.\n"
    assert type_in("import", "a.zip") == f"imported {source.id}\n"
    type_in("label", source.id, "--name", "Mine", "--tag", "good", "--tag", "old")
    type_in("label", source.id, "--untag", "old", "--author", "Ana")
    assert type_in("list") == f"{source.id}  {source.metrics['accuracy']:.4f}  Decision tree  Mine  Ana  good\n"
    type_in("export", source.id)
    assert zipfile.is_zipfile(tmp_path / f"{source.id}.zip")
    type_in("delete", source.id)
    assert type_in("list") == f"deleted: {source.id}\n"
    type_in("undo", source.id)
    assert type_in("export", "../x").startswith("'../x' is not the id of a run")
    (run,) = runs.list_runs(settings)
    assert runs.load_labels(run)["tags"] == ["good"]
