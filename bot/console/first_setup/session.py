"""One first set-up from the first question to the last line that is printed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from rich.console import Console

from bot.config.load import load_configuration
from bot.config.operations import CheckedRecipe, load_operations
from bot.config.problems import ConfigurationError
from bot.config.recipe_vars import check_recipe
from bot.console.doctor_checks.problem_text import explain
from bot.console.first_setup import interview
from bot.console.first_setup.host_trust import NotTrustedError, make_known
from bot.console.first_setup.new_files import NewFile, existing, write_new_files
from bot.console.first_setup.questions import Questions
from bot.console.init import Flags
from bot.console.output import print_text
from bot.domain.errors import RefusedError
from bot.domain.secrets import masker_of
from bot.domain.targets.target import Host
from bot.hosts.connections import Connections
from bot.recipes.load import BUILTIN, RecipeError, parse_recipe
from bot.setup.administrator import tasks
from bot.setup.answers import Answers, HostAnswer
from bot.setup.files import env_text, ops_text
from bot.setup.host_survey import Checkout, IncompleteSurveyError, Survey, parse_survey, survey_command
from bot.setup.scripts.recipe_text import divide, recipe_text
from bot.setup.scripts.recognition import Recognised, recognise, summary
from bot.setup.scripts.sources import read_script
from bot.setup.scripts.statements import ScriptError

_SURVEY_SECONDS = 90.0
_MAX_ANSWER = 4 * 1024 * 1024


class CannotError(Exception):
    """The first set-up cannot be done; the message says why, and what would be right."""


class Session:
    """One set-up.

    Args:
        flags: of the command line.
        ops: the operations file that is written.
        env: the environment file that is written.
        real: the real environment.
        console: where is printed.
        questions: asks what no flag says.
    """

    def __init__(
        self, flags: Flags, ops: Path, env: Path, real: Mapping[str, str], console: Console, questions: Questions
    ) -> None:
        self._flags = flags
        self._ops = ops
        self._env = env
        self._real = real
        self._console = console
        self._questions = questions

    async def run(self) -> None:
        """Ask, look, write and print.

        Raises:
            UnansweredError: an answer is missing or wrong.
            CannotError: it cannot be done.
        """
        self._refuse_to_overwrite(())
        script = self._script()
        hosts = interview.hosts(self._flags, self._questions)
        try:
            survey = await self._survey(hosts)
        except RefusedError as refusal:
            raise CannotError(explain(refusal.problem)) from None
        except NotTrustedError as error:
            raise CannotError(str(error)) from None
        checkout = self._checkout(survey)
        self._tell(survey, checkout)
        answers = interview.answers(self._flags, self._questions, hosts, survey, checkout, script, self._real)
        files = self._files(answers, script)
        try:
            write_new_files(files)
        except OSError as error:
            raise CannotError(f"{error.filename2 or error.filename or self._ops}: {error.strerror}") from None
        self._finish(answers, survey, checkout, files, script)

    def _refuse_to_overwrite(self, more: tuple[Path, ...]) -> None:
        found = existing((self._ops, self._env, *more))
        if found:
            named = " and ".join(str(path) for path in found)
            raise CannotError(
                f"{named} {'is' if len(found) == 1 else 'are'} there already; "
                "move it away, or name others by --ops and --env"
            )

    def _script(self) -> Recognised | None:
        path = self._flags.script
        if path is None:
            return None
        try:
            return recognise(read_script(path.name, path.read_text(encoding="utf-8-sig")))
        except (OSError, UnicodeDecodeError) as error:
            raise CannotError(f"{path} cannot be read: {error}") from None
        except ScriptError as error:
            raise CannotError(f"{path}: {error}") from None

    async def _survey(self, hosts: tuple[HostAnswer, ...]) -> Survey:
        known = {
            each.name: Host(
                each.name,
                each.address,
                each.port,
                each.user,
                each.key or None,
                each.known_hosts or None,
                each.jump or None,
            )
            for each in hosts
        }
        async with Connections(known) as connections:
            for host in known.values():
                await make_known(connections, host, self._flags.fingerprints, self._questions, self._console)
            nonce = secrets.token_hex(8)
            command = survey_command(nonce, self._flags.path or "")
            answer = await connections.read(hosts[-1].name, command, _SURVEY_SECONDS, _MAX_ANSWER)
        try:
            return parse_survey(answer.stdout, nonce)
        except IncompleteSurveyError:
            said = " ".join(answer.stderr.decode(errors="replace").split())[-300:] or "its answer was cut off"
            raise CannotError(f"logged in, but the host could not be looked at: {said}") from None

    def _checkout(self, survey: Survey) -> Checkout:
        if not survey.checkouts:
            raise CannotError(
                "no application (artisan, manage.py, alembic.ini) was found in /var/www, /srv, /opt "
                "or the homes; say where it is by --path"
            )
        checkout = interview.choose(self._flags, self._questions, survey.checkouts)
        if checkout.trouble == "none":
            raise CannotError(f"{checkout.path} is no git checkout; clone the repository there")
        if checkout.trouble and "dubious ownership" not in checkout.trouble:
            raise CannotError(f"{checkout.path}: {checkout.trouble}")
        return checkout

    def _tell(self, survey: Survey, checkout: Checkout) -> None:
        lines = [
            f"{checkout.path}: {checkout.framework.value}, branch {checkout.branch or 'unknown'}",
            f"PHP {survey.php}" if survey.php else "",
            f"services: {', '.join(survey.units)}" if survey.units else "",
            f"the web server runs as {', '.join(survey.web_users)}" if survey.web_users else "",
            f"database {checkout.database.name} at {checkout.database.host}, account {checkout.database.user}"
            if checkout.database
            else "",
            checkout.env_trouble if checkout.env_trouble not in {"", "none"} else "",
            f"its origin does not answer: {checkout.origin_trouble}" if checkout.origin_trouble else "",
            f"git does not read it: {checkout.trouble}" if checkout.trouble else "",
            f"storage/logs belongs to {checkout.written_by}, not to {survey.user}: the steps that write there may fail"
            if checkout.written_by not in {"", survey.user}
            else "",
        ]
        masker = masker_of((checkout.database.password,) if checkout.database else ())
        for line in lines:
            if line:
                print_text(self._console, masker.mask(f"  {line}"))

    def _files(self, answers: Answers, script: Recognised | None) -> tuple[NewFile, ...]:
        """Give what is written, checked as `countersign check` does it."""
        made: list[NewFile] = []
        if script is not None and self._flags.script is not None:
            builtin = divide(
                (BUILTIN / f"{'laravel' if script.is_laravel else 'shell'}.yaml").read_text(encoding="utf-8")
            )
            text = recipe_text(answers.app, self._flags.script.name, script, builtin)
            made.append(NewFile(self._ops.with_name(answers.recipe.removeprefix("./")), text, 0o644))
            self._refuse_to_overwrite((made[0].path,))
        ops = ops_text(answers)
        self._check(answers, ops, made[0].text if made else None)
        return (*made, NewFile(self._env, env_text(answers), 0o600), NewFile(self._ops, ops, 0o644))

    def _check(self, answers: Answers, ops: str, made: str | None) -> None:
        def checked(recipe: str, base: Path, values: Mapping[str, object]) -> CheckedRecipe:
            if made is None:
                return check_recipe(recipe, base, values)
            variables, problems = parse_recipe(made, recipe).check_vars(values)
            return CheckedRecipe(variables, var_problems=problems)

        variables = dict(self._real)
        if answers.database is not None:
            password = answers.database.password
            variables.setdefault(answers.database.variable, password.reveal() if password else "set elsewhere")
        try:
            load_operations(ops, self._ops, variables, checked)
        except ConfigurationError as error:
            raise CannotError("\n".join(str(problem) for problem in error.problems)) from None
        except RecipeError as error:
            raise CannotError(str(error)) from None

    def _finish(
        self,
        answers: Answers,
        survey: Survey,
        checkout: Checkout,
        files: tuple[NewFile, ...],
        script: Recognised | None,
    ) -> None:
        own = [answers.bot_token, answers.app_token, answers.database.password if answers.database else None]
        masker = masker_of(tuple(secret for secret in own if secret is not None))

        def tell(text: str, style: str = "") -> None:
            print_text(self._console, masker.mask(text), style)

        tell("")
        for file in files:
            tell(f"Wrote {file.path}{' (for you alone: it has secrets)' if file.mode == 0o600 else ''}.", "bold green")
        if script is not None:
            counted = summary(script)
            tell(
                f"Of {self._flags.script} {counted['known']} statements are steps that the bot knows, "
                f"{counted['kept']} are kept as they are, {counted['not needed']} need no step. Read the recipe."
            )
        documented = (resources.files("bot.setup") / "grants.sql").read_text(encoding="utf-8")
        for number, task in enumerate(tasks(answers, survey, checkout, documented, str(self._env)), start=1):
            tell(f"\n{number}. {task.title}:", "bold")
            for line in task.lines:
                tell(line)
        tell("\nThen: countersign check && countersign doctor", "bold")
        for problem in self._left():
            tell(f"Left for you: {problem}", "yellow")

    def _left(self) -> tuple[str, ...]:
        """Give what `countersign check` still complains of: what was not answered."""
        try:
            load_configuration(self._env, self._ops, self._real, check_recipe)
        except ConfigurationError as error:
            return tuple(str(problem) for problem in error.problems)
        return ()
