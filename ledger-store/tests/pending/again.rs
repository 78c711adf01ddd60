//! Looking again and again: every waiting signature has its turn, and a change of verdict is recorded once, whoever asks,
//! however often, and wherever it breaks off.

use std::future::poll_fn;
use std::task::Poll;

use super::*;

impl World {
    /// A document with a signature that waits.
    async fn waiting(&self, content: &str) -> (DocumentId, EventId) {
        let document = self.form(content).await;
        let signed = self.sign(document, content, content).await.unwrap();
        (document, signed.event().unwrap())
    }

    /// The records of a kind.
    async fn count(&self, kind: &str) -> usize {
        let feed = self.ledger.feed(None, 10_000, Viewer::Operator).await.unwrap();
        feed.iter().filter(|item| item.record.contains(kind)).count()
    }

    async fn findings(&self) -> usize {
        self.count("document.finding_recorded").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_that_are_never_settled_do_not_hide_those_that_come_after_them() {
    let world = World::new("rounds").await;
    for content in ["one", "two", "three"] {
        world.waiting(content).await;
    }
    let waiting = world.ledger.pending_signatures(None, 10).await.unwrap();
    let after = world.ledger.pending_signatures(Some(waiting[0].since), 1).await.unwrap();
    assert_eq!(after, waiting[1..2]);
    assert_eq!(world.ledger.resolve_round(2).await.unwrap(), Resolved { settled: 0, waiting: 2 });
    world.answer(Answers::Good);
    assert_eq!(world.ledger.resolve_round(2).await.unwrap(), Resolved { settled: 1, waiting: 0 }, "the third");
    assert_eq!(world.ledger.resolve_round(2).await.unwrap(), Resolved { settled: 2, waiting: 0 }, "from the beginning");
    assert_eq!(world.ledger.resolve_round(2).await.unwrap(), Resolved::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_get_one_finding() {
    const ASKING: usize = 8;
    let world = World::new("at-once").await;
    let (document, signature) = world.waiting("once").await;
    world.answer(Answers::Together(Arc::new(tokio::sync::Barrier::new(ASKING))));
    let now = world.clock.now();
    let crl = RecordCrl { crl: world.ca.crl(&[], now, now.plus_ms(24 * HOUR_MS)) };
    world.operate("list", crl).await.unwrap();
    let asking = (0..ASKING).map(|n| {
        let (ledger, actor) = (world.ledger.clone(), actor(Some(world.sender)));
        let command = Command::from(RecordFinding { document, signature, delivery: None });
        tokio::spawn(async move { ledger.execute(&actor, &format!("ask-{n}"), command).await })
    });
    let mut recorded = 0;
    for asked in asking.collect::<Vec<_>>() {
        match asked.await.unwrap() {
            Ok(_) => recorded += 1,
            Err(LedgerError::Refused(refusal)) => assert_eq!(refusal.codes(), [RefusalCode::FindingUnchanged]),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((recorded, world.findings().await), (1, 1));
    world.answer(Answers::Unreachable);
    let again = world.run("ask-0", RecordFinding { document, signature, delivery: None }).await;
    assert!(matches!(&again, Ok(executed) if executed.replayed) || codes(again) == [RefusalCode::FindingUnchanged]);
    assert_eq!(world.findings().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_and_again_adds_nothing_but_refusals_whatever_the_responders_say() {
    let world = World::new("again").await;
    world.answer(Answers::Good);
    let (document, signature) = world.waiting("passed").await;
    for (round, answers) in
        [Answers::Good, Answers::Unreachable, Answers::Hostile, Answers::Good].into_iter().cycle().take(12).enumerate()
    {
        world.answer(answers);
        world.wait_hours(5);
        let asked = world.run(&format!("ask-{round}"), RecordFinding { document, signature, delivery: None }).await;
        assert_eq!(codes(asked), [RefusalCode::FindingUnchanged], "{round}");
        assert_eq!(world.ledger.resolve_pending().await.unwrap(), Resolved::default());
    }
    assert_eq!(world.findings().await, 0);
    assert_eq!(world.slot(document).await.state, Signing::Signed);
    let other = world.operate("operator", RecordFinding { document, signature, delivery: None }).await;
    assert_eq!(codes(other), [RefusalCode::FindingUnchanged]);
}

/// A caller that goes away, a service that stops: after every step but the last, and then it is done again.
#[tokio::test]
async fn wherever_the_search_breaks_off_doing_it_again_leaves_exactly_one_finding() {
    let world = World::new("break-off").await;
    let mut expected = 0;
    for steps in 0.. {
        world.answer(Answers::Unreachable);
        let (document, signature) = world.waiting(&format!("break-off-{steps}")).await;
        world.answer(Answers::Good);
        let command = Command::from(RecordFinding { document, signature, delivery: None });
        let (operator, key) = (actor(None), format!("finding-{steps}"));
        let mut finished = false;
        {
            let mut recording = Box::pin(world.ledger.execute(&operator, &key, command.clone()));
            for _ in 0..steps {
                let poll = poll_fn(|context| Poll::Ready(recording.as_mut().poll(context).map(drop))).await;
                finished = poll.is_ready();
                if finished {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        // What was handed to the log is carried out nevertheless.
        tokio::time::sleep(Duration::from_millis(30)).await;
        let again = world.ledger.execute(&operator, &key, command).await;
        assert!(again.is_ok(), "{steps}: {again:?}");
        world.ledger.resolve_pending().await.unwrap();
        expected += 1;
        assert_eq!(world.findings().await, expected, "{steps} steps");
        if finished {
            assert!(steps > 2, "it broke off somewhere");
            break;
        }
    }
    let (verdict, findings) = world.verify(world.form("last").await).await;
    assert_ne!(verdict, evidence::Verdict::Failed, "{findings:#?}");
    assert!(world.ledger.check_views().await.unwrap().agrees());
}

/// Whichever comes first: what was set aside is not sent, and what was sent is contradicted.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_never_sent_after_its_signature_was_found_to_be_none() {
    let world = World::new("found-or-sent").await;
    for round in 0..20 {
        world.answer(Answers::Good);
        let before = world.clock.now();
        let (document, signature) = world.waiting(&format!("round-{round}")).await;
        world.answer(Answers::RevokedSince(before.minus_ms(HOUR_MS)));
        // The finding asks outside first, so it would mostly be the later one.
        let (find, send) = (format!("find-{round}"), format!("send-{round}"));
        let late = async {
            if round % 2 == 1 {
                tokio::time::sleep(Duration::from_millis(10 * round)).await;
            }
            world.send(document, &send).await
        };
        let (found, dispatched) =
            tokio::join!(world.run(&find, RecordFinding { document, signature, delivery: None }), late);
        let found = found.unwrap().receipts[0].index;
        match dispatched {
            Ok(executed) => assert!(executed.receipts[0].index < found, "sent after the finding"),
            Err(refused) => assert_eq!(codes(Err(refused)), [RefusalCode::DocumentUnsigned]),
        }
    }
    assert!(world.ledger.check_views().await.unwrap().agrees());
}
