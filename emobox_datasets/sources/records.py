"""What a record states of its files: asked for where sizes, checksums or names could not be confirmed beforehand."""

import json
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import httpx2

from emobox_datasets.errors import CorpusError
from emobox_datasets.files import inside
from emobox_datasets.sources.source import RemoteFile, Source


def complete(http: httpx2.Client, source: Source) -> Source:
    """The source with sizes and checksums of all its files, as far as its publisher states them to programs.

    Raises:
        CorpusError: the record cannot be asked, is gone, or has no such file.
    """
    url = source.record_url
    if url is None or (source.confirmed and not any("*" in file.name for file in source.files)):
        return source
    stated = _stated(source, _ask(http, url, source))
    completed = [now for file in source.files for now in _completed(file, stated, source)]
    check_names([file.name for file in completed], source)
    return replace(source, files=tuple(completed))


def check_names(names: Iterable[str], source: Source) -> None:
    """Refuse names that a record states and that lead out of a folder.

    Raises:
        CorpusError: there is such a name.
    """
    for name in names:
        try:
            inside(".", name)
        except ValueError:
            raise CorpusError(
                f"Expected names of files in the record {source.page}, but got {name!r}, which leads out of the "
                f"folder; nothing is fetched: get the corpus by hand, if you trust who made it."
            ) from None


def _ask(http: httpx2.Client, url: str, source: Source) -> Any:
    try:
        response = http.get(url, headers={"Accept": "application/json"})
    except httpx2.RequestError as error:
        raise CorpusError(
            f"Expected what is in the record {source.page} from {url}, but got no answer ({error}); check the network "
            f"and the proxy (HTTPS_PROXY)."
        ) from error
    if response.status_code in (404, 410):
        raise CorpusError(
            f"Expected the record {source.page}, but it is not there (HTTP {response.status_code}): it was moved or "
            f"withdrawn; look for the corpus at its homepage, and name the folder with your copy as data_dir."
        )
    try:
        response.raise_for_status()
        return response.json()
    except (httpx2.HTTPStatusError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"Expected what is in the record {source.page} from {url}, but got {response.status_code} "
            f"{response.headers.get('Content-Type', '')}; open the page in a browser, sign in to your network if it "
            f"asks for that, and try again."
        ) from error


def _stated(source: Source, record: Any) -> list[RemoteFile]:
    """The files that a record lists.

    Zenodo: `files`, each with `key`, `size`, `checksum` (`md5:…`). GitHub: `assets`, each with `name`, `size` and, of
    later years, `digest` (`sha256:…`). Dataverse: `data.latestVersion.files`, each with `directoryLabel` where it is in
    a folder, and `dataFile`: `id`, `filename`, `filesize` and `checksum` (`type`, `value`); of a table that it has
    converted, `original…` says what was uploaded, and only the converted one has a checksum.
    """
    try:
        if source.publisher == "zenodo":
            return [RemoteFile(file["key"], file["size"], file["checksum"]) for file in record["files"]]
        if source.publisher == "github release":
            return [RemoteFile(file["name"], file["size"], file.get("digest")) for file in record["assets"]]
        return [_dataverse_file(file) for file in record["data"]["latestVersion"]["files"]]
    except (KeyError, TypeError) as error:
        raise CorpusError(
            f"Expected the files of the record {source.page}, but what it states has another form ({error!r}); get the "
            f"corpus by hand, and name its folder as data_dir."
        ) from error


def _dataverse_file(listed: dict[str, Any]) -> RemoteFile:
    file = listed["dataFile"]
    folder = f"{listed['directoryLabel']}/" if listed.get("directoryLabel") else ""
    if "originalFileName" in file:
        return RemoteFile(folder + file["originalFileName"], file.get("originalFileSize"), None, file["id"])
    kind = file["checksum"]["type"].lower().replace("-", "")
    checksum = f"{kind}:{file['checksum']['value']}"
    return RemoteFile(folder + file["filename"], file["filesize"], checksum, file["id"])


def _completed(file: RemoteFile, stated: list[RemoteFile], source: Source) -> list[RemoteFile]:
    """What was confirmed beforehand stays; the rest is what the record states."""
    matching = [now for now in stated if fnmatchcase(now.name, file.name)]
    if not matching:
        raise CorpusError(
            f"Expected the file {file.name} in the record {source.page}, but it has "
            f"{', '.join(now.name for now in stated[:5]) or 'none'}; the record has changed: get the corpus by hand, "
            f"and name its folder as data_dir."
        )
    return [
        replace(
            file,
            name=now.name,
            size=now.size if file.size is None else file.size,
            checksum=file.checksum or now.checksum,
            number=file.number or now.number,
        )
        for now in matching
    ]
