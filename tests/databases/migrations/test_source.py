"""What the source of a migration says before it runs."""

import pytest

from bot.databases.migrations.source import down_method_of, names_connection, word_that_destroys
from bot.domain.runs.migration_risk import DownMethod

OTHER = r"(?:Schema|DB)::connection\s*\(|->connection\s*\(|\$connection\s*="


def php(body: str) -> str:
    return f"<?php\nreturn new class extends Migration {{\n  public function up(): void {{ /* {{ */ }}\n{body}\n}};\n"


@pytest.mark.parametrize(
    ("source", "down"),
    [
        (php("public function down(): void { Schema::table('a', function ($t) { $t->drop('b'); }); }"), DownMethod.YES),
        (php(""), DownMethod.MISSING),
        (php("// function down() { x(); }"), DownMethod.MISSING),
        (php("public function down() { }"), DownMethod.EMPTY),
        (php("public function down()\n{\n    // what was deleted is gone { \n}"), DownMethod.EMPTY),
        (php("public function down() { return; }"), DownMethod.EMPTY),
        (php("public function down() { $text = '}'; throw new X('}'); }"), DownMethod.YES),
        (php("public function down() { # nothing }\n }"), DownMethod.EMPTY),
    ],
)  # fmt: skip
def test_the_way_back_is_found(source: str, down: DownMethod) -> None:
    assert down_method_of(source, ".php") is down


def test_another_language_is_not_guessed() -> None:
    assert down_method_of("def downgrade(): pass", ".py") is DownMethod.UNKNOWN


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("public function down() { Schema::connection('other')->drop('x'); }", True),
        ("protected $connection = 'other';", True),
        ("// Schema::connection('other')", False),
        ("public function down() { Schema::drop('connection('); }", False),
    ],
)
def test_another_connection_is_seen_in_code_alone(body: str, names: bool) -> None:
    assert names_connection(php(body), OTHER, ".php") is names


@pytest.mark.parametrize(
    ("up", "word"),
    [
        ("$t->dropColumn('fax');", "dropColumn"),
        ("Schema::dropIfExists('x');", "dropIfExists"),
        ("DB::statement('DELETE FROM x');", "DELETE FROM"),
        ("DB::table('x')->update(['a' => 1]);", "update"),
        ("$t->dropIndex('i'); // dropColumn('a')", ""),
        ("$t->string('a');", ""),
    ],
)
def test_a_word_that_destroys_is_found_in_the_way_up_alone(up: str, word: str) -> None:
    down = "public function down() { Schema::dropIfExists('y'); }"
    assert word_that_destroys(f"<?php class X {{ public function up() {{ {up}\n }} {down} }}", ".php") == word
