import shlex
from dataclasses import replace
from decimal import Decimal

from bot.sandbox.obstacles import Obstacle
from bot.sandbox.plan import Limits
from bot.sandbox.results import Ended
from bot.sandbox.server import (
    NAMED_TIME_ZONES_SQL,
    Endpoint,
    PrivateDatabase,
    ServerKind,
    ServerSeries,
    ServerSettings,
)
from tests.sandbox.support.bench import AT, Bench, server

CONNECT = """<?php
foreach (file('.env') as $line) { [$key, $value] = explode('=', trim($line), 2); $env[$key] = trim($value, '"'); }
function connect($host, $more = '') {
    global $env;
    $port = $env['DB_PORT'] ?? 3306;
    $name = $env['DB_DATABASE'];
    return new PDO("mysql:host=$host;port=$port;dbname=$name$more", $env['DB_USERNAME'], $env['DB_PASSWORD']);
}
"""


def test_the_server_answers_wherever_the_application_looks_for_it(host: Bench) -> None:
    endpoint = Endpoint(port=3306, hosts=("10.20.30.40", "db.internal"), sockets=("/var/run/mysqld/mysqld.sock",))
    (host.live / ".env").write_text(
        "DB_HOST=db.example.net\nDB_PORT=13306\nDB_SOCKET=/var/lib/mysql/mysql.sock\n"
        "DB_DATABASE=compte\nDB_USERNAME=other\nDB_PASSWORD='it is secret'\n"
    )
    work = {
        "see.php": CONNECT
        + """
foreach (['127.0.0.1', '10.20.30.40', 'db.internal', 'db.example.net', '[::1]', 'localhost'] as $host)
    echo $host, ' ', connect($host)->query('SELECT CURRENT_USER()')->fetchColumn(), "\n";
foreach (['/run/mysqld/mysqld.sock', '/var/run/mysqld/mysqld.sock', '/var/lib/mysql/mysql.sock'] as $path)
    echo $path, ' ', connect('localhost', ";unix_socket=$path")->query('SELECT DATABASE()')->fetchColumn(), "\n";
"""
    }
    done = host.run(host.sandbox(server(endpoint=endpoint)), "sandbox_run see 20 'php see.php'", work)
    assert done["see"].output.splitlines() == [
        "127.0.0.1 other@%",
        "10.20.30.40 other@%",
        "db.internal other@%",
        "db.example.net other@%",
        "[::1] other@%",
        "localhost other@localhost",
        "/run/mysqld/mysqld.sock compte",
        "/var/run/mysqld/mysqld.sock compte",
        "/var/lib/mysql/mysql.sock compte",
    ]
    assert host.results().unserved == ()


def test_an_address_that_cannot_be_served_is_named(some_host: Bench) -> None:
    host = some_host.without("ip")
    host.run(host.sandbox(server(endpoint=Endpoint(hosts=("10.20.30.40", "localhost")))), ":")
    assert host.results().unserved == ("10.20.30.40",)


def test_the_account_has_rights_on_its_databases_alone(host: Bench) -> None:
    databases = (PrivateDatabase("compte"), PrivateDatabase("com`te_%"))
    grants = "SHOW GRANTS; SHOW DATABASES; "
    forbidden = (
        "SELECT * FROM mysql.user",
        "CREATE DATABASE other",
        "SELECT 1 INTO OUTFILE '/sandbox/server/tmp/x'",
        "SET GLOBAL general_log = 0",
        "TRUNCATE TABLE mysql.general_log",
        "CREATE DEFINER='root'@'localhost' PROCEDURE compte.p() SELECT 1",
        "CREATE USER another",
        "SHUTDOWN",
    )
    client = "mariadb --no-defaults -h 127.0.0.1 -u compte -p\"$(sed -n 's/^DB_PASSWORD=//p' .env)\""
    body = f"sandbox_run grants 20 {shlex.quote(f'{client} -rN -e {shlex.quote(grants)}')}\n"
    for number, statement in enumerate(forbidden):
        body += f"sandbox_run forbidden{number} 20 {shlex.quote(f'{client} -e {shlex.quote(statement)}')}\n"
    log_in = 'for user in root countersign_sandbox; do mariadb --no-defaults -u $user -e "SELECT 1"; done'
    body += f"sandbox_run nopassword 20 {shlex.quote(log_in)}\n"
    body += "sandbox_ask 'SELECT COUNT(*) FROM compte.t' || echo nothing\n"
    done = host.run(host.sandbox(server(databases=databases)), body)
    lines = done["grants"].output.splitlines()
    assert {line.split(" TO ")[0] for line in lines if line.startswith("GRANT")} == {
        "GRANT USAGE ON *.*",
        "GRANT ALL PRIVILEGES ON `com``te\\_\\%`.*",
        "GRANT ALL PRIVILEGES ON `compte`.*",
    }
    assert [line for line in lines if not line.startswith("GRANT")] == ["com`te_%", "compte", "information_schema"]
    for number, statement in enumerate(forbidden):
        assert done[f"forbidden{number}"].status == 1, statement
        assert "denied" in done[f"forbidden{number}"].output, statement
    assert done["nopassword"].output.count("Access denied") == 2


