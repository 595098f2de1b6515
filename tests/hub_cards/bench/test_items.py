"""Items of a plan: order, parts of it, and who does which."""

from pathlib import Path

import pytest
from bench_plans import demo_plan

from emobox_probe.config import CrossConfig, ProbeConfig
from emobox_probe.tasks.design import design_of
from hub_cards.bench.bench import read_shard
from hub_cards.bench.items import chosen, config_of, expand, layers_of, shard
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.states import record_folder


@pytest.fixture
def plan(tmp_path: Path):
    (tmp_path / "emodb").mkdir()
    cross = "cross: [{train: [demo, emodb], name: two}]\n"
    text = demo_plan(tmp_path, "a/b", "builtin:logmel", more=cross, protocols="paper, strict")
    text = text.replace("[demo]", f"[demo, {{name: emodb, path: {tmp_path / 'emodb'}}}]")
    return parse_plan(text, "plan.yaml")


def test_every_item_comes_after_what_it_needs(plan) -> None:
    items = expand(plan)
    names = [item.name for item in items]
    assert len(set(names)) == len(names) == 2 * (2 + 4 + 2) + 1
    for place, item in enumerate(items):
        assert set(item.needs) <= set(names[:place])
    assert "cross/a--b/two/strict" in names
    assert names[-1] == "report"


def test_strict_goes_by_another_name_where_it_cannot_be_and_seeds_by_theirs(tmp_path: Path) -> None:
    (tmp_path / "tess").mkdir()
    more = "cross: [{train: [demo, tess], name: two}]\nseeds: 3\n"
    text = demo_plan(tmp_path, "builtin:logmel", more=more, protocols="paper, strict")
    plan = parse_plan(
        text.replace("[demo]", f"[demo, {{name: tess, path: {tmp_path / 'tess'}}}]"), "plan.yaml"
    )
    trained = {item.name: item for item in expand(plan) if item.protocol}
    assert set(trained) == {
        *(f"probe/builtin--logmel/demo/{name}-3-seeds" for name in ("paper", "strict")),
        *(f"probe/builtin--logmel/tess/{name}-3-seeds" for name in ("paper", "speaker-dependent")),
        *(f"cross/builtin--logmel/two/{name}-3-seeds" for name in ("paper", "strict")),
    }
    for name, item in trained.items():
        config = config_of(plan, item)
        assert isinstance(config, (ProbeConfig, CrossConfig))
        assert design_of(config).protocol == item.protocol
        assert record_folder(plan, item).name == name.rsplit("/", 1)[1]


def test_features_serve_every_protocol_of_the_plan(plan) -> None:
    hub, builtin = plan.models
    assert (layers_of(plan, hub), layers_of(plan, builtin)) == ("all", "last")


def test_only_takes_what_is_named_and_what_that_needs(plan) -> None:
    items = expand(plan)
    names = {item.name for item in chosen(items, ["probe/*/emodb/strict"])}
    assert names == {
        f"{name}"
        for m in ("a--b", "builtin--logmel")
        for name in (f"extract/{m}/emodb", f"probe/{m}/emodb/strict")
    }
    assert {item.kind for item in chosen(items, ["cross"])} == {"extract", "cross"}
    assert chosen(items, []) == items
    with pytest.raises(ValueError, match="'prob' names none"):
        chosen(items, ["prob"])


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_share_the_work_and_keep_features_together(plan, count: int) -> None:
    items = expand(plan)
    parts = [shard(items, number, count) for number in range(1, count + 1)]
    assert {item.name for part in parts for item in part} == {item.name for item in items}
    for item in items:
        owners = [number for number, part in enumerate(parts) if item in part]
        if item.kind in ("probe", "cross"):
            assert len(owners) == 1
        if item.kind == "probe":
            twin = item.name.rsplit("/", 1)[0]
            assert [n for n, part in enumerate(parts) if any(o.name.startswith(twin) for o in part)] == owners


def test_shards_are_read_or_refused() -> None:
    assert read_shard("3/3") == (3, 3)
    for wrong in ("0/3", "4/3", "1", "a/b", "1/0"):
        with pytest.raises(ValueError, match="Expected --shard I/N"):
            read_shard(wrong)
