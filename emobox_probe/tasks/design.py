"""What an experiment is on: which corpora and labels, which tasks, what kind of record, and where that goes."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

import emobox_datasets.corpora as corpora
from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_datasets.corpus import Corpus
from emobox_datasets.folds.partition import why_speaker_dependent
from emobox_probe.config import CrossConfig, ProbeConfig
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.load import Encoder
from emobox_probe.errors import ProbeError
from emobox_probe.features.store import FeatureStore
from emobox_probe.protocol import PROTOCOLS, WITHOUT_NEW_SPEAKERS, Protocol, settings_of, with_dimensions
from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord, read_cross_record
from emobox_probe.records.rated import RATED_FILE, read_rated
from emobox_probe.records.result import (
    RESULT_FILE,
    CorpusRecord,
    EncoderRecord,
    Provenance,
    ResultRecord,
    RunRecord,
    read_record,
)
from emobox_probe.scoring.humans import human_line
from emobox_probe.scoring.rated import RatedOutcome, score_rated
from emobox_probe.scoring.scores import Outcome, score, score_pairs
from emobox_probe.scoring.summary import with_trust
from emobox_probe.scoring.sweep import AnyOutcome
from emobox_probe.tasks.folders import limit_ending, model_folder
from emobox_probe.tasks.overlap import overlaps
from emobox_probe.tasks.pairings import Pairing, label_space, pairings_of, target_configuration
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.rated import rated_tasks, unrated_remarks, unrated_rows
from emobox_probe.tasks.ratings import NAMED, names_of, ratings_of
from emobox_probe.tasks.tasks import (
    Task,
    chosen_folds,
    cross_tasks,
    fold_tasks,
    folds_of,
    label_list,
    protocol_within,
)

# Longer names of folders than this are shortened: file systems take 255 bytes.
LONGEST_NAME = 150


@dataclass(frozen=True)
class Made:
    """All that a record is made from."""

    outcomes: Sequence[AnyOutcome]
    encoder: Encoder
    corpora: Sequence[CorpusRecord]
    stores: Sequence[FeatureStore]
    pool: Pool
    provenance: Provenance


@dataclass(frozen=True)
class Within:
    """One corpus is source and target.

    `corpora` and `labels` are what it is on, `tasks` what is trained, chosen and tested; `folder` is where the record
    goes; `identity` is what must be the same for an earlier result to be this one, by the words for it.
    """

    config: ProbeConfig
    protocol: Protocol
    record_file: ClassVar[str] = RESULT_FILE

    def __post_init__(self) -> None:
        _ = self.folds  # names of folds that are none show before anything is loaded

    @cached_property
    def corpora(self) -> list[Corpus]:
        return [corpora.load(self.config.corpus)]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return label_list(self.corpora[0], self.protocol)

    @cached_property
    def folds(self) -> list[str] | None:
        """The only folds that are looked at; None: all of the protocol's."""
        chosen = chosen_folds(self.corpora[0], self.protocol, self.config.folds)
        return None if chosen == folds_of(self.corpora[0], self.protocol) else [fold.name for fold in chosen]

    def used(self, corpus: str) -> list[str]:
        """The configurations whose parts are looked at."""
        return self.folds or [fold.name for fold in folds_of(self.corpora[0], self.protocol)]

    @property
    def command(self) -> str:
        return shlex.join(["emobox", "probe", *self.config.for_others().words()])

    def data_dir(self, corpus: str) -> Path | None:
        return self.config.data_dir

    @property
    def protocol_id(self) -> str:
        """What scores go by."""
        return self.protocol.id

    def folder(self, model: str) -> Path:
        """`<output-dir>/<model>/<corpus>/<protocol>`, for a part of the corpus with what part."""
        config = self.config
        protocol = "-".join([self.protocol_id, *([] if self.folds is None else ["+".join(self.folds)])])
        return model_folder(config.output_dir, model) / config.corpus / (protocol + limit_ending(config))

    def tasks(self, pool: Pool) -> list[Task]:
        return fold_tasks(pool, self.corpora[0], self.protocol, self.folds or ())

    def record(self, made: Made) -> tuple[RunRecord, pd.DataFrame]:
        (corpus,) = made.corpora
        outcomes = [outcome for outcome in made.outcomes if isinstance(outcome, Outcome)]
        record, predictions = score(
            outcomes, self.encoder(made), corpus, self.protocol, made.provenance, self.remarks
        )
        intended = corpora.load(corpus.name).intended
        humans = human_line(predictions, corpus.labels, made.pool.votes(corpus.name), intended)
        record = record.model_copy(update={"humans": humans})
        return with_trust(record, predictions.merge(made.pool.about(), on="id", how="left")), predictions

    def encoder(self, made: Made) -> EncoderRecord:
        (store,) = made.stores
        return EncoderRecord(
            **made.encoder.facts.model_dump(),
            store_dtype=self.config.store_dtype,
            features=store.key,
            lengthened=lengthened(made.encoder, store),
        )

    @property
    def remarks(self) -> list[str]:
        """What a reader of the scores must know of the protocol on this corpus."""
        (corpus,) = self.corpora
        sentences = []
        if corpus.made_up and corpus.tables:
            sentences.append(f"{corpus.made_up}.")
        sentences += [
            f"No claim about new speakers: speakers cannot be kept apart, because "
            f"{why_speaker_dependent(corpus)}. The recipe of {usual} on the released folds; never to be "
            f"compared or averaged with scores of {usual}."
            for usual, without in WITHOUT_NEW_SPEAKERS.items()
            if without == self.protocol.name
        ]
        return sentences

    def read(self, folder: Path) -> ResultRecord:
        return read_record(folder)

    def identity(
        self, facts: EncoderFacts, store_dtype: str, described: Sequence[CorpusRecord]
    ) -> dict[str, Any]:
        return _common_identity(
            facts.identity, store_dtype, described, self.labels, settings_of(self.protocol)
        )

    def identity_of(self, record: ResultRecord) -> dict[str, Any]:
        return _common_identity(
            record.features_identity,
            record.encoder.store_dtype,
            [record.corpus],
            record.corpus.labels,
            record.settings,
        )