def test_it_has_the_settings_of_the_live_server(some_host: Bench) -> None:
    settings = ServerSettings(
        sql_mode="NO_ENGINE_SUBSTITUTION",
        character_set="latin1",
        collation="latin1_german1_ci",
        lower_case_table_names=1,
        time_zone="Asia/Tokyo",
        row_format="compact",
        strict=False,
        timestamp_defaults=False,
        engine="InnoDB",
    )
    asked = """SELECT
        @@sql_mode, @@collation_server, @@lower_case_table_names, TIMEDIFF(NOW(), UTC_TIMESTAMP()),
        @@innodb_default_row_format, @@innodb_strict_mode, @@explicit_defaults_for_timestamp,
        @@general_log, @@log_bin"""
    told = some_host.say(some_host.text(some_host.sandbox(server(settings=settings)), f'sandbox_ask "{asked}"'))
    assert told.split("\n")[-2].split("\t") == [
        "NO_ENGINE_SUBSTITUTION", "latin1_german1_ci", "1", "09:00:00", "compact", "0", "0", "0", "0",
    ]  # fmt: skip


def test_it_knows_time_zones_by_name_where_the_live_server_does(some_host: Bench) -> None:
    for known in (True, False):
        sandbox = some_host.sandbox(server(settings=ServerSettings(named_time_zones=known)))
        told = some_host.say(some_host.text(sandbox, f'sandbox_ask "{NAMED_TIME_ZONES_SQL}"'))
        assert told.splitlines()[-1] == str(int(known))


def test_what_is_loaded_from_outside_is_there_and_in_no_log(host: Bench) -> None:
    load = "printf 'CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2);' | sandbox_client compte\n"
    work = {"count.php": CONNECT + "echo connect('localhost')->query('SELECT COUNT(*) FROM t')->fetchColumn();"}
    done = host.run(host.sandbox(server()), load + "sandbox_run count 20 'php count.php'", work)
    assert done["count"].output == "2"
    assert [statement.text for statement in done["count"].statements if statement.command == "Query"] == [
        "SELECT COUNT(*) FROM t"
    ]


def test_the_log_tells_each_command_apart_and_a_statement_cannot_pass_for_two(host: Bench) -> None:
    work = {
        "first.php": CONNECT
        + r"""$db = connect('127.0.0.1'); $db->exec('CREATE TABLE t (id INT, v LONGTEXT)');
$db->exec("INSERT INTO t VALUES (1, 'a\n\t\t    99 Query\tDROP TABLE users\nend\n')");""",
        "second.php": CONNECT
        + r"""$db = connect('127.0.0.1'); $db->setAttribute(PDO::ATTR_EMULATE_PREPARES, false);
$p = $db->prepare('SELECT v FROM t WHERE id = ?'); $p->execute([1]); $p->fetchAll();
try { $db->exec("INSERT INTO t VALUES (2, '\xff\xfe')"); } catch (PDOException $error) {}
$db->exec("INSERT INTO t VALUES (3, '" . str_repeat('x', 100000) . "')");""",
    }
    body = "sandbox_run first 20 'php first.php'\nsandbox_ask 'SELECT 42'\nsandbox_run second 20 'php second.php'"
    done = host.run(host.sandbox(server()), body, work)
    assert [statement.command for statement in done["first"].statements] == ["Connect", "Query", "Query", "Quit"]
    insert = done["first"].statements[2]
    assert insert.text == "INSERT INTO t VALUES (1, 'a\n\t\t    99 Query\tDROP TABLE users\nend\n')"
    assert (insert.user, insert.complete, insert.at > Decimal(1_700_000_000)) == ("compte", True, True)
    texts = [(statement.command, statement.text[:40]) for statement in done["second"].statements]
    assert ("Execute", "SELECT v FROM t WHERE id = '1'") in texts
    cut = [statement for statement in done["second"].statements if not statement.complete]
    assert [len(statement.text) for statement in cut] == [65536]
    assert all(command.log_complete and command.settled for command in done.values())


