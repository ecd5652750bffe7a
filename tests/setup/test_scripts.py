"""Existing deploy scripts become recipes: their lines in order, what is known as the product's own steps."""
# ruff: noqa: E501 - a script and what becomes of it read best side by side

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.domain.runs.plan import Risk
from bot.domain.shell import fill, fill_text
from bot.recipes.load import BUILTIN, load_recipe, parse_recipe
from bot.recipes.recipe import Does, Recipe, RunKind
from bot.setup.scripts.recipe_text import divide, recipe_text
from bot.setup.scripts.recognition import KnownStep, NotNeeded, PlainStep, Service, recognise
from bot.setup.scripts.sources import ScriptKind, read_script
from bot.setup.scripts.statements import ScriptError, statements

SCRIPTS = Path(__file__).parent / "scripts"
GUIDE = (SCRIPTS / "deploy.sh.txt").read_text()


def recipe_of(name: str, text: str) -> Recipe:
    recognised = recognise(read_script(name, text))
    builtin = "laravel" if recognised.is_laravel else "shell"
    made = recipe_text("compte", name, recognised, divide((BUILTIN / f"{builtin}.yaml").read_text()))
    return parse_recipe(made, "made")


def keys(recipe: Recipe) -> list[str]:
    """The steps of a deploy."""
    return [spec.key for spec in recipe.change if spec.only is not RunKind.ROLLBACK]


def acts(text: str) -> list[str]:
    """What each statement of a shell script is, in a word or two."""
    told = []
    for line in recognise(read_script("deploy.sh", text)).lines:
        match line.act:
            case KnownStep(key, command):
                told.append(f"{key}: {command}" if command else key)
            case Service(unit, verb):
                told.append(f"{verb} {unit}")
            case PlainStep(command, destroys):
                told.append(f"{'keep' if destroys else 'keep, harmless'}: {command}")
            case NotNeeded():
                told.append("-")
    return told


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("a\nb", ["a", "b"]),
        ("a && b; c", ["a", "b", "c"]),
        ("a || b", ["a || b"]),
        ("[ -d x ] && a", ["[ -d x ] && a"]),
        ("a \\\n  --flag\nb", ["a --flag", "b"]),
        ("if x; then\n  a\nfi\nb", ["if x; then\n  a\nfi", "b"]),
        ("for f in a b; do\n  echo \"$f\" # a \" quote\ndone", ["for f in a b; do\n  echo \"$f\" # a \" quote\ndone"]),
        ("case $1 in\n  a) b ;;\n  *) c ;;\nesac\nd", ["case $1 in\n  a) b ;;\n  *) c ;;\nesac", "d"]),
        ("cat <<'END'\nphp artisan down\nEND\nb", ["cat <<'END'\nphp artisan down\nEND", "b"]),
        ("( a\n  b ) 9>lock\nc", ["( a\n  b ) 9>lock", "c"]),
        ("f() {\n  a\n}\nf", ["f() {\n  a\n}", "f"]),
        ("echo 'a\nb'\nc", ["echo 'a\nb'", "c"]),
        ("a | b |\n  c\nd", ["a | b |\n  c", "d"]),
        ("echo 'a; b' && c # d && e", ["echo 'a; b'", "c"]),
        ("echo if; do_it", ["echo if", "do_it"]),
        ("#!/bin/sh\n# a comment\n\na\r\nb", ["a", "b"]),
        ("a 2>&1; b &>/dev/null", ["a 2>&1", "b &>/dev/null"]),
        ("a &\nb", ["a &", "b"]),
    ],
)  # fmt: skip
def test_a_script_is_divided_into_whole_statements(script: str, expected: list[str]) -> None:
    assert [one.text for one in statements(script)] == expected


@pytest.mark.parametrize("script", ["if a; then\nb", "echo 'a", "cat <<X\na", "( a"])
def test_what_is_not_closed_is_refused_with_its_line(script: str) -> None:
    with pytest.raises(ScriptError, match="line 2"):
        statements(f"ok\n{script}")


