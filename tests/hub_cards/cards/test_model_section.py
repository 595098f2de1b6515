"""Merging into cards that people wrote: only ours changes, byte for byte, and twice is once."""

import pytest
import yaml
from huggingface_hub import ModelCard

from hub_cards.cards.model_index import merge_results, which_of
from hub_cards.cards.model_section import BEGIN, END, merge_readme, parts_of, section
from hub_cards.hub.one_commit import PublishError

PARTS = {("emodb", "paper"): "### EmoDB\n\n| UA |", ("urdu", "strict"): "### URDU"}


def result(corpus: str, protocol: str, value: float = 0.5) -> dict[str, object]:
    return {
        "task": {"type": "audio-classification"},
        "dataset": {
            "name": f"EmoBox {corpus}",
            "type": f"emobox/{corpus}",
            "config": f"fold1..fold5, protocol {protocol}",
        },
        "metrics": [{"type": "recall", "value": value}],
    }


OURS = [result("emodb", "paper"), result("urdu", "strict")]
THEIRS = """\
# what I trained
license: 'mit'   # not apache
model-index: # mine
  # the first
  - name:   "A: model"   # quoted
    results:
      - task: {type: asr}
        dataset: {type: beans, name: Beans}
        metrics:
          - {type: wer, value: 3.40}  # greedy
      # one of EmoBox, by hand but in its form, then one that is not
      - dataset:
          type: emobox/emodb
          name: x
          config: fold1, protocol paper
        task: {type: audio-classification}
        metrics: [{type: recall, value: 0.1}]
      # of emobox, but of no protocol
      - task: {type: audio-classification}
        dataset: {type: emobox/emodb, name: y}
        metrics:
          - type: recall
            value: 1e-3
            note: |
              a block

              of text

  # the second
  - results: []
    name: B

# last words
tags:
- speech
"""


def test_their_results_keep_their_form_and_ours_are_replaced() -> None:
    merged = merge_results(THEIRS, "lab/m", OURS)
    kept = THEIRS.replace(
        """\
      - dataset:
          type: emobox/emodb
          name: x
          config: fold1, protocol paper
        task: {type: audio-classification}
        metrics: [{type: recall, value: 0.1}]
""",
        "",
    )
    head, tail = kept.split("    name: B\n")
    assert merged.startswith(head + "    name: B\n  - name: lab/m\n    results:\n")
    assert merged.endswith(tail)
    items = yaml.safe_load(merged)["model-index"]
    assert [item["name"] for item in items] == ["A: model", "B", "lab/m"]
    assert items[2]["results"] == OURS
    assert merge_results(merged, "lab/m", OURS) == merged


def test_an_element_of_ours_alone_goes_with_its_results() -> None:
    before = "model-index:\n- name: m\n  results:\n  - dataset: {type: b, name: B}\n    metrics: []\n"
    once = merge_results(before, "m", OURS)
    newer = merge_results(once, "m", [result("urdu", "strict", 0.75)])
    assert newer.startswith(before)
    assert newer == once.replace("value: 0.5", "value: 0.75", 2).replace("value: 0.75", "value: 0.5", 1)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_publishing_does_not_matter(reverse: bool) -> None:
    text = "license: mit\n"
    for one in sorted(OURS, key=str, reverse=reverse):
        text = merge_results(text, "m", [one])
    assert text == merge_results("license: mit\n", "m", OURS)


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "# only a remark\n",
        "model-index:\nlicense: mit\n",
        "model-index: []\nlicense: mit\n",
        "license: mit\nmodel-index: [] # none yet\n",
        "model-index: [{name: m, results: [{dataset: {type: b, name: B}, metrics: []}]}]\ntags: [a]\n",
        "model-index:\n- {name: m, results: []}\ntags: [a]\n",
        "model-index:\n- name: m\n"
        "  results: [{dataset: {type: emobox/urdu, config: ', protocol strict'}}, {dataset: 1}]\n",
        "model-index:\n-\n  name: m\n  results:\n  -\n    dataset: 1\ntags: [a]\n",
        "x: &a 2020-01-01\nmodel-index:\n- name: m\n  results:\n  - dataset: *a\n",
        "'model-index':\n- name: m\n  results:\n  - &r {dataset: 1}\nother: *r\n",
    ],
)
def test_any_form_of_yaml_keeps_its_meaning(metadata: str) -> None:
    merged = merge_results(metadata, "m", OURS)
    old, new = (yaml.safe_load(text) or {} for text in (metadata, merged))
    found = [result for item in new.pop("model-index") for result in item["results"]]
    assert [one for one in found if which_of(one)] == OURS
    others = [
        one for item in old.pop("model-index", None) or [] for one in item["results"] if not which_of(one)
    ]
    assert [one for one in found if not which_of(one)] == others
    assert repr(new) == repr(old)
    assert merge_results(merged, "m", OURS) == merged


