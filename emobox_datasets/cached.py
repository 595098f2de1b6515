"""A builder of `datasets` whose cache may be read-only, full or damaged, and says so in a sentence of ours.

`datasets` replaces `os`, `open` and `Path` in the module of a builder by copies that stream; for files and folders on
this machine they do the same.
"""

import errno
import logging
import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import datasets

from emobox_datasets import integrity
from emobox_datasets.errors import CorpusError

logger = logging.getLogger(__name__)

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class CachedBuilder(datasets.ArrowBasedBuilder):
    """Seals what it stores in the cache; what is not as it was sealed is made again when it is loaded."""

    def __init__(self, cache_dir: str | None = None, *args: Any, **options: Any):
        try:
            super().__init__(cache_dir, *args, **options)
            return
        except CorpusError:
            raise
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.debug(f"{error!r} while the cache was looked at")
        # A cache that cannot be locked or read must not keep a builder from being there: only it can say what to do.
        with TemporaryDirectory(prefix="emobox-") as elsewhere:
            super().__init__(elsewhere, *args, **options)
        self._cache_dir_root = os.path.expanduser(str(cache_dir or datasets.config.HF_DATASETS_CACHE))
        self._cache_downloaded_dir = f"{self._cache_dir_root}/{datasets.config.DOWNLOADED_DATASETS_DIR}"
        self._cache_dir = self._output_dir = self._build_cache_dir()

    def download_and_prepare(self, output_dir: str | None = None, *args: Any, **options: Any) -> None:
        """As `datasets` does it.

        Raises:
            CorpusError: the corpus is not in the cache and cannot be put there, or is damaged there.
        """
        in_cache = output_dir is None
        try:
            if in_cache:
                self._remake_if_damaged()
            super().download_and_prepare(output_dir, *args, **options)
        except Exception as error:
            folder = output_dir or self._cache_dir_root
            if any(cause.errno in _FULL for cause in _os_errors(error)):
                raise CorpusError(
                    f"Expected room for {self._what} in {folder}, but the disk is full; make room there, or choose "
                    f"another folder with cache_dir or HF_DATASETS_CACHE. What was begun has been removed, and starts "
                    f"again with the next call."
                ) from error
            if not (in_cache and any(self._is_refusal(cause) for cause in _os_errors(error))):
                raise
            mode = datasets.DownloadMode(
                options.get("download_mode") or datasets.DownloadMode.REUSE_DATASET_IF_EXISTS
            )
            if mode is not datasets.DownloadMode.REUSE_DATASET_IF_EXISTS or not os.path.isfile(
                self._info_file
            ):
                raise CorpusError(
                    f"Expected {self._what} in the cache {folder}, or a cache that can be written, but it is not all "
                    f"there and the folder is read-only; set HF_DATASETS_CACHE or cache_dir to a folder of your own, "
                    f"or let the owner of this one load it once."
                ) from error
            self.info = self._load_info()

    @property
    def _what(self) -> str:
        return f"{self.config.name} of {self.dataset_name}"

    @property
    def _info_file(self) -> str:
        """Written last: a conversion that has it is complete."""
        return f"{self._cache_dir}/{datasets.config.DATASET_INFO_FILENAME}"

    def _is_refusal(self, error: OSError) -> bool:
        """Whether it was the cache that could not be written, not the corpus that could not be read."""
        return error.errno in _READ_ONLY and str(error.filename).startswith(self._cache_dir_root)

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


def _os_errors(error: BaseException | None) -> Iterator[OSError]:
    """The errors of the operating system among an error and what caused it."""
    while error is not None:
        if isinstance(error, OSError):
            yield error
        error = error.__cause__ or error.__context__
