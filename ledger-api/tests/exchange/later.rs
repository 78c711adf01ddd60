//! What is said later about what was done: findings about a signature, and the end of a compromise. Who may ask, who
//! sees it, and that nothing is said twice.

use ledger_api::server::auth::Role;
use ledger_core::id::KeyId;
use ledger_core::pki::certificate::Certificate;
use serde_json::{Value, json};

use crate::company::{DAY_MS, Exchange, base64};
use crate::support::{Client, Reply};

const STRANGER: &str = "0123456789abcdef0123456789abcdef";

/// The types of the records that somebody sees.
fn seen(who: &Client) -> Vec<String> {
    let page = who.get("/v1/events?limit=200").ok(200);
    let types = page["items"].as_array().unwrap().iter().filter_map(|item| item["record"]["type"].as_str());
    types.map(str::to_owned).collect()
}

fn sees(who: &Client, kind: &str) -> bool {
    seen(who).iter().any(|seen| seen == kind)
}

/// Refused with this one finding, which names its clause.
#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str, clause: &str) {
    let problem = reply.problem(status, code);
    let findings: Vec<(&Value, &Value)> =
        problem["findings"].as_array().unwrap().iter().map(|finding| (&finding["code"], &finding["clause"])).collect();
    assert_eq!(findings, [(&json!(code), &json!(clause))], "{reply}");
}

