"""Jobs side by side in threads, which end together: with the last job, the first error, or Ctrl-C."""

from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread


def run_all(jobs: Iterator[Callable[[Event], None]], threads: int) -> None:
    """Run every job; each is given an event that is set when nobody waits for it any longer.

    Args:
        jobs: taken one by one, when a thread is free; taking one may itself fail.
        threads: how many run at a time.

    Raises:
        BaseException: the first error of a job, or of taking one.
    """
    stopped, taking, errors = Event(), Lock(), list[BaseException]()

    def work() -> None:
        try:
            while not stopped.is_set():
                with taking:
                    job = next(jobs, None)
                if job is None:
                    return
                job(stopped)
        except BaseException as error:
            errors.append(error)
            stopped.set()

    # Daemons, so that Ctrl-C does not wait for a connection on which nothing comes.
    workers = [Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    finally:
        stopped.set()
    if errors:
        raise errors[0]
