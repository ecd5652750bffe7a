"""Ten operations on every host with pyinfra.

Argument: the hosts as JSON. Prints the seconds from connecting to the last operation's end.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from pyinfra.api import Config, Inventory, State  # noqa: E402
from pyinfra.api.connect import connect_all  # noqa: E402
from pyinfra.api.operation import add_op  # noqa: E402
from pyinfra.api.operations import run_ops  # noqa: E402
from pyinfra.operations import server  # noqa: E402

STEPS = 10


def main() -> None:
    hosts = json.loads(sys.argv[1])
    named = [
        (
            f"host{number}",
            {
                "ssh_hostname": host["address"],
                "ssh_port": host["port"],
                "ssh_user": host["user"],
                "ssh_key": host["key"],
                "ssh_known_hosts_file": host["known_hosts"],
                "ssh_strict_host_key_checking": "yes",
            },
        )
        for number, host in enumerate(hosts)
    ]
    began = time.perf_counter()
    state = State(Inventory((named, {})), Config(PARALLEL=len(hosts)))
    connect_all(state)
    for _ in range(STEPS):
        add_op(state, server.shell, commands=["true"])
    run_ops(state)
    print(time.perf_counter() - began)
    if state.failed_hosts or len(state.active_hosts) != len(hosts):
        raise RuntimeError(str(state.failed_hosts))


main()
