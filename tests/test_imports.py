"""Imports run one way: no circle of modules, and no room imports one that builds on it."""

import pytest
from import_graph import ROOMS, circles, import_graph, project_sources

ROOMS_ABOVE = {room: set(ROOMS[place + 1 :]) for place, room in enumerate(ROOMS)}
# Neither builds on the other.
ROOMS_ABOVE["emobox_datasets"].add("emobox_metric")
# `accelerate launch -m emobox_probe.probe` is the command: its `main` calls it, and nothing calls this `main`.
LAUNCHED = ("emobox_probe.probe", "emobox")


def test_no_modules_import_each_other() -> None:
    assert circles(import_graph(project_sources())) == []


def test_no_room_imports_one_that_builds_on_it() -> None:
    for module, imports in import_graph(project_sources()).items():
        above = ROOMS_ABOVE[module.split(".")[0]]
        back = [name for name in imports if name.split(".")[0] in above and (module, name) != LAUNCHED]
        assert not back, f"{module} imports {back}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from room import wall", [["room", "room.door"]]),
        ("from room import door", [["room", "room.door"]]),
        ("def enter():\n    import room", [["room", "room.door"]]),
        ("import room.door", [["room.door"]]),
        ("import room.wall", []),
        ("from room.wall import stone", []),
    ],
)
def test_circles_through_a_package_count(line: str, expected: list[list[str]]) -> None:
    sources = {"room": "from room.door import handle", "room.door": line, "room.wall": "import os"}
    assert circles(import_graph(sources)) == expected