def test_comments_belong_to_the_statement_below() -> None:
    [first, second] = statements("# Install\nnpm ci\n\n# not this\n\nnpm run build")
    assert (first.comment, first.line, second.comment, second.line) == ("Install", 2, "", 6)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("php artisan down", ["maintenance-on"]),
        ("php artisan down --retry=30 || true", ["maintenance-on: artisan down --retry=30"]),
        ("php8.3 artisan up", ["maintenance-off"]),
        ("./artisan up", ["maintenance-off"]),
        ("cd /var/www/a && php artisan up", ["-", "maintenance-off"]),
        ("git pull origin main", ["checkout"]),
        ("git fetch --all && git reset --hard origin/main", ["-", "checkout"]),
        ("git checkout -- package-lock.json", ["keep: git checkout -- package-lock.json"]),
        ("composer install --no-dev -o", ["composer"]),
        ("composer install --no-dev --no-scripts", ["composer: composer install --no-dev --no-scripts --no-interaction"]),
        ("php artisan migrate --force", ["migrate"]),
        ("php artisan migrate --force --seed", ["keep: php artisan migrate --force --seed"]),
        ("php artisan migrate:fresh --force", ["keep: php artisan migrate:fresh --force"]),
        ("php artisan db:seed --force", ["keep: php artisan db:seed --force"]),
        ("php artisan storage:link", ["keep, harmless: php artisan storage:link"]),
        ("php artisan queue:restart > /dev/null 2>&1", ["queue-restart"]),
        ("if [ -f artisan ]; then\n  php artisan migrate --force\nfi", ["migrate"]),
        ("if [ -f artisan ]; then php artisan migrate --force; else exit 1; fi", ["keep: if [ -f artisan ]; then php artisan migrate --force; else exit 1; fi"]),
        ("sudo systemctl restart php8.2-fpm.service", ["restart php8.2-fpm"]),
        ("sudo -n service nginx reload", ["reload nginx"]),
        ("sudo nginx -s reload", ["reload nginx"]),
        ("systemctl --user restart queue", ["keep: systemctl --user restart queue"]),
        ("sudo -u www-data php artisan up", ["keep: sudo -u www-data php artisan up"]),
        ("php artisan migrate --force | tee log", ["keep: php artisan migrate --force | tee log"]),
        ("php artisan up > up.log", ["keep: php artisan up > up.log"]),
        ("echo done > done.txt", ["keep: echo done > done.txt"]),
        ("npm ci && npm run build", ["keep, harmless: npm ci", "keep, harmless: npm run build"]),
        ("rm -rf storage", ["keep: rm -rf storage"]),
        ("cd frontend\nnpm ci\ncd ..\nls", ["-", "keep, harmless: cd frontend || exit\nnpm ci", "-", "keep: ls"]),
        ("cd sub && composer install --no-dev", ["-", "keep: cd sub || exit\ncomposer install --no-dev"]),
        ("A=1\nB=2\nuse $A", ["-", "-", "keep: A=1\nuse $A"]),
        ("export A=1\nls", ["-", "keep: export A=1\nls"]),
        ("O=--no-dev\ncomposer install $O", ["-", "keep: O=--no-dev\ncomposer install $O"]),
        ("A=$(dump)\nls", ["keep: A=$(dump)", "keep: ls"]),
        ("#!/bin/bash\n[[ -d x ]] && ls", ["keep: exec bash -c '[[ -d x ]] && ls'"]),
        ("set -euo pipefail\necho hello\nexit 0", ["-", "-", "-"]),
    ],
)  # fmt: skip
def test_what_a_line_is(line: str, expected: list[str]) -> None:
    assert acts(line) == expected


def test_the_scripts_of_the_guide_become_the_recipe_of_the_product() -> None:
    recipe = recipe_of("deploy.sh", GUIDE)
    assert keys(recipe) == [
        "log-mark", "maintenance-on", "checkout", "composer", "migrate", "config-cache", "route-cache", "view-cache",
        "optimize", "restart-php8.2-fpm", "maintenance-off",
    ]  # fmt: skip
    builtin = {spec.key: spec for spec in load_recipe("laravel", Path()).change}
    for spec in recipe.change:
        if spec.key != "restart-php8.2-fpm":
            assert spec == builtin[spec.key]
    [restart] = [spec for spec in recipe.change if spec.key == "restart-php8.2-fpm"]
    assert (restart.run, restart.risk) == ("sudo systemctl restart php8.2-fpm", Risk.CHANGES)
    assert recipe.migrations == load_recipe("laravel", Path()).migrations
    assert [spec.key for spec in recipe.verify] == [spec.key for spec in load_recipe("laravel", Path()).verify]


