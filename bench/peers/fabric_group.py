"""Ten commands on every host with Fabric's group of threads.

Argument: the hosts as JSON. Prints the seconds from connecting to the last command's end.
"""

import json
import sys
import time

from fabric import Connection, ThreadingGroup

STEPS = 10


def main() -> None:
    hosts = json.loads(sys.argv[1])
    connections = [
        Connection(host["address"], user=host["user"], port=host["port"], connect_kwargs={"key_filename": host["key"]})
        for host in hosts
    ]
    group = ThreadingGroup.from_connections(connections)
    began = time.perf_counter()
    for _ in range(STEPS):
        results = group.run("true", hide=True)
        if results.failed:
            raise RuntimeError(str(results.failed))
    print(time.perf_counter() - began)


main()
