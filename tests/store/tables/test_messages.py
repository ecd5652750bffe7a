from dataclasses import replace

from bot.engine.run_changes import FactsAre
from bot.store import SqlStore
from tests.store.support.samples import HOUR, made, posted, running


async def test_a_message_is_inserted_and_replaced(store: SqlStore) -> None:
    await store.messages.save(posted(ts=""))
    await store.messages.save(posted(slot="plan", ts="3.4"))
    assert await store.messages.of_run("R-000001") == {"card": posted(ts=""), "plan": posted(slot="plan", ts="3.4")}
    await store.messages.save(posted(ts="1.2", fingerprint="g"))
    assert (await store.messages.of_run("R-000001"))["card"] == posted(ts="1.2", fingerprint="g")


async def test_a_message_is_found_by_its_place(store: SqlStore) -> None:
    await store.messages.save(posted())
    await store.messages.save(posted(slot="plan", ts=""))
    assert await store.messages.find("C0OPS", "1.2") == posted()
    assert await store.messages.find("C0OPS", "9.9") is None
    assert await store.messages.find("C0ELSE", "1.2") is None
    assert await store.messages.find("C0OPS", "") is None


async def test_changed_runs_are_named_oldest_change_first(store: SqlStore) -> None:
    first, second = await made(store, 1), await made(store, 2)
    assert await store.messages.unpublished() == (first.id, second.id)
    await store.messages.mark_published(first.id, first.revision)
    assert await store.messages.unpublished() == (second.id,)
    lease = await store.leases.claim(first.id, "one", HOUR)
    assert lease is not None
    changed = await store.runs.write(lease, (FactsAre({"a": "b"}),))
    assert await store.messages.unpublished() == (second.id, first.id)
    await store.messages.mark_published(first.id, changed.revision)
    assert await store.messages.unpublished() == (second.id,)


async def test_what_is_published_never_goes_back(store: SqlStore) -> None:
    lease = await running(store)
    old = await store.runs.write(lease, (FactsAre({"a": "1"}),))
    new = await store.runs.write(lease, (FactsAre({"a": "2"}),))
    await store.messages.mark_published(lease.run, old.revision)
    assert await store.messages.unpublished() == (lease.run,)
    await store.messages.mark_published(lease.run, new.revision)
    await store.messages.mark_published(lease.run, old.revision)
    assert await store.messages.unpublished() == ()


async def test_a_revision_that_never_was_hides_no_change(store: SqlStore) -> None:
    lease = await running(store)
    await store.messages.mark_published(lease.run, 1000)
    assert await store.messages.unpublished() == (lease.run,)


async def test_messages_of_runs_are_apart(store: SqlStore) -> None:
    await store.messages.save(posted())
    await store.messages.save(replace(posted(), run="R-000002", ts="5.6"))
    assert list((await store.messages.of_run("R-000002")).values()) == [replace(posted(), run="R-000002", ts="5.6")]
