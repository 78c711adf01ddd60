//! The six actions over HTTP, by two companies with keys of their own: done, refused, raced for, and the evidence
//! checked offline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use base64ct::{Base64, Encoding as _};
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options, Verdict};
use ledger_core::id::KeyId;
use ledger_core::pki::certificate::Certificate;
use serde_json::json;

use self::company::Exchange;

#[path = "exchange/company.rs"]
mod company;
#[path = "exchange/later.rs"]
mod later;
#[path = "exchange/races.rs"]
mod races;
#[path = "exchange/refusals.rs"]
mod refusals;
mod support;

#[test]
fn two_companies_exchange_a_document_and_anybody_can_check_it() {
    let Exchange { seller, buyer, now, service, .. } = Exchange::open();
    let operator = service.operator();

    // Create, sign, send, receive, answer.
    let (document, delivery) = seller.sent(&buyer, "100 tonnes of wheat");
    buyer.receives(&delivery);
    let late = seller.act(&delivery, "recall").problem(409, "document-state");
    assert!(late["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{late}");
    let receipt = seller.client.get(&format!("/v1/deliveries/{delivery}/receipt")).ok(200);
    assert!(receipt["note"].as_str().unwrap().contains("\"incoming\":{\"number\":1"), "{receipt}");
    let answer = buyer.cms(b"100 tonnes of wheat");
    buyer.client.post(&format!("/v1/deliveries/{delivery}:countersign"), "answer", &answer).ok(201);

    // Revoke: another one, before it is accounted.
    let (_, recalled) = seller.sent(&buyer, "sent by mistake");
    seller.act(&recalled, "recall").ok(201);
    buyer.client.post(&format!("/v1/deliveries/{recalled}:receive"), "late", &json!({})).problem(409, "document-state");

    // The evidence, checked without the service: the trust comes from the operator's side, the CA from the test.
    let bundle = operator.get(&format!("/v1/documents/{document}/evidence"));
    assert_eq!(bundle.status, 200);
    let trust = operator.get("/v1/ledger/trust-bundle").ok(200);
    let files: Vec<(String, Vec<u8>)> = trust["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let bytes = Base64::decode_vec(file["content_base64"].as_str().unwrap()).unwrap();
            (file["name"].as_str().unwrap().to_owned(), bytes)
        })
        .collect();
    let trust =
        TrustDirectory::from_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))).unwrap();
    let report = verify::verify(&bundle.body, &trust, Options::default()).unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.findings);

    // Compromise: the key is suspended at once, later signatures are refused, the contract is listed.
    let key: KeyId = Certificate::parse(&seller.signer.certificate_der).unwrap().key();
    let notice = json!({"key": key, "learned_at": now, "claimed_since": now});
    let reported = seller.client.post("/v1/compromises", "lost", &notice);
    reported.ok(201);
    let again = seller.client.post("/v1/compromises", "lost", &notice);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{again}");
    assert_eq!(again.body, reported.body);
    let impact = seller.client.get(&format!("/v1/compromises/{key}/impact")).ok(200);
    assert!(impact.to_string().contains(&document), "{impact}");
    let path = format!("/v1/documents/{}:sign", seller.formed("after"));
    seller.client.post(&path, "after-sign", &seller.cms(b"after")).problem(422, "certificate-suspended");

    // A stranger sees none of it.
    let stranger = service.participant("0123456789abcdef0123456789abcdef");
    for path in [format!("/v1/documents/{document}"), format!("/v1/deliveries/{delivery}")] {
        assert_eq!(stranger.get(&path).status, 404);
    }
}
