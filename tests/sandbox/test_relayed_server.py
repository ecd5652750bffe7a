"""A server elsewhere in place of the private one: what the code has of it, as root and as an ordinary account."""

from __future__ import annotations

from bot.demo.host.database import DatabaseServer
from bot.sandbox.server import PrivateDatabase, RelayedServer, series_of
from tests.sandbox.support.bench import Bench, installed, own

COPY, ACCOUNT = "compte_countersign_sandbox_x1", "countersign_x1"

CODE = r"""<?php
preg_match_all('/^(\w+)=(.*)$/m', file_get_contents('.env'), $lines);
$env = array_combine($lines[1], $lines[2]);
[$user, $password, $name] = [$env['DB_USERNAME'], $env['DB_PASSWORD'], $env['DB_DATABASE']];
foreach (['host=127.0.0.1', 'host=[::1]', 'unix_socket=/run/mysqld/mysqld.sock'] as $way) {
    $db = new PDO("mysql:$way;dbname=$name", $user, $password);
    echo implode(' ', $db->query('SELECT DATABASE(), SUBSTRING_INDEX(USER(), "@", 1)')->fetch(PDO::FETCH_NUM)), "\n";
    echo strlen($db->query('SELECT REPEAT("x", 3000000)')->fetchColumn()), "\n";
}
foreach ([['maker', 'secret'], ['root', ''], [$user, 'wrong']] as [$other, $with]) {
    try { new PDO('mysql:host=127.0.0.1', $other, $with); echo "in as $other\n"; }
    catch (PDOException $no) { echo $no->getCode(), "\n"; }
}
mysqli_report(MYSQLI_REPORT_OFF);
$session = mysqli_init();
$session->real_connect('127.0.0.1', $user, $password);
echo @$session->change_user('maker', 'secret', null) ? "changed\n" : "not changed\n";
"""


async def test_code_has_one_account_and_one_database_of_it(host: Bench, mariadb: DatabaseServer) -> None:
    series = series_of(installed())
    assert series is not None
    await mariadb.query("CREATE USER maker@`%` IDENTIFIED BY 'secret'")
    await mariadb.query(r"GRANT ALL ON `compte\_countersign\_%`.* TO maker@`%` WITH GRANT OPTION")
    await mariadb.query("GRANT CREATE USER ON *.* TO maker@`%`")
    login = host.home / "login.cnf"
    login.write_text(
        f"[client]\nhost=127.0.0.1\nport={mariadb.port}\nprotocol=tcp\nuser=maker\npassword=secret\nskip-ssl\n"
    )
    own(host.uid, login)
    server = RelayedServer(series, "127.0.0.1", mariadb.port, PrivateDatabase(COPY), ACCOUNT, "compte")
    text = host.text(host.sandbox(server), "sandbox_run code 60 'php code.php'", {"code.php": CODE})
    given = f"sandbox_login={login} sandbox_mysql=mariadb sandbox_secured=\n"
    try:
        told = host.say(text.replace("sandbox_start ||", f"{given}sandbox_start ||"))
        assert host.results().refusal is None, told
        (code,) = host.results().commands
        assert code.output.splitlines() == [*[f"{COPY} {ACCOUNT}", "3000000"] * 3, *["1045"] * 3, "not changed"]
        assert host.processes() == []
        left = await mariadb.query("SELECT user FROM mysql.user WHERE user LIKE 'countersign%'")
        assert list(left) == []
        databases = await mariadb.query("SHOW DATABASES LIKE 'compte\\_countersign\\_sandbox%'")
        assert list(databases) == []
    finally:
        await mariadb.query("DROP USER maker@`%`")