@dataclass(frozen=True)
class Rated(Within):
    """Heads learn what raters said, on the folds of one corpus; attributes as those of `Within`."""

    record_file: ClassVar[str] = RATED_FILE

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.outputs  # a corpus without votes or dimensions shows before anything is loaded

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """What heads give: labels that raters could choose, or dimensions."""
        return names_of(self.corpora[0], self.protocol.target, self.config.dimensions)

    @property
    def protocol_id(self) -> str:
        """With the dimensions, which make other heads and other scores."""
        dimensions = self.outputs if self.protocol.target == "dimensions" else ()
        return with_dimensions(super().protocol_id, dimensions)

    def tasks(self, pool: Pool) -> list[Task]:
        (corpus,) = self.corpora
        pool.ratings = ratings_of(pool.audio[corpus.name], corpus, self.outputs, self.protocol.target)
        return rated_tasks(super().tasks(pool), pool.ratings)

    def record(self, made: Made) -> tuple[RunRecord, pd.DataFrame]:
        (corpus,), ratings = made.corpora, made.pool.ratings
        assert ratings is not None
        unrated = [made.pool.all_items[row].id for row in unrated_rows(super().tasks(made.pool), ratings)]
        return score_rated(
            [outcome for outcome in made.outcomes if isinstance(outcome, RatedOutcome)],
            self.protocol,
            self.outputs,
            encoder=self.encoder(made),
            corpus=corpus,
            scales=ratings.scales,
            ratings_sha256=ratings.sha256,
            unrated=len(unrated),
            first_unrated=unrated[:NAMED],
            remarks=[*self.remarks, *unrated_remarks(unrated), *ratings.remarks],
            provenance=made.provenance,
        )

    def read(self, folder: Path) -> Any:
        return read_rated(folder)

    def identity(
        self, facts: EncoderFacts, store_dtype: str, described: Sequence[CorpusRecord]
    ) -> dict[str, Any]:
        return super().identity(facts, store_dtype, described) | {"votes or dimensions": list(self.outputs)}

    def identity_of(self, record: Any) -> dict[str, Any]:
        return super().identity_of(record) | {"votes or dimensions": record.outputs}


