"""Sources in the workers of a real engine: Dask distributed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genlogs_ext.testing import Delay, StubServer

from .servers import find, redis_server

# The scheduler and eight worker processes, all of this machine.
CLUSTER = """
import sys
from distributed import Client, LocalCluster
from genlogs_ext import RedisCache, TokenSource

def task(source, number):
    import os
    return os.getpid(), source.token().value

if __name__ == "__main__":
    cache = RedisCache(sys.argv[1]) if sys.argv[1] else None
    source = TokenSource.from_env(cache=cache)
    with LocalCluster(
        n_workers=8, threads_per_worker=2, processes=True, dashboard_address=None
    ) as cluster, Client(cluster) as client:
        client.wait_for_workers(8)
        done = client.gather(client.map(lambda i: task(source, i), range(200)))
    print(len({pid for pid, _ in done}), len({token for _, token in done}), len(done))
"""


def run(stub: StubServer, redis_url: str, directory: Path) -> list[int]:
    """Workers that took part, tokens that they had, tasks done."""
    script = directory / "cluster.py"
    script.write_text(CLUSTER)
    environment = {
        **os.environ,
        "GENLOGS_EMAIL": stub.email,
        "GENLOGS_PASSWORD": stub.password,
        "GENLOGS_API_KEY": stub.api_key,
        "GENLOGS_BASE_URL": stub.base_url,
        "DASK_TEMPORARY_DIRECTORY": str(directory),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, redis_url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.mark.timeout(180)
@pytest.mark.skipif(find("redis-server") is None, reason="redis-server is not installed")
def test_two_hundred_tasks_on_eight_workers_make_one_request(
    stub: StubServer, tmp_path: Path
) -> None:
    stub.script(Delay(0.5))
    with redis_server(tmp_path) as url:
        workers, tokens, tasks = run(stub, url, tmp_path)
    assert (tokens, tasks) == (1, 200)
    assert workers > 1
    assert len(stub.requests) == 1


@pytest.mark.timeout(180)
def test_without_a_cache_each_worker_makes_one(stub: StubServer, tmp_path: Path) -> None:
    """Though each task brings a source of its own."""
    workers, tokens, tasks = run(stub, "", tmp_path)
    assert tasks == 200
    assert tokens == workers == len(stub.requests)
