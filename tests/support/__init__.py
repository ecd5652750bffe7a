"""What every test stands on: real servers on loopback, and small helpers.

The fixtures are in `tests/conftest.py`; nothing needs to be imported for them. Servers are made once a worker of
pytest-xdist, so tests that use them need no group; what a test changes is its own (a fresh database, a fresh
application, an emptied ledger).

Fixtures
    mariadb       DatabaseServer, once a worker. `await mariadb.query(sql, *parameters, database=…)` as root,
                  `mariadb.columns(database, table)`, `mariadb.lock_table(database, table)`, and the ledger:
                  `position = mariadb.log_position()` … `mariadb.statements(position)`. A test that kills or stops it
                  must start it again.
    database      Database(host, port, name, user, password): a fresh empty one for each test; its account may also
                  create and drop databases called NAME_countersign_….
    ssh_host      Host, once a worker: `address`, `port`, `user`, `key`, `known_hosts`, `home`, `connect()`,
                  `commands` (the ledger: `ran("php artisan migrate")`, `fail`, `hold`, `fail_unit`),
                  `cut_sessions()`, `reboot()`. Emptied before each test: ledger, behaviours, home, left processes.
    new_host      `await new_host(settings=…)`: another Host of the test's own, for changed host keys, several
                  hosts, or sshd settings.
    laravel       Application at its first commit on `ssh_host`, `database` migrated to it with data in it; the second
                  commit (`CommitKind.TOKEN_ID`) waits in the origin.
    laravel_at_first   the same without the second commit: nothing to deploy until `next_commit(kind)`.
    new_laravel   `await new_laravel(host=…)`: further applications, each with a fresh database.
    web           WebServer of `laravel` (or `laravel_at_first`, if that is what the test uses): `health_url`.
    wire          Wire in front of `ssh_host`, its port trusted in `known_hosts`: `reset`, `finish`, `freeze`,
                  `refuse`, `heal`, `latency`.
    new_wire      `await new_wire(port)`: a Wire in front of any port.
    free_port     number of a port on 127.0.0.1 that is this test's until it ends; connections to it are refused until
                  a server that sets SO_REUSEADDR (asyncio, aiohttp and all servers here do) listens on it.

Helpers (`from tests.support import …`)
    eventually    `await eventually(lambda: …, seconds=10)`: poll a predicate, plain or async, give its truthy value.
    operations    the operations file as a dict, for the caller to alter; `write_operations` writes it as YAML.
    OPS_PASSWORD  name of the environment variable that the file takes the database's password from.
    numbers       SQL of a table with the numbers 1 to N; `on_mariadb`, `on_mysql` mark tests of one vendor alone.
    CommitKind    kinds of commits for `Application.next_commit`.
"""

from bot.demo.application.commits import CommitKind
from tests.support.operations import OPS_PASSWORD, operations, write_operations
from tests.support.polling import eventually
from tests.support.vendors import numbers, on_mariadb, on_mysql

__all__ = [
    "OPS_PASSWORD",
    "CommitKind",
    "eventually",
    "numbers",
    "on_mariadb",
    "on_mysql",
    "operations",
    "write_operations",
]