FILES = {
    "forge.sh": (ScriptKind.FORGE, ["log-mark", "checkout", "composer", "touch-tmp-fpmlock", "restart", "migrate", "npm-ci", "npm-run-build"]),
    "Envoy.blade.php": (ScriptKind.ENVOY, ["log-mark", "checkout", "composer", "maintenance-on", "migrate", "awk-print-version", "npm-ci", "php8.3-artisan-horizon", "reload-nginx", "maintenance-off"]),
    "deploy.php": (ScriptKind.DEPLOYER, ["log-mark", "checkout", "composer", "npm-ci", "npm-run-build", "migrate", "config-cache", "restart-php8.2-fpm"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_scripts_of_other_tools(name: str) -> None:
    kind, expected = FILES[name]
    text = (SCRIPTS / f"{name}.txt").read_text()
    assert read_script(name, text).kind is kind
    assert keys(recipe_of(name, text)) == expected


def test_kept_commands_are_run_as_they_are_written() -> None:
    recipe = recipe_of("Envoy.blade.php", (SCRIPTS / "Envoy.blade.php.txt").read_text())
    steps = {spec.key: spec for spec in recipe.change}
    assert recipe.vars["php"].default == "php8.3"
    values = {name: str(spec.default) for name, spec in recipe.vars.items()}
    # `{print}` is awk's, and no value of the recipe.
    kept = fill(steps["awk-print-version"].run or "", values).script()
    assert kept == """sh -c 'awk '"'"'{print}'"'"' VERSION > public/version.txt'"""
    assert fill_text(steps["awk-print-version"].title, {}) == "awk 'print' VERSION > public/version.txt"
    assert "{php} artisan down '--secret=open sesame' && exit" in (steps["maintenance-on"].run or "")
    assert steps["npm-ci"].run == "cd frontend || exit\nnpm ci\n"


def test_the_script_s_own_command_takes_the_place_of_a_step_s_whole_command() -> None:
    recipe = recipe_of("deploy.sh", "php artisan migrate --force\ncomposer install --no-dev --no-scripts\nls")
    composer = next(spec for spec in recipe.change if spec.key == "composer")
    assert composer.run == "composer install --no-dev --no-scripts --no-interaction"
    assert composer.tools == ("composer",)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("Envoy.blade.php", "@servers([])", "no @task"),
        ("Envoy.blade.php", "@task('deploy')\nls {{ $where }}\n@endtask", r"line 2: .*\{\{ \$where \}\}"),
        ("Envoy.blade.php", "@task('deploy')\nls\n@if ($x)\nrm x\n@endif\n@endtask", "line 3: @if"),
        ("Envoy.blade.php", "@story('deploy')\n a\n@endstory\n@task('b')\nls\n@endtask", "task a"),
        ("deploy.php", "<?php\ntask('deploy', ['nowhere']);", "the task nowhere"),
        ("deploy.php", "<?php\ntask('deploy', ['deploy']);", "leads back to itself"),
        ("deploy.php", "<?php\ntask('deploy', function () {\n  run($command);\n});", "line 3"),
        ("deploy.php", "<?php\ntask('deploy', function () {\n  run('ls {{where}}');\n});", r"line 3: .*\{\{where\}\}"),
        ("deploy.sh", "# nothing", "no command"),
        ("deploy.sh", "ls $FORGE_SECRET", r"line 1: only Forge knows what \$FORGE_SECRET is"),
    ],
)  # fmt: skip
def test_what_only_another_program_knows_is_refused(name: str, text: str, says: str) -> None:
    with pytest.raises(ScriptError, match=says):
        recognise(read_script(name, text))


@pytest.mark.parametrize(
    "text",
    ["make all", "php artisan down", "git pull\ngit pull\nphp artisan migrate --force\nphp artisan migrate --force"],
)
def test_each_recipe_brings_the_commit_once_and_ends_maintenance(text: str) -> None:
    recipe = recipe_of("deploy.sh", text)
    assert keys(recipe).count("checkout") == 1
    assert [spec.key for spec in recipe.change if spec.only is RunKind.ROLLBACK][-1] == "checkout-back"
    assert ("maintenance-on" in keys(recipe)) == ("maintenance-off" in keys(recipe))
    assert (
        sum(spec.does is Does.MIGRATE and spec.only is RunKind.DEPLOY for spec in recipe.change)
        == text.count("migrate") // 2
    )


def test_any_text_of_a_script_gives_a_recipe_that_can_be_read() -> None:
    odd = "echo \"a: {b}\" > 'c: #d'\nls \t'tab'\nls 'ü\u202e'\nprintf '%s\\n' \"${A}\" | tee x\nFOO=1 bar {sha} \\\n  baz\ncat <<END\n  two\n\nEND"
    recipe = recipe_of("odd name: #1.sh", odd)
    kept = [spec for spec in recipe.change if spec.key not in {"checkout", "checkout-back"}]
    assert all(re.fullmatch(r"[a-z0-9.-]+", spec.key) for spec in kept)
    assert len(kept) == 6
    # `{sha}` of a script is the script's own.
    assert not any("{sha}" in (spec.run or "") for spec in kept)