def test_what_others_share_with_ours_is_not_torn_apart() -> None:
    shared = (
        "model-index:\n- name: m\n  results:\n  - dataset: {type: emobox/emodb, config: 'f, protocol paper'}\n"
        "    metrics: &m [1]\nmine: *m\n"
    )
    with pytest.raises(PublishError, match="anchors"):
        merge_results(shared, "m", OURS)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("a: [", "that is YAML"),
        ("a: \x07\n", "that is YAML"),
        ("- a\n", "a mapping"),
        ("model-index: {}\nmodel-index: []\n", "there are several"),
        ("model-index: {name: m}\n", "elements with a name"),
        ("model-index:\n- name: m\n", "elements with a name"),
        ("a: &a [" + "[" * 5_000, "that is YAML"),
        ("a: &a [*a]\n", "aliases of aliases"),
        (
            "a: &a0 [x]\n" + "".join(f"b{n}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)),
            "aliases of aliases",
        ),
    ],
)
def test_metadata_that_is_none_is_refused(metadata: str, message: str) -> None:
    with pytest.raises(PublishError, match=message):
        merge_results(metadata, "m", OURS)


# A README, and the same with our metadata and our section in it.
README = [
    ("# Mine\n\ntext\n", "---\n{index}---\n\n# Mine\n\ntext\n\n{section}\n"),
    ("\n# Mine\ntext, and no new line", "---\n{index}---\n\n# Mine\ntext, and no new line\n\n{section}\n"),
    ("---\nlicense: mit\n---\n# Mine\n\n", "---\nlicense: mit\n{index}---\n# Mine\n\n{section}\n"),
    ("---\nlicense: mit\n---", "---\nlicense: mit\n{index}---\n\n{section}\n"),
    ("---\n\n---\n\n\n# Mine\n\n\n", "---\n{index}---\n\n\n# Mine\n\n\n{section}\n"),
    (
        "---\nlicense: mit # a\n---\n# Mine\n---\nno: metadata\n---\n",
        "---\nlicense: mit # a\n{index}---\n# Mine\n---\nno: metadata\n---\n\n{section}\n",
    ),
    ("\ufeff---\nlicense: mit\n---\n# Mine\n", "\ufeff---\nlicense: mit\n{index}---\n# Mine\n\n{section}\n"),
    ("", "---\n{index}---\n\n{section}\n"),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(("before", "expected"), README)
def test_the_rest_of_a_card_stays_byte_for_byte(before: str, expected: str, newline: str) -> None:
    after = merge_readme(before.replace("\n", newline).encode(), "m", PARTS, OURS)
    filled = expected.format(index=merge_results("", "m", OURS), section=section(PARTS))
    assert after.decode() == filled.replace("\n", newline if before else "\n")
    assert merge_readme(after, "m", PARTS, OURS) == after
    data = ModelCard(after.decode().removeprefix("\ufeff")).data
    assert data.license == ("mit" if "license" in before else None)
    assert len(data.eval_results) == 2


def test_parts_are_replaced_one_by_one_and_what_is_behind_stays() -> None:
    before = f"# Mine\n\n{section(PARTS)}\n\n## After\n".encode()
    assert parts_of(before.decode()) == PARTS
    after = merge_readme(before, "m", {("urdu", "strict"): "newer"}, [])
    assert parts_of(after.decode()) == {**PARTS, ("urdu", "strict"): "newer"}
    assert after == before.replace(b"### URDU", b"newer")


@pytest.mark.parametrize(
    "text",
    [f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{section(PARTS)}\n{section(PARTS)}\n", f"a\n{END}\n"],
)
def test_half_a_section_is_refused(text: str) -> None:
    with pytest.raises(PublishError, match="Expected one section"):
        merge_readme(text.encode(), "m", PARTS, OURS)


def test_marks_that_are_spoken_of_are_no_marks() -> None:
    text = f"Our scores stand between `{BEGIN}` and\n    {END}\n"
    after = merge_readme(text.encode(), "m", PARTS, [])
    assert after.decode().startswith(text)
    assert parts_of(after.decode()) == PARTS
