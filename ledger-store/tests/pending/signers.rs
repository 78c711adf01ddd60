//! Several signers of one document, long after one another (product.md C.7, tests 1 and 2).

use super::*;

impl World {
    /// A second company of the signers, which is the recipient too.
    pub(crate) async fn second_signer(&self) -> Party {
        let mut ca = self.ca.clone();
        let spec = PartySpec {
            common_name: "SECOND DIRECTOR".into(),
            organization: Some("Recipient".into()),
            bin: Some("123456789031".into()),
            iin: "123456789012".into(),
            algorithm: Algorithm::P256,
            not_before: self.clock.now().minus_ms(HOUR_MS),
            not_after: self.clock.now().plus_ms(2 * 365 * 24 * HOUR_MS),
            purpose: Purpose::Signing,
        };
        let signer = ca.issue(&spec, [7; 32]);
        let statement = self.ledger.possession_statement(self.recipient).unwrap();
        let possession = signer.sign_detached(&statement, self.clock.now());
        let certificate = signer.certificate_der.clone();
        let register = RegisterCertificate { participant: self.recipient, certificate, chain: vec![], possession };
        self.ledger.execute(&actor(Some(self.recipient)), "second", register.into()).await.unwrap();
        signer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_before_the_second_signer_signs_takes_nothing_from_the_first_signature() {
    let world = World::new("expired").await;
    world.answer(Answers::Good);
    let second = world.second_signer().await;
    let slot = |participant, group| SlotRequest { participant, mandatory: true, group, required_role: None };
    let document = world.form_for("expired", vec![slot(world.sender, 1), slot(world.recipient, 2)]).await;
    let first = world.signer.sign_detached(b"expired", world.clock.now());
    let signed = world.run("first", ApplySignature { document, cms: first.clone() }).await.unwrap().event().unwrap();

    world.wait_hours(400 * 24);
    let cms = second.sign_detached(b"expired", world.clock.now());
    let late = ApplySignature { document, cms: cms.clone() };
    let late = world.ledger.execute(&actor(Some(world.recipient)), "second-sign", late.into()).await.unwrap();
    let view = world.ledger.document(document, Viewer::Operator).await.unwrap().unwrap();
    for slot in &view.slots {
        let signature = slot.signature.as_ref().unwrap();
        assert_eq!(
            (slot.state, signature.verdict, signature.finding.as_ref().map(drop)),
            (Signing::Signed, Verdict::Passed, None)
        );
    }
    let own = |event| world.ledger.signature(event, Viewer::Operator);
    assert_eq!(own(signed).await.unwrap().unwrap(), first, "the bytes of the first are as they came");
    assert_eq!(own(late.event().unwrap()).await.unwrap().unwrap(), cms);
    // Nobody signs with the expired one any more, and looking again takes nothing back.
    let after = world.form("after").await;
    codes(world.sign(after, "after", "after").await);
    let again = world.run("again", RecordFinding { document, signature: signed, delivery: None }).await;
    assert_eq!(codes(again), [RefusalCode::FindingUnchanged]);
    world.send(document, "send").await.unwrap();
}
