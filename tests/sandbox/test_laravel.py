"""A real Laravel application in a sandbox: what it does as in production, and what the evidence is made of."""

import shutil
from importlib import resources
from pathlib import Path

from bot.demo.host.fake_program import AUTOLOAD
from tests.sandbox.support.bench import Bench, server
from tests.support.sandboxes import own

MIGRATION = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\{Artisan, Cache, DB, Http, Mail, Queue, Storage};
return new class extends Migration {
    public function up() {
        DB::table('users')->insert(['name' => 'x', 'email' => 'x@example.com', 'password' => config('app.added')]);
        foreach (DB::table('users')->get() as $row) DB::table('users')->where('id', $row->id)->delete();
        Cache::put('a', 1);
        Storage::put('a', 'b');
    }
    public function down() {}
};
"""


def checkout(folder: Path) -> Path:
    """Write the demonstration's application, as it lies on a host."""
    path = folder / "application"
    with resources.as_file(resources.files("bot.demo.application") / "files" / "first") as source:
        for file in sorted(source.rglob("*")):
            if file.is_file():
                target = path / file.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target.with_name(target.name.replace("dot-", ".")))
    (path / "vendor").mkdir()
    (path / "vendor/autoload.php").write_text(AUTOLOAD)
    (path / "database/migrations/2025_12_01_000000_each.php").write_text(MIGRATION)
    return path


def test_its_migrations_run_as_they_will(host: Bench) -> None:
    path = checkout(host.home)
    (host.live / ".env").write_text(
        "APP_KEY=base64:bGl2ZS1zZWNyZXQtbGl2ZS1zZWNyZXQtbGl2ZS1zZWM=\nAPP_ENV=production\nDB_CONNECTION=mysql\n"
        "DB_HOST=10.9.8.7\nDB_PORT=3310\nDB_DATABASE=compte\nDB_USERNAME=compte\nDB_PASSWORD=live\n"
        "CACHE_DRIVER=redis\nQUEUE_CONNECTION=redis\nREDIS_HOST=10.9.8.6\nFILESYSTEM_DISK=s3\nMAIL_MAILER=smtp\n"
    )
    (path / "config/app.php").write_text(
        (path / "config/app.php").read_text().replace("return [", "return [\n    'added' => 'brought by the commit',")
    )
    own(host.uid, *path.rglob("*"), path)
    body = """
sandbox_run config 60 'php artisan config:cache'
sandbox_run migrate 60 'php artisan migrate --force'
sandbox_ask 'SELECT COUNT(*) FROM compte.migrations; SELECT COUNT(*) FROM compte.users'
sandbox_run again 60 'php artisan migrate --force'
sandbox_run back 60 'php artisan migrate:rollback --force'
"""
    text = host.text(host.sandbox(server()), body).replace(
        "sandbox_start ||", f'cp -Rp {path}/. "$sandbox_work/"\nsandbox_start ||', 1
    )
    told = host.say(text)
    done = {command.name: command for command in host.results().commands}
    assert {name: command.status for name, command in done.items()} == dict.fromkeys(done, 0), [
        command.output for command in done.values()
    ]
    assert told.split()[-2:] == ["4", "0"]
    statements = [
        statement.text for statement in done["migrate"].statements if statement.command in {"Query", "Execute"}
    ]
    assert any(text.startswith("insert into `users`") and "brought by the commit" in text for text in statements)
    assert sum(text.startswith("delete from `users`") for text in statements) == 1
    assert sum(text.startswith("insert into `migrations`") for text in statements) == 4
    assert not any(text.startswith("insert into") for text in (entry.text for entry in done["again"].statements))
    assert any(text.startswith("drop table") for text in (entry.text for entry in done["back"].statements))
    assert not (path / "storage/app/a").exists()