/// As [`refused`], for reasons of which this is one.
#[track_caller]
fn refused_also(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{reply}");
    let problem = reply.json();
    assert!(problem["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code), "{reply}");
}

#[test]
fn a_finding_is_asked_for_by_the_parties_of_a_signature_and_seen_by_all_who_have_the_document() {
    let exchange = Exchange::open();
    let (seller, buyer, now) = (&exchange.seller, &exchange.buyer, exchange.now);
    let (operator, auditor) = (exchange.service.operator(), exchange.service.client(Role::Auditor));
    let stranger = exchange.service.participant(STRANGER);
    let (document, delivery) = seller.sent(buyer, "a finding");
    buyer.receives(&delivery);
    let view = seller.client.get(&format!("/v1/documents/{document}")).ok(200);
    let signature = &view["slots"][0]["signature"]["signed"]["event"];
    let path = format!("/v1/documents/{document}/findings");
    let body = json!({"signature": signature});

    exchange.service.stranger().post(&path, "nobody", &body).problem(401, "unauthorized");
    auditor.post(&path, "auditor", &body).problem(403, "forbidden");
    stranger.post(&path, "stranger", &body).problem(404, "not-found");
    refused_also(&buyer.client.post(&path, "buyer", &body), 403, "not-the-owner");
    refused(&seller.client.post(&path, "early", &body), 409, "finding-unchanged", "8.2");
    refused(&operator.post(&path, "early", &body), 409, "finding-unchanged", "8.2");
    seller.client.post(&path, "what", &json!({"signature": "not-an-id"})).problem(422, "body-invalid");
    seller
        .client
        .post(&path, "verdict", &json!({"signature": signature, "verdict": "passed"}))
        .problem(422, "body-invalid");
    let formed = &view["formed"]["event"];
    seller.client.post(&path, "no-signature", &json!({"signature": formed})).problem(404, "not-found");
    let other = seller.formed("another document");
    seller.client.post(&format!("/v1/documents/{other}/findings"), "elsewhere", &body).problem(404, "not-found");
    assert!(!sees(&operator, "document.finding_recorded"));

    // The issuer says, later, that the certificate was revoked before the signing.
    let revoked = [(seller.signer.serial.as_slice(), now.minus_ms(1000))];
    let crl = exchange.ca.crl(&revoked, now, now.plus_ms(DAY_MS));
    operator.post("/v1/crls", "second", &json!({"crl": base64(&crl)})).ok(201);
    let dry = seller.client.post(&format!("{path}?dry_run=true"), "dry", &body).ok(200);
    assert_eq!(dry["would_pass"], true);
    let recorded = seller.client.post(&path, "late", &body);
    assert_eq!(recorded.ok(201)["events"].as_array().map(Vec::len), Some(1));
    let again = seller.client.post(&path, "late", &body);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{again}");
    assert_eq!(again.body, recorded.body);
    let other_body = json!({"signature": formed});
    seller.client.post(&path, "late", &other_body).problem(422, "idempotency-key-reused");
    refused(&seller.client.post(&path, "later", &body), 409, "finding-unchanged", "8.2");

    let records = seen(&operator);
    assert_eq!(records.iter().filter(|kind| *kind == "document.finding_recorded").count(), 1);
    for who in [&seller.client, &operator, &auditor] {
        assert!(sees(who, "document.finding_recorded"), "{:?}", seen(who));
    }
    // A recipient's feed has the records of its delivery; what is found about a signature is in its view of the document.
    assert!(!sees(&buyer.client, "document.finding_recorded"));
    for who in [&seller.client, &buyer.client, &operator, &auditor] {
        let view = who.get(&format!("/v1/documents/{document}")).ok(200);
        let shown = &view["slots"][0]["signature"];
        assert_eq!((&shown["verdict"], &shown["finding"]["verdict"]), (&json!("passed"), &json!("failed")), "{shown}");
        assert_eq!(view["deliveries"][0]["findings"][0]["validity"], "invalid", "{view}");
    }
    assert_eq!(seen(&stranger), Vec::<String>::new());
    stranger.get(&format!("/v1/documents/{document}")).problem(404, "not-found");
}

#[test]
fn the_operator_alone_ends_a_compromise_and_its_owner_sees_how() {
    let exchange = Exchange::open();
    let (seller, buyer, now) = (&exchange.seller, &exchange.buyer, exchange.now);
    let (operator, auditor) = (exchange.service.operator(), exchange.service.client(Role::Auditor));
    let stranger = exchange.service.participant(STRANGER);
    let (document, _) = seller.sent(buyer, "in the window");
    let key: KeyId = Certificate::parse(&seller.signer.certificate_der).unwrap().key();
    let path = |act: &str| format!("/v1/compromises/{key}:{act}");
    let window = |who: &Client| {
        let view = who.get(&format!("/v1/documents/{document}")).ok(200);
        view["slots"][0]["signature"]["window"].clone()
    };
    let nothing = json!({});
    refused(&operator.post(&path("resume"), "early", &nothing), 409, "key-not-suspended", "8.10");
    refused(&operator.post(&path("annul"), "early-annul", &nothing), 409, "key-not-suspended", "8.10");

    let notice = json!({"key": key, "learned_at": now, "claimed_since": now});
    refused_also(&buyer.client.post("/v1/compromises", "not-mine", &notice), 403, "not-the-owner");
    seller.client.post("/v1/compromises", "lost", &notice).ok(201);
    for act in ["annul", "resume"] {
        exchange.service.stranger().post(&path(act), act, &nothing).problem(401, "unauthorized");
        for who in [&seller.client, &buyer.client, &stranger, &auditor] {
            who.post(&path(act), act, &nothing).problem(403, "forbidden");
        }
        operator.post(&path(act), act, &json!({"participant": STRANGER})).problem(422, "body-invalid");
        operator.post(&format!("/v1/compromises/nothing:{act}"), act, &nothing).problem(404, "not-found");
        let unknown = format!("/v1/compromises/{}:{act}", "0".repeat(64));
        refused(&operator.post(&unknown, act, &nothing), 409, "key-not-suspended", "8.10");
    }
    assert_eq!(window(&seller.client), "contested");

    let resumed = operator.post(&path("resume"), "false-alarm", &nothing);
    resumed.ok(201);
    let again = operator.post(&path("resume"), "false-alarm", &nothing);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{again}");
    operator.post(&path("annul"), "false-alarm", &nothing).problem(422, "idempotency-key-reused");
    refused(&operator.post(&path("resume"), "twice", &nothing), 409, "key-not-suspended", "8.10");
    assert_eq!(window(&buyer.client), "false-alarm");
    seller.signed("with the key that came back");

    seller.client.post("/v1/compromises", "lost-again", &notice).ok(201);
    operator.post(&path("annul"), "for-good", &nothing).ok(201);
    refused(&operator.post(&path("annul"), "annul-twice", &nothing), 422, "certificate-annulled", "8.10");
    refused(&operator.post(&path("resume"), "too-late", &nothing), 422, "certificate-annulled", "8.10");
    let sign = format!("/v1/documents/{}:sign", seller.formed("after the annulment"));
    let annulled = seller.client.post(&sign, "after-sign", &seller.cms(b"after the annulment"));
    refused_also(&annulled, 422, "certificate-annulled");

    for (kind, times) in [("key.use_resumed", 1), ("key.annulled", 1)] {
        for who in [&seller.client, &operator, &auditor] {
            assert_eq!(seen(who).iter().filter(|seen| *seen == kind).count(), times, "{kind}: {:?}", seen(who));
        }
        assert!(!sees(&stranger, kind), "{kind}");
        assert!(!sees(&buyer.client, kind), "{kind}");
    }
    // The recipient of a document in the window has to know of it.
    for who in [&seller.client, &buyer.client, &operator, &auditor] {
        assert!(who.get(&format!("/v1/compromises/{key}/impact")).ok(200).to_string().contains(&document));
    }
    stranger.get(&format!("/v1/compromises/{key}/impact")).problem(404, "not-found");
}
