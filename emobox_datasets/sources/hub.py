"""Files of a dataset repository of the Hub: `huggingface_hub` fetches and resumes, their SHA-256 is checked here."""

from fnmatch import fnmatchcase
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import RepoFile

from emobox_datasets.errors import CorpusError
from emobox_datasets.files import inside, sha256
from emobox_datasets.sources.records import check_names
from emobox_datasets.sources.source import RemoteFile, Source


def fetch(source: Source, folder: Path) -> list[tuple[Path, RemoteFile]]:
    """The files of the revision whose names match those of the source, each with what the Hub states of it.

    Raises:
        CorpusError: the Hub does not answer or has no such files, or one is not what it states; such a file is kept
            aside.
    """
    patterns = [file.name for file in source.files]
    kept = folder / "hub"
    try:
        listed = HfApi().list_repo_tree(
            source.record, repo_type="dataset", revision=source.revision, recursive=True
        )
        entries = [
            entry
            for entry in listed
            if isinstance(entry, RepoFile) and any(fnmatchcase(entry.path, name) for name in patterns)
        ]
        if not entries:
            raise CorpusError(
                f"Expected {', '.join(patterns)} in {source.page}, but there is no such file; look for them there, and "
                f"name the folder with your copy as data_dir."
            )
        check_names([entry.path for entry in entries], source)
        snapshot_download(
            source.record,
            repo_type="dataset",
            revision=source.revision,
            allow_patterns=patterns,
            local_dir=kept,
        )
    except (httpx2.RequestError, HfHubHTTPError) as error:
        raise CorpusError(
            f"Expected the files of {source.page}, but got: {error}; check the network, and at that page whether the "
            f"dataset was moved or asks for a sign-in (hf auth login). What has arrived is kept."
        ) from error
    return [_checked(kept, entry, source) for entry in entries]


def _checked(kept: Path, entry: RepoFile, source: Source) -> tuple[Path, RemoteFile]:
    file, expected = inside(kept, entry.path), entry.lfs.sha256 if entry.lfs else None
    if expected and (found := sha256(file)) != expected:
        refused = file.with_name(f"{file.name}.refused")
        file.replace(refused)
        raise CorpusError(
            f"Expected {entry.path} of {source.page} with the SHA-256 {expected}, but got {found}; it is not used, and "
            f"kept aside as {refused}. Try again."
        )
    return file, RemoteFile(entry.path, entry.size, f"sha256:{expected}" if expected else None)
