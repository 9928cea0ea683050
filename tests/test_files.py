"""A small file is whole or not there, whoever reads it meanwhile."""

import json
import threading

import pytest

from core import files


def test_bytes_come_back_as_they_were(tmp_path):
    path = tmp_path / "new" / "folder" / "body.bin"
    files.write_bytes(path, b"a\r\n\0\xff")
    assert path.read_bytes() == b"a\r\n\0\xff"
    assert [p.name for p in path.parent.iterdir()] == ["body.bin"]


@pytest.mark.parametrize("body", [{}, [], 0, "“ä”", {"a": [1, None, True, 0.1]}])
def test_json_comes_back_as_it_was(tmp_path, body):
    files.write_json(tmp_path / "body.json", body)
    assert files.read_json(tmp_path / "body.json") == body


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"NaN,", b"[1] 2"])
def test_what_is_no_json_is_nothing(tmp_path, body):
    (tmp_path / "body.json").write_bytes(body)
    assert files.read_json(tmp_path / "body.json") is None


def test_a_folder_and_a_missing_file_read_as_nothing(tmp_path):
    assert files.read_json(tmp_path) is None
    assert files.read_json(tmp_path / "none" / "body.json") is None


def test_what_is_no_json_is_not_written(tmp_path):
    files.write_json(tmp_path / "body.json", 1)
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "body.json", {1, 2})
    assert files.read_json(tmp_path / "body.json") == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, done, seen = tmp_path / "body.json", threading.Event(), []
    files.write_json(path, {"n": 0, "padding": "x" * 300_000})

    def read():
        while not done.is_set():
            seen.append(json.loads(path.read_bytes())["n"])
        seen.append("end")

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(1, 200):
        files.write_json(path, {"n": n, "padding": "x" * 300_000})
    done.set()
    reader.join()
    assert seen[-1] == "end"  # else the reader fell over half a file
    assert seen[:-1] == sorted(seen[:-1])


def test_writers_side_by_side_leave_one_whole_file(tmp_path):
    path = tmp_path / "body.json"
    bodies = [{"n": n, "padding": str(n) * 50_000} for n in range(8)]
    writers = [threading.Thread(target=files.write_json, args=(path, body)) for body in bodies]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert files.read_json(path) in bodies
    assert [p.name for p in tmp_path.iterdir()] == ["body.json"]