@dataclass(frozen=True)
class Between:
    """Sources train, other corpora are targets; attributes as those of `Within`."""

    config: CrossConfig
    protocol: Protocol
    record_file: ClassVar[str] = CROSS_FILE

    def __post_init__(self) -> None:
        # What settings contradict each other in shows before anything is loaded.
        _ = self.pairings, self.test

    @property
    def targets(self) -> tuple[str, ...]:
        return self.config.test or self.config.train

    @cached_property
    def pairings(self) -> list[Pairing]:
        return pairings_of(self.config.train, self.targets, self.config.leave_one_out)

    @cached_property
    def corpora(self) -> list[Corpus]:
        self._check_folders()
        return [corpora.load(name) for name in dict.fromkeys([*self.config.train, *self.targets])]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return label_space(self.corpora, self.config.labels)

    @cached_property
    def test(self) -> Any:
        """Which utterances of the targets are tested."""
        targets = [corpora.load(name) for name in self.targets]
        return target_configuration(targets, self.labels, self.config.test_set)

    @property
    def folds(self) -> None:
        """Between corpora there are none to choose of."""
        return None

    def used(self, corpus: str) -> list[str]:
        """The configurations of a corpus whose parts are looked at."""
        trained = {name for pairing in self.pairings for name in pairing.corpora}
        training = ["all" if self.config.training == "all" else "fold1"] if corpus in trained else []
        return [*training, *([self.test] if corpus in self.targets else [])]

    @property
    def command(self) -> str:
        return shlex.join(["emobox", "cross", *self.config.for_others().words()])

    def data_dir(self, corpus: str) -> Path | None:
        return self.config.data_dir.get(corpus)

    def folder(self, model: str) -> Path:
        """`<output-dir>/<model>/cross/<corpora>/<protocol>`."""
        config, sources = self.config, self.config.train
        name = "+".join(sources) + ("" if sources == self.targets else "_on_" + "+".join(self.targets))
        if len(name) > LONGEST_NAME:
            digest = hashlib.sha256(name.encode()).hexdigest()[:8]
            name = f"{len(sources)}_corpora_on_{len(self.targets)}_{digest}"
        if config.leave_one_out:
            name += "_leave_one_out"
        return (
            model_folder(config.output_dir, model)
            / "cross"
            / (config.name or name)
            / (self.protocol.id + limit_ending(config))
        )

    def tasks(self, pool: Pool) -> list[Task]:
        return cross_tasks(pool, self.pairings, self.config.training, self.test, self.protocol)

    def record(self, made: Made) -> tuple[RunRecord, pd.DataFrame]:
        short = {
            corpus.name: lengthened(made.encoder, store)
            for corpus, store in zip(made.corpora, made.stores, strict=True)
        }
        remarks = [
            f"{name}: {count} utterances are shorter than the encoder takes and were lengthened with zeros."
            for name, count in short.items()
            if count
        ]
        record, predictions = score_pairs(
            [outcome for outcome in made.outcomes if isinstance(outcome, Outcome)],
            self.protocol,
            overlaps(made.pool),
            self.labels,
            encoder=EncoderFacts(**made.encoder.facts.model_dump()),
            store_dtype=self.config.store_dtype,
            training=self.config.training,
            test=self.test,
            corpora=list(made.corpora),
            remarks=[*made.pool.remarks(self.targets, self.test), *remarks],
            provenance=made.provenance,
        )
        return with_trust(record, predictions.merge(made.pool.about(), on="id", how="left")), predictions

    def read(self, folder: Path) -> CrossRecord:
        return read_cross_record(folder)

    def identity(
        self, facts: EncoderFacts, store_dtype: str, described: Sequence[CorpusRecord]
    ) -> dict[str, Any]:
        planned = {(pairing.source, target) for pairing in self.pairings for target in pairing.targets}
        return {
            **_common_identity(
                facts.identity, store_dtype, described, self.labels, settings_of(self.protocol)
            ),
            "pairs": planned,
            "training utterances": self.config.training,
            "test utterances": self.test,
        }

    def identity_of(self, record: CrossRecord) -> dict[str, Any]:
        return {
            **_common_identity(
                record.features_identity, record.store_dtype, record.corpora, record.labels, record.settings
            ),
            "pairs": {(pair.source, pair.target) for pair in record.pairs},
            "training utterances": record.training,
            "test utterances": record.test,
        }

    def _check_folders(self) -> None:
        known = list(dict.fromkeys([*self.config.train, *self.targets]))
        if strangers := [name for name in self.config.data_dir if name not in known]:
            raise ProbeError(
                f"Expected --data-dir CORPUS=FOLDER with one of {', '.join(known)}, but got {strangers[0]!r}; give it "
                f"once for each corpus, or set EMOBOX_DATA."
            )


Design = Within | Between | Rated


def design_of(config: ProbeConfig | CrossConfig) -> Design:
    """The design that settings describe, with its protocol.

    Raises:
        ProbeError: the protocol, or what heads are to learn, is none for this corpus.
        CorpusError: no corpus has such a name.
    """
    if isinstance(config, ProbeConfig):
        protocol = protocol_within(config.protocol, corpora.load(config.corpus), config.seeds)
        if config.target != "dimensions" and config.dimensions:
            raise ProbeError(
                f"Expected --dimensions with --target dimensions, but got --target {config.target}; leave one out."
            )
        if config.target == "label":
            return Within(config, protocol)
        if protocol.layers == "statistics":
            raise ProbeError(
                f"Expected --target label with --protocol {config.protocol}, whose heads tell labels apart, but got "
                f"{config.target}; leave out --target, or use --protocol strict."
            )
        return Rated(config, protocol.with_target(config.target))
    return Between(config, PROTOCOLS[config.protocol].with_seeds(config.seeds))


def _common_identity(
    features: dict[str, Any],
    store_dtype: str,
    described: Sequence[CorpusRecord],
    labels: Sequence[str],
    settings: dict[str, Any],
) -> dict[str, Any]:
    return {
        "weights": features["weights_sha256"],
        "features (--dtype, --layers, preprocessing)": features,
        "stored data type": store_dtype,
        "copies of corpora": [corpus.fingerprint for corpus in described],
        "parts of corpora (--limit, --folds)": [(corpus.limit, corpus.folds) for corpus in described],
        "labels": list(labels),
        "protocol settings": settings,
    }


def lengthened(encoder: Encoder, store: FeatureStore) -> int:
    """How many utterances are shorter than the encoder takes and were lengthened with zeros."""
    shortest = encoder.facts.shortest_samples / SAMPLING_RATE
    return sum(duration < shortest for duration in store.durations)
