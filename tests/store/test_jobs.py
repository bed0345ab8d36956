"""Jobs are leased, fenced, ended and tried again: each rule on both databases."""

from datetime import timedelta

from sqlalchemy import select

from bot.store import claims, jobs, queues
from bot.store.jobs import Lease
from bot.store.queues import JobState, inbox, job
from bot.store.transaction import Transaction
from tests.rig import FakeClock
from tests.store.post import Post


def start_job(post: Post, subject: int = 1) -> None:
    id_ = post.ids()

    def act(tx: Transaction) -> None:
        queues.start_job(tx, id=id_, key=f"fetch:{id_}", kind="fetch", subject=subject, data=b"sealed")

    post.writer.run(act)


def lease(post: Post) -> list[Lease]:
    return post.writer.run(lambda tx: jobs.lease_jobs(tx, 10, timedelta(minutes=5)))


def finish(post: Post, held: Lease) -> bool:
    return post.writer.run(lambda tx: jobs.finish_job(tx, held, JobState.DONE, id_=post.ids(), raw=b"result"))


def test_a_leased_job_is_leased_again_when_its_lease_ran_out(post: Post, clock: FakeClock) -> None:
    start_job(post)
    (first,) = lease(post)
    assert lease(post) == []
    clock.advance(minutes=5)
    (second,) = lease(post)
    assert (second.epoch, second.tries) == (first.epoch + 1, 2)


def test_a_late_finisher_of_a_job_is_fenced(post: Post, clock: FakeClock) -> None:
    start_job(post)
    (late,) = lease(post)
    clock.advance(minutes=5)
    (current,) = lease(post)
    assert not finish(post, late)
    assert post.writer.run(lambda tx: tx.read(select(inbox.c.id)).all()) == []
    post.writer.run(lambda tx: jobs.retry_job(tx, late, tx.now, "too late"))
    assert lease(post) == []
    assert finish(post, current)
    assert not finish(post, current)


def test_the_result_of_a_job_enters_the_inbox_with_its_end(post: Post) -> None:
    start_job(post, subject=9)
    (held,) = lease(post)
    assert finish(post, held)
    (head,) = post.writer.run(lambda tx: claims.heads(tx, 10, ["job"]))
    assert (head.channel, head.raw) == ("job", b"result")
    assert post.writer.run(lambda tx: tx.read(select(job.c.state)).scalar_one()) == JobState.DONE


def test_the_results_about_one_case_keep_their_order(post: Post) -> None:
    for subject in (9, 9, 8):
        start_job(post, subject)
    for held in lease(post):
        finish(post, held)
    lanes = post.writer.run(lambda tx: tx.read(select(inbox.c.lane).order_by(inbox.c.id)).scalars().all())
    assert lanes[0] == lanes[1] != lanes[2]


def test_a_job_that_is_tried_again_waits_for_its_moment(post: Post, clock: FakeClock) -> None:
    start_job(post)
    (held,) = lease(post)
    post.writer.run(lambda tx: jobs.retry_job(tx, held, tx.now + timedelta(seconds=15), "gone"))
    assert lease(post) == []
    clock.advance(seconds=15)
    assert len(lease(post)) == 1
