"""Ten commands on every host with parallel-ssh.

Argument: the hosts as JSON. Prints the seconds from connecting to the last command's end.
"""

import json
import sys
import time

from pssh.clients import ParallelSSHClient
from pssh.config import HostConfig

STEPS = 10


def main() -> None:
    hosts = json.loads(sys.argv[1])
    configs = [HostConfig(user=host["user"], port=host["port"], private_key=host["key"]) for host in hosts]
    began = time.perf_counter()
    client = ParallelSSHClient([host["address"] for host in hosts], host_config=configs, pool_size=len(hosts))
    for _ in range(STEPS):
        output = client.run_command("true")
        client.join(output)
        codes = [each.exit_code for each in output]
        if len(codes) != len(hosts) or any(codes):
            raise RuntimeError(str(codes))
    print(time.perf_counter() - began)


main()
