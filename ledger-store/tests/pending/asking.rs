//! When the ledger asks the services outside, how often, and how long a command waits for them.

use std::future::poll_fn;
use std::task::Poll;

use super::*;

/// Longer than this nobody waits here, unless for ever.
const FOR_EVER: Duration = Duration::from_mins(1);

impl World {
    fn asked(&self) -> usize {
        self.source.asked.load(Ordering::Relaxed)
    }

    /// A document with good signatures of both companies, sent to the second.
    async fn delivered_with_two_signatures(&self, content: &str) -> DeliveryId {
        self.answer(Answers::Good);
        let second = self.second_signer().await;
        let slot = |participant| SlotRequest { participant, mandatory: true, group: 1, required_role: None };
        let document = self.form_for(content, vec![slot(self.sender), slot(self.recipient)]).await;
        self.sign(document, content, "first").await.unwrap();
        let cms = second.sign_detached(content.as_bytes(), self.clock.now());
        let signed = ApplySignature { document, cms };
        self.ledger.execute(&actor(Some(self.recipient)), "second-sign", signed.into()).await.unwrap();
        made(StreamKind::Delivery, &self.send(document, "send").await.unwrap())
    }

    async fn receive(&self, delivery: DeliveryId, key: &str) -> Result<Executed, LedgerError> {
        self.ledger.execute(&actor(Some(self.recipient)), key, Receive { delivery }.into()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_asks_once_and_nobody_can_make_the_ledger_ask_about_a_stranger() {
    let world = World::new("asked").await;
    let document = world.form("asked").await;
    let asked = || world.source.asked.load(Ordering::Relaxed);
    let before = asked();
    world.sign(document, "asked", "sign").await.unwrap();
    assert_eq!(asked(), before + 1);
    let mut ca = world.ca.clone();
    let spec = PartySpec {
        common_name: "STRANGER".into(),
        organization: None,
        bin: None,
        iin: "123456789011".into(),
        algorithm: Algorithm::P256,
        not_before: world.clock.now().minus_ms(HOUR_MS),
        not_after: world.clock.now().plus_ms(HOUR_MS),
        purpose: Purpose::Signing,
    };
    let cms = ca.issue(&spec, [9; 32]).sign_detached(b"asked", world.clock.now());
    codes(world.run("stranger", ApplySignature { document, cms }).await);
    assert_eq!(asked(), before + 1);
}

/// Strangers, commands in the wrong state, bad signatures and dry runs: each would cost an answer or a time-stamp.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_would_be_refused_anyway_asks_nobody_and_nor_does_a_dry_run() {
    let world = World::new("refused").await;
    world.answer(Answers::Good);
    let document = world.form("refused").await;
    let cms = world.signer.sign_detached(b"refused", world.clock.now());
    let signing = ApplySignature { document, cms };
    let stranger = actor(Some(ParticipantId::from_random([9; 16])));
    let asked = world.asked();

    let hidden = world.ledger.execute(&stranger, "stranger", signing.clone().into()).await;
    assert!(matches!(hidden, Err(LedgerError::NotFound("document"))), "{hidden:?}");
    let other_bytes = world.signer.sign_detached(b"other bytes", world.clock.now());
    codes(world.run("bytes", ApplySignature { document, cms: other_bytes }).await);
    world.ledger.check(&actor(Some(world.sender)), signing.clone().into()).await.unwrap();
    assert_eq!(world.asked(), asked);

    let signature = world.run("sign", signing.clone()).await.unwrap().event().unwrap();
    assert_eq!(world.asked(), asked + 1);
    assert_eq!(world.run("sign", signing.clone()).await.unwrap().event(), Some(signature), "replayed");
    assert_eq!(codes(world.run("again", signing).await), [RefusalCode::SignerAlreadySigned]);
    let finding = RecordFinding { document, signature, delivery: None };
    let hidden = world.ledger.execute(&stranger, "finding", finding.clone().into()).await;
    assert!(matches!(hidden, Err(LedgerError::NotFound("document"))), "{hidden:?}");
    let delivery: DeliveryId = made(StreamKind::Delivery, &world.send(document, "send").await.unwrap());
    codes(world.ledger.execute(&actor(Some(world.recipient)), "not-the-owner", finding.into()).await);
    codes(world.ledger.execute(&actor(Some(world.sender)), "not-the-recipient", Receive { delivery }.into()).await);
    let hidden = world.ledger.execute(&stranger, "receive", Receive { delivery }.into()).await;
    assert!(matches!(hidden, Err(LedgerError::NotFound("delivery"))), "{hidden:?}");
    assert_eq!(world.asked(), asked + 1);

    world.receive(delivery, "receive").await.unwrap();
    assert_eq!(world.asked(), asked + 2);
    assert_eq!(codes(world.receive(delivery, "twice").await), [RefusalCode::DocumentState]);
    assert_eq!(world.asked(), asked + 2);
}

/// The list is appended while the signature waits for the source, by a caller that goes away before the ledger has taken
/// it in: the signature's decision rests on lists that have moved, and is made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_made_again_does_not_ask_again() {
    let world = World::new("conflict").await;
    world.answer(Answers::Good);
    let document = world.form("conflict").await;
    let now = world.clock.now();
    let crl = RecordCrl { crl: world.ca.crl(&[], now, now.plus_ms(24 * HOUR_MS)) };
    let ledger = world.ledger.clone();
    *world.source.meanwhile.lock().unwrap() = Some(Box::new(move || {
        Box::pin(async move {
            let tree = || ledger.store().head().size;
            let (before, operator) = (tree(), actor(None));
            let mut recording = Box::pin(ledger.execute(&operator, "list", crl.into()));
            while tree() == before {
                let pending = poll_fn(|context| Poll::Ready(recording.as_mut().poll(context).is_pending())).await;
                assert!(pending, "the caller was to go away");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    }));
    let asked = world.asked();
    world.sign(document, "conflict", "sign").await.unwrap();
    assert_eq!(world.asked(), asked + 1);
    let feed = world.ledger.feed(None, 1000, Viewer::Operator).await.unwrap();
    let last = |name| {
        let found = feed.iter().rev().find(|item| item.record.contains(name)).unwrap();
        serde_json::from_str::<serde_json::Value>(&found.record).unwrap()
    };
    let (recorded, signed) = (last("ledger.crl_recorded"), last("document.signature_applied"));
    let rests_on = signed["data"].to_string();
    assert!(rests_on.contains(&recorded["id"].to_string()), "it rests on the new list: {rests_on}");
}

/// One after the other would wait here for ever, and so would a receipt without a limit of its own.
#[tokio::test(flavor = "multi_thread")]
async fn all_questions_of_a_command_are_asked_within_one_time_whatever_the_source_does() {
    let world = World::new("one-time").await;
    let delivery = world.delivered_with_two_signatures("one-time").await;
    let asked = world.asked();
    world.answer(Answers::Hanging);
    *world.source.patience.lock().unwrap() = Duration::from_millis(100);
    // What is known from the signing is enough; else the answer would be that it is not known yet.
    world.wait_hours(200);
    let refused = tokio::time::timeout(FOR_EVER, world.receive(delivery, "hanging")).await.unwrap();
    assert_eq!(codes(refused), [RefusalCode::SignatureIndeterminate]);
    assert_eq!(world.asked(), asked + 2);

    world.answer(Answers::Together(Arc::new(tokio::sync::Barrier::new(2))));
    *world.source.patience.lock().unwrap() = 10 * FOR_EVER;
    let side_by_side = tokio::time::timeout(FOR_EVER, world.receive(delivery, "together")).await.unwrap();
    assert_eq!(codes(side_by_side), [RefusalCode::SignatureIndeterminate]);
}
