"""A builder of `datasets` whose cache may be read-only, full or damaged, and says so in a sentence of ours.

`datasets` replaces `os`, `open` and `Path` in the module of a builder by copies that stream; for files and folders on
this machine they do the same.
"""

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any

import datasets

import emobox_datasets.loading.integrity as integrity
from emobox_datasets.errors import CorpusError, is_disk_full, os_errors

logger = logging.getLogger(__name__)

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


class CachedBuilder(datasets.ArrowBasedBuilder):
    """Seals what it stores in the cache; what is not as it was sealed is made again when it is loaded."""

    def __init__(self, cache_dir: str | None = None, *args: Any, **options: Any):
        try:
            super().__init__(cache_dir, *args, **options)
            return
        except CorpusError:
            raise
        except Exception as error:
            logger.debug(f"{error!r} while the cache was looked at")
        # A cache that cannot be locked or read must not keep a builder from being there: only it can say what to do.
        with TemporaryDirectory(prefix="emobox-") as elsewhere:
            super().__init__(elsewhere, *args, **options)
        self._cache_dir_root = os.path.expanduser(str(cache_dir or datasets.config.HF_DATASETS_CACHE))
        self._cache_downloaded_dir = f"{self._cache_dir_root}/{datasets.config.DOWNLOADED_DATASETS_DIR}"
        self._cache_dir = self._output_dir = self._build_cache_dir()
        with suppress(Exception):  # it may be what is damaged
            self.info = self._load_info()

    def download_and_prepare(self, output_dir: str | None = None, *args: Any, **options: Any) -> None:
        """As `datasets` does it.

        Raises:
            CorpusError: the corpus is not in the cache and cannot be put there, or is damaged there.
        """
        if output_dir is None:
            self._aim_at_cache(options.get("file_format"))
            self._remake_if_damaged()
        try:
            super().download_and_prepare(output_dir, *args, **options)
        except Exception as error:
            if is_disk_full(error):
                raise self._no_room() from error
            if output_dir is not None or not any(self._is_refusal(cause) for cause in os_errors(error)):
                raise
            self._use_read_only(options.get("download_mode"), error)

    def _aim_at_cache(self, file_format: str | None) -> None:
        """Forget where this builder wrote before: `datasets` does, but only once it has begun."""
        self._output_dir, self._file_format = self._cache_dir, file_format

    def _download_and_prepare(self, *args: Any, **options: Any) -> None:
        self._remove_leftovers()
        super()._download_and_prepare(*args, **options)

    def _remove_leftovers(self) -> None:
        """Empty the folder that is written to, which `datasets` keeps and would rename with all that is in it.

        It is locked, so what is there was left by a process that was killed: shards that no split names.
        """
        if self._output_dir.endswith(".incomplete") and os.path.isdir(self._output_dir):
            shutil.rmtree(self._output_dir)
            os.makedirs(self._output_dir)

    def _use_read_only(self, mode: Any, refusal: Exception) -> None:
        """Take what is stored, though the cache could not be locked."""
        reuse = datasets.DownloadMode.REUSE_DATASET_IF_EXISTS
        if datasets.DownloadMode(mode or reuse) is not reuse or not os.path.isfile(self._info_file):
            raise CorpusError(
                f"Expected {self._what} in the cache {self._cache_dir_root}, or a cache that can be written, but it is "
                f"not all there and the folder is read-only; set HF_DATASETS_CACHE or cache_dir to a folder of your "
                f"own, or let the owner of this one load it once."
            ) from refusal
        self.info = self._load_info()

    @property
    def _what(self) -> str:
        return f"{self.config.name} of {self.dataset_name}"

    def _prepare_split_single(self, *args: Any, **options: Any) -> Iterator[Any]:
        progress = super()._prepare_split_single(*args, **options)
        try:
            for done in progress:  # noqa: UP028  (`yield from` would close it)
                yield done
        except GeneratorExit:
            # Nobody asks on, as after Ctrl-C, but it yields once more when it is closed, which Python complains of.
            with suppress(RuntimeError):
                progress.close()
        except Exception as error:
            if is_disk_full(error):  # seen here, because causes do not travel from one process to another
                raise self._no_room() from error
            raise

    def _no_room(self) -> CorpusError:
        folder = self._cache_dir_root if self._is_in_cache() else self._output_dir.removesuffix(".incomplete")
        return CorpusError(
            f"Expected room for {self._what} in {folder}, but the disk is full; make room there, or choose another "
            f"folder with cache_dir or HF_DATASETS_CACHE. What was begun has been removed, and starts again with the "
            f"next call."
        )

    @property
    def _info_file(self) -> str:
        """Written last: a conversion that has it is complete."""
        return f"{self._cache_dir}/{datasets.config.DATASET_INFO_FILENAME}"

    def _is_refusal(self, error: OSError) -> bool:
        """Whether it was the cache that could not be written, not the corpus that could not be read."""
        in_cache = os.path.abspath(str(error.filename)).startswith(os.path.abspath(self._cache_dir_root))
        return error.errno in _READ_ONLY and in_cache

    def _remake_if_damaged(self) -> None:
        """Take the mark of being finished off a conversion that is not what was stored."""
        if not os.path.isfile(self._info_file) or not (reason := integrity.damage(self._cache_dir)):
            return
        try:
            os.unlink(self._info_file)
        except OSError as error:
            raise CorpusError(
                f"Expected {self._what} in {self._cache_dir} as it was stored, but {reason}; let its owner remove "
                f"the folder, or set HF_DATASETS_CACHE to a folder of your own."
            ) from error
        logger.warning(
            f"{self._what} in {self._cache_dir} is not as it was stored ({reason}); it is made again."
        )
        # What was read from the damaged folder would be held against what is made now.
        self.info = self._info()
        self.info.builder_name, self.info.dataset_name = self.name, self.dataset_name
        self.info.config_name, self.info.version = self.config.name, self.config.version

    def _is_in_cache(self) -> bool:
        """Whether what is written or read now is the cache's, not a copy of the user's elsewhere."""
        in_cache = self._output_dir.removesuffix(".incomplete") == self._cache_dir
        return in_cache and self._file_format in (None, "arrow")

    def _save_info(self) -> None:
        super()._save_info()
        if self._is_in_cache():
            integrity.seal(self._output_dir)
