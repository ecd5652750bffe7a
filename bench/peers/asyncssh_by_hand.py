"""Ten commands on every host with asyncssh, one exec each, a command on all hosts before the next one.

Argument: the hosts as JSON. Prints the seconds from connecting to the last command's end.
"""

import asyncio
import json
import sys
import time

import asyncssh

STEPS = 10
PACE = asyncio.Semaphore(10)


async def _connect(host: dict) -> asyncssh.SSHClientConnection:
    async with PACE:
        return await asyncssh.connect(
            host["address"],
            host["port"],
            username=host["user"],
            client_keys=[host["key"]],
            known_hosts=host["known_hosts"],
            config=None,
            agent_path=None,
        )


async def _main() -> None:
    hosts = json.loads(sys.argv[1])
    began = time.perf_counter()
    connections = await asyncio.gather(*(_connect(host) for host in hosts))
    for _ in range(STEPS):
        await asyncio.gather(*(connection.run("true", check=True) for connection in connections))
    print(time.perf_counter() - began)
    for connection in connections:
        connection.abort()


asyncio.run(_main())
