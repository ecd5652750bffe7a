"""The App Home and the forms in Chromium, as on a phone and on a desk. Screenshots are kept in build/screenshots."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from bot.domain.names import TargetName
from bot.domain.runs.plan import Commit
from bot.domain.runs.request import DeployOptions
from bot.domain.targets.branch_commits import BranchCommits
from tests.slack.support.dashboards import APPS
from tests.slack.support.runs import AMELIE, NEW, OLD, RUNS
from tests.slack.support.workspace import Workspace
from tests.support.polling import eventually

pytestmark = pytest.mark.xdist_group("chromium")

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=900)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
COMMIT = Commit(NEW, "Amélie", "feat(sessions): révoquer le token lors de la désactivation de la session")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield opened
        await opened.close()


def sixty(workspace: Workspace) -> None:
    """Give the world sixty environments."""
    example = next(iter(workspace.engine.operations.targets.values()))
    names = [TargetName(app, each) for app in APPS for each in ("production", "staging", "demo")]
    workspace.engine.operations = replace(
        workspace.engine.operations, targets={name: replace(example, name=name) for name in names}
    )


async def opened(browser: Browser, workspace: Workspace, size: ViewportSize, where: str) -> Page:
    context = await browser.new_context(viewport=size)
    context.set_default_timeout(15_000)
    page = await context.new_page()
    await page.goto(f"{workspace.server.url}?as={AMELIE}#/{where}")
    await page.wait_for_selector("body[data-ready]")
    return page


async def kept(page: Page, name: str, size: ViewportSize) -> None:
    """Keep a picture, and see that nothing sticks out to the side."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}-{size['width']}.png", full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    wide = "[...document.querySelectorAll('.home *, dialog *')].filter(e => e.scrollWidth > e.clientWidth + 1 &&"
    sticking_out = f"{wide} getComputedStyle(e).display !== 'inline').map(e => e.className)"
    assert await page.evaluate(sticking_out) == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_of_sixty_environments_one_is_chosen_and_deployed_to(
    browser: Browser, workspace: Workspace, size: ViewportSize
) -> None:
    sixty(workspace)
    workspace.engine.runs["R-7K3F9Q"] = RUNS["running"]
    compte = TargetName("compte", "staging")
    workspace.engine.status_service.commits[compte] = BranchCommits("main", OLD, NEW, (COMMIT,), fetched=True)
    async with workspace.app():
        page = await opened(browser, workspace, size, "app/home")
        await expect(page.get_by_text("step 6 of 9")).to_be_visible()
        await kept(page, "home-sixty", size)
        await page.get_by_role("combobox").select_option("app:compte")
        await expect(page.get_by_role("button", name="Deploy", exact=True)).to_have_count(3)
        await expect(page.get_by_text("abonnements production")).to_have_count(0)
        row = page.locator(".actions").filter(has=page.get_by_role("button", name="Back up"))
        await row.nth(2).get_by_role("button", name="Deploy", exact=True).click()
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_label("Commit", exact=True)).to_contain_text(
            "Newest of main: aace2d6 feat(sessions)"
        )
        await kept(page, "form-deploy", size)
        await dialog.get_by_label("Another branch").fill("a..b")
        await dialog.get_by_role("button", name="Plan it").click()
        await expect(dialog.get_by_text("a..b can't be a branch")).to_be_visible()
        await dialog.get_by_label("Another branch").fill("")
        await dialog.get_by_label("Commit", exact=True).select_option(NEW)
        await dialog.get_by_role("button", name="Plan it").click()
        await expect(dialog).to_have_count(0)
        await eventually(lambda: workspace.engine.submitted)
    [request] = workspace.engine.submitted
    assert (request.target, request.options) == (compte, DeployOptions(NEW))
