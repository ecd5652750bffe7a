"""A cluster of three MariaDB nodes on loopback, kept alike by Galera."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from bot.demo.host.database import DatabaseServer
from bot.demo.host.server_programs import MariaDb
from bot.demo.processes.ports import LOOPBACK, Port
from bot.demo.processes.process import Process
from tests.support.polling import eventually
from tests.support.vendors import PROGRAMS

_LIBRARY = Path("/usr/lib/galera/libgalera_smm.so")
_SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_NODES = 3
_JOIN_SECONDS = 60.0

# Every node begins with a copy of one data folder. Nothing is to be transferred to one that joins: it is told the
# position of that copy, and what was written since comes from the cluster itself.
_TRANSFER = """#!/bin/sh
role= gtid=
while [ $# -gt 0 ]; do
  case $1 in --role) role=$2 ;; --gtid) gtid=$2 ;; esac
  shift
done
case $role in
  joiner)
    rm -f PLACE
    echo 'ready 127.0.0.1:1/copied'
    until [ -s PLACE ]; do sleep 0.02; done
    cat PLACE ;;
  donor)
    echo "$gtid" > PLACE.new
    mv PLACE.new PLACE
    echo "done $gtid" ;;
esac
"""


def why_not() -> str:
    """Say why there can be no cluster on this machine; empty where there can."""
    if PROGRAMS.vendor != "MariaDB":
        return "Galera is MariaDB's alone"
    return "" if _LIBRARY.exists() else "NOT TESTED on Galera: install the package galera-4"


class _ClusterServer(DatabaseServer):
    """A server that has started once it belongs to its cluster."""

    async def _answers(self, process: Process) -> None:
        await super()._answers(process)
        await eventually(self._ready, _JOIN_SECONDS)

    async def _ready(self) -> bool:
        rows = await self.query("SHOW STATUS LIKE 'wsrep_ready'")
        return [row["Value"] for row in rows] == ["ON"]


class GaleraNode(_ClusterServer):
    """A node, which begins with a copy of another server's data.

    Args:
        folder: an existing folder.
        template: the data.
        options: of the cluster.
        path: where the program for transfers is found.
    """

    def __init__(self, folder: Path, template: Path, options: tuple[str, ...], path: str) -> None:
        super().__init__(folder, options, path)
        self._template = template
        # The seed has forgotten them, and each statement would be one that the nodes to come lack.
        self.programs = replace(MariaDb(), forgetting_accounts=())

    def _install(self) -> None:
        self.folder.chmod(0o700)
        shutil.copytree(self._template, self._at.data)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the node's process for the length of the block: connections stay, and nothing is answered."""
        assert self._process is not None
        self._process.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.signal(signal.SIGCONT)


@asynccontextmanager
async def galera(folder: Path) -> AsyncIterator[tuple[GaleraNode, ...]]:
    """Run a cluster until the end of the block.

    Args:
        folder: an existing one, with a short path.
    """
    seed = folder / "seed"
    seed.mkdir()
    programs = folder / "bin"
    programs.mkdir()
    with ExitStack() as held:
        ports = [(held.enter_context(Port()).number, held.enter_context(Port()).number) for _ in range(_NODES)]
        await _seed(seed, ports[0])
        transfer = programs / "wsrep_sst_copied"
        transfer.write_text(_TRANSFER.replace("PLACE", str(folder / "position")))
        transfer.chmod(0o755)
        nodes: list[GaleraNode] = []
        try:
            for number, own in enumerate(ports):
                at = folder / f"n{number}"
                at.mkdir()
                options = (*_options(own, ports), *(["--wsrep-new-cluster"] if number == 0 else []))
                node = GaleraNode(at, seed / "data", options, f"{programs}:{_SYSTEM_PATH}")
                nodes.append(node)
                await node.__aenter__()
            for node in nodes:
                await eventually(lambda node=node: _synced(node), _JOIN_SECONDS)
            yield tuple(nodes)
        finally:
            await asyncio.gather(*(node.__aexit__(None, None, None) for node in nodes))


async def _seed(folder: Path, own: tuple[int, int]) -> None:
    """Make the data folder that all nodes begin with."""
    async with _ClusterServer(folder, (*_options(own, [own]), "--wsrep-new-cluster")) as server:
        await server.stop()
    (folder / "data" / "galera.cache").unlink()


def _options(own: tuple[int, int], ports: list[tuple[int, int]]) -> tuple[str, ...]:
    listening, transfers = own
    provider = {
        "base_port": listening,
        "gmcast.listen_addr": f"tcp://{LOOPBACK}:{listening}",
        "ist.recv_addr": f"{LOOPBACK}:{transfers}",
        "gcache.size": "8M",
    }
    return (
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
        "--wsrep-on=1",
        f"--wsrep-provider={_LIBRARY}",
        "--wsrep-cluster-name=countersign",
        f"--wsrep-cluster-address=gcomm://{','.join(f'{LOOPBACK}:{port}' for port, _ in ports)}",
        f"--wsrep-node-address={LOOPBACK}",
        "--wsrep-sst-method=copied",
        f"--wsrep-provider-options={';'.join(f'{key}={value}' for key, value in provider.items())}",
    )


async def _synced(node: GaleraNode) -> bool:
    rows = await node.query("SHOW STATUS WHERE variable_name IN ('wsrep_cluster_size', 'wsrep_local_state_comment')")
    return {row["Value"] for row in rows} == {str(_NODES), "Synced"}