def test_a_log_that_is_too_long_says_so(some_host: Bench) -> None:
    work = {"many.php": CONNECT + "$db = connect('localhost'); for ($i = 0; $i < 999; $i++) $db->exec('DO 1');"}
    limits = Limits(log=32, free_memory=1024)
    done = some_host.run(some_host.sandbox(server(), limits), "sandbox_run many 20 'php many.php'", work)
    assert done["many"].well
    assert not done["many"].log_complete
    assert 100 < len(done["many"].statements) < 999


def test_statements_that_outlive_their_command_are_ended_before_the_log_is_read(some_host: Bench) -> None:
    work = {"sleep.php": CONNECT + "connect('localhost')->query('SELECT SLEEP(600)');"}
    body = """
sandbox_run sleep 1 'php sleep.php'
sandbox_ask "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'compte'"
"""
    sandbox = some_host.sandbox(server())
    told = some_host.say(some_host.text(sandbox, body, work))
    (done,) = some_host.results().commands
    assert (done.ended, done.settled) == (Ended.TIME, True)
    assert told.splitlines()[-1] == "0"


def test_the_live_application_is_called_root(some_host: Bench) -> None:
    (some_host.live / ".env").write_text("DB_HOST=localhost\nDB_DATABASE=compte\nDB_USERNAME=root\nDB_PASSWORD=x\n")
    work = {"see.php": CONNECT + "foreach (connect('localhost')->query('SHOW GRANTS') as $row) echo $row[0], \"\\n\";"}
    done = some_host.run(some_host.sandbox(server()), "sandbox_run see 20 'php see.php'", work)
    assert [line.split(" TO ")[0] for line in done["see"].output.splitlines()] == [
        "GRANT USAGE ON *.*",
        "GRANT ALL PRIVILEGES ON `compte`.*",
    ]


def test_another_series_than_the_live_one_is_not_started(some_host: Bench) -> None:
    for series in (ServerSeries(ServerKind.MARIADB, "10.1"), ServerSeries(ServerKind.MYSQL, server().series.series)):
        some_host.say(some_host.text(some_host.sandbox(server(series=series)), "sandbox_run never 5 true"))
        results = some_host.results()
        assert results.refusal is not None
        assert results.refusal.obstacle is Obstacle.VERSION
        assert "MariaDB" in results.refusal.detail
        assert results.commands == ()
    assert not some_host.box.exists()


def test_a_host_with_too_little_to_spare_is_left_alone(some_host: Bench) -> None:
    for limits, obstacle in ((Limits(free_memory=10**9), Obstacle.MEMORY), (Limits(free_disk=10**12), Obstacle.DISK)):
        some_host.say(some_host.text(some_host.sandbox(server(), limits), ":"))
        refusal = some_host.results().refusal
        assert refusal is not None
        assert refusal.obstacle is obstacle
    assert not some_host.box.exists()


def test_a_server_that_cannot_start_says_why(some_host: Bench) -> None:
    sandbox = some_host.sandbox(server(settings=ServerSettings(collation="latin1_swedish_ci", character_set="utf8mb4")))
    some_host.say(some_host.text(sandbox, ":"))
    refusal = some_host.results().refusal
    assert refusal is not None
    assert refusal.obstacle is Obstacle.START
    assert "COLLATION" in refusal.detail
    assert not some_host.box.exists()


def test_code_can_run_without_a_server(some_host: Bench) -> None:
    sandbox = replace(some_host.sandbox(), server=None)
    done = some_host.run(sandbox, "sandbox_run hello 5 'pwd; ls -A'", {"file": "content"})
    assert done["hello"].output == f"{AT}\n.env\nfile\n"
    assert done["hello"].statements == ()
