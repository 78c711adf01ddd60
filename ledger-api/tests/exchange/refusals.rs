//! The bad inputs of clauses.md A.17 that belong to the six actions: each gets its own problem with every finding and
//! its clause, changes nothing, and stands on record where it should.

use std::cell::Cell;
use std::process::Command;

use ledger_core::domain::refusal::RefusalCode;
use ledger_core::id::{IdentifierMode, KeyId};
use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::policy::SignaturePolicy;
use ledger_store::test_ca::{Algorithm, Party, Purpose, TestCa};
use serde_json::{Value, json};

use crate::company::{BUYER_BIN, Company, DAY_MS, Exchange, SELLER_BIN, base64, registration, spec};
use crate::support::{Client, Reply};

/// A log that is watched: what was written since one looked last.
struct Watched {
    operator: Client,
    after: Cell<u64>,
    asked: Cell<u32>,
}

/// One bad input: what it is, the path, the body, the status, and the codes of all findings; the first is the type.
type Row<'a> = (&'a str, &'a str, Value, u16, &'a [&'a str]);

impl Watched {
    fn new(exchange: &Exchange) -> Self {
        let watched = Self { operator: exchange.service.operator(), after: Cell::new(0), asked: Cell::new(0) };
        watched.news();
        watched
    }

    /// The records since the last look.
    fn news(&self) -> Vec<Value> {
        let mut records = Vec::new();
        loop {
            let page = self.operator.get(&format!("/v1/events?limit=200&after={}", self.after.get())).ok(200);
            let items = page["items"].as_array().unwrap();
            if items.is_empty() {
                return records;
            }
            records.extend(items.iter().map(|item| item["record"].clone()).filter(|record| record["type"].is_string()));
            self.after.set(page["next"].as_u64().unwrap());
        }
    }

    fn ask(&self, who: &Client, path: &str, body: &Value) -> Reply {
        self.asked.set(self.asked.get() + 1);
        who.post(path, &format!("bad-{}", self.asked.get()), body)
    }

    /// The problem is as the row says, and each finding names the clause of its rule.
    #[track_caller]
    fn answered(name: &str, reply: &Reply, status: u16, codes: &[&str]) -> Value {
        let problem = reply.problem(status, codes[0]);
        let findings = problem["findings"].as_array().unwrap_or_else(|| panic!("{name}: {reply}"));
        let mut found: Vec<&str> = findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
        found.sort_unstable();
        found.dedup();
        let mut expected = codes.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}: {reply}");
        for finding in findings {
            let rule = RefusalCode::ALL.iter().find(|code| finding["code"] == code.as_str()).unwrap();
            assert_eq!(finding["clause"], rule.clause(), "{name}: {reply}");
        }
        if codes.contains(&"document-state") {
            assert!(problem["current_state"].is_string() && problem["allowed_actions"].is_array(), "{name}: {reply}");
        }
        problem
    }

    /// Refused by the rules: nothing is written but the refusal, homed in the company's own stream and naming no other.
    #[track_caller]
    fn refused(&self, company: &Company, (name, path, body, status, codes): &Row<'_>) -> Value {
        let reply = self.ask(&company.client, path, body);
        let problem = Self::answered(name, &reply, *status, codes);
        let news = self.news();
        let [record] = news.as_slice() else { panic!("{name}: {news:#?}") };
        assert_eq!(record["type"], "command.refused", "{name}");
        assert_eq!(record["streams"], json!([["participant", company.id]]), "{name}");
        let mut sorted = codes.to_vec();
        sorted.sort_unstable();
        assert_eq!(record["data"]["codes"], json!(sorted), "{name}");
        problem
    }

    /// Refused to somebody who has no stream for it, or before there was a command: nothing is written.
    #[track_caller]
    fn refused_without_record(&self, who: &Client, (name, path, body, status, codes): &Row<'_>) {
        let reply = self.ask(who, path, body);
        Self::answered(name, &reply, *status, codes);
        assert_eq!(self.news(), Vec::<Value>::new(), "{name}");
    }
}

fn with(mut value: Value, changes: &[(&str, Value)]) -> Value {
    for (name, change) in changes {
        value[name] = change.clone();
    }
    value
}

#[test]
fn bad_registrations_of_participants() {
    let exchange = Exchange::open();
    let log = Watched::new(&exchange);
    let other = || registration("990740001235");
    let iin = json!({"identity_kind": "iin", "kind": "individual"});
    let person = |number: &str| {
        with(
            other(),
            &[
                ("identity_kind", iin["identity_kind"].clone()),
                ("kind", iin["kind"].clone()),
                ("number", number.into()),
            ],
        )
    };
    let rows: &[(&str, Value, u16, &[&str])] = &[
        ("wrong check digit", registration("171140001256"), 422, &["invalid-bin"]),
        ("full-width digits", registration("１７１１４０００１２５５"), 422, &["invalid-bin"]),
        ("a Cyrillic letter for a digit", registration("17114О001255"), 422, &["invalid-bin"]),
        ("a blank within", registration("171140 001255"), 422, &["invalid-bin"]),
        ("the placeholder", registration("000000000000"), 422, &["invalid-bin"]),
        ("nothing", registration(""), 422, &["invalid-bin"]),
        ("a very long number", registration(&"1".repeat(1000)), 422, &["invalid-bin"]),
        ("IIN with a wrong check digit", person("123456789011"), 422, &["invalid-iin"]),
        ("IIN of full-width digits", person("８００５１２３００４７７"), 422, &["invalid-iin"]),
        ("registered already", registration(SELLER_BIN), 409, &["participant-exists"]),
        (
            "terms that are not in force",
            with(other(), &[("terms", "idocs-1999-01-01".into())]),
            422,
            &["terms-unknown"],
        ),
        ("no name", with(other(), &[("name", " ".into())]), 422, &["requisites-missing"]),
        ("a name with a control character", with(other(), &[("name", "a\u{7}b".into())]), 422, &["requisites-missing"]),
        (
            "everything at once",
            with(other(), &[("number", "1".into()), ("name", "".into()), ("terms", "none".into())]),
            422,
            &["invalid-bin", "requisites-missing", "terms-unknown"],
        ),
    ];
    for (name, body, status, codes) in rows {
        log.refused_without_record(&log.operator, &(name, "/v1/participants", body.clone(), *status, codes));
    }
}

#[test]
fn bad_certificates_are_refused_with_all_reasons_at_once() {
    let mut exchange = Exchange::open();
    let now = exchange.now;
    let authentication = exchange.issue(SELLER_BIN, 10, |spec| spec.purpose = Purpose::Authentication);
    let foreign = exchange.issue(BUYER_BIN, 11, |_| {});
    let expired = exchange.issue(SELLER_BIN, 12, |spec| {
        (spec.not_before, spec.not_after) = (now.minus_ms(9 * DAY_MS), now.minus_ms(2 * DAY_MS));
    });
    let early = exchange.issue(SELLER_BIN, 13, |spec| spec.not_before = now.plus_ms(2 * DAY_MS));
    let revoked = exchange.issue(SELLER_BIN, 14, |_| {});
    let fine = exchange.issue(SELLER_BIN, 15, |_| {});
    let person = exchange.issue(SELLER_BIN, 16, |spec| (spec.bin, spec.organization) = (None, None));
    let mut untrusted_ca = TestCa::new("UNKNOWN CA", now.minus_ms(30 * DAY_MS), [9; 32]);
    let untrusted = untrusted_ca.issue(&spec(SELLER_BIN, Algorithm::P256, now), [17; 32]);
    let mut hopeless = spec(BUYER_BIN, Algorithm::P256, now);
    hopeless.purpose = Purpose::Authentication;
    (hopeless.not_before, hopeless.not_after) = (now.minus_ms(9 * DAY_MS), now.minus_ms(2 * DAY_MS));
    let hopeless = untrusted_ca.issue(&hopeless, [18; 32]);
    let crl = exchange.ca.crl(&[(&revoked.serial, now.minus_ms(DAY_MS / 2))], now.minus_ms(1000), now.plus_ms(DAY_MS));
    exchange.service.operator().post("/v1/crls", "second", &json!({"crl": base64(&crl)})).ok(201);

    let log = Watched::new(&exchange);
    let seller = &exchange.seller;
    let path = seller.certificates();
    let of = |party: &Party| seller.registration_of(party);
    let rows: &[(&str, Value, u16, &[&str])] = &[
        ("no certificate", with(of(&fine), &[("certificate", "AQID".into())]), 422, &["certificate-malformed"]),
        ("for authentication", of(&authentication), 422, &["certificate-purpose", "possession-missing"]),
        ("of another company", of(&foreign), 422, &["certificate-subject-mismatch"]),
        ("of a person without a company", of(&person), 422, &["certificate-subject-mismatch"]),
        ("expired", of(&expired), 422, &["certificate-expired", "possession-missing"]),
        ("not yet valid", of(&early), 422, &["certificate-not-yet-valid", "possession-missing"]),
        ("revoked", of(&revoked), 422, &["certificate-revoked", "possession-missing"]),
        ("of an unknown authority", of(&untrusted), 422, &["certificate-untrusted", "possession-missing"]),
        (
            "possession by another key",
            with(of(&fine), &[("possession", of(&foreign)["possession"].clone())]),
            422,
            &["possession-missing"],
        ),
        (
            "possession of other bytes",
            with(of(&fine), &[("possession", base64(&fine.sign_detached(b"other", now)).into())]),
            422,
            &["possession-missing"],
        ),
        ("registered already", of(&seller.signer), 409, &["certificate-exists"]),
        (
            "everything at once",
            of(&hopeless),
            422,
            &[
                "certificate-untrusted",
                "certificate-purpose",
                "certificate-expired",
                "certificate-subject-mismatch",
                "possession-missing",
            ],
        ),
    ];
    for (name, body, status, codes) in rows {
        log.refused(seller, &(name, &path, body.clone(), *status, codes));
    }
    for (name, member) in [("certificate", "certificate"), ("possession", "possession")] {
        let body = with(of(&fine), &[(member, fine.private_key_pem().into())]);
        let codes = &["private-key-material-refused"];
        log.refused_without_record(&seller.client, &(name, &path, body, 422, codes));
    }
    seller.client.post(&path, "fine", &of(&fine)).ok(201);
}

#[test]
fn bad_documents() {
    let exchange = Exchange::open();
    let log = Watched::new(&exchange);
    let seller = &exchange.seller;
    let form = |format: &str, content: &[u8]| json!({"format": format, "title": "Contract", "content_base64": base64(content)});
    let text = || form("text", b"text");
    let png = b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR";
    let mut scan = b"%PDF-1.7\n".to_vec();
    scan.resize(10 * 1024 * 1024 + 1, b' ');
    let unknown = "0123456789abcdef0123456789abcdef";
    let signer = |id: &str, mandatory, group| json!([{"participant": id, "mandatory": mandatory, "group": group}]);
    let rows: &[(&str, Value, u16, &[&str])] = &[
        ("no content", form("text", b""), 422, &["empty-content"]),
        ("PNG that calls itself PDF", form("scan-pdf", png), 415, &["media-type-mismatch"]),
        ("PDF that calls itself PNG", form("scan-png", b"%PDF-1.7\n"), 415, &["media-type-mismatch"]),
        ("a scan of 10 MiB and a byte", form("scan-pdf", &scan), 413, &["content-too-large"]),
        ("text that is none", form("text", b"a\0b"), 422, &["format-violation"]),
        ("JSON that is none", form("json", b"{\"a\":"), 422, &["format-violation"]),
        ("digest of other bytes", with(text(), &[("sha256", "0".repeat(64).into())]), 422, &["digest-mismatch"]),
        ("no title", with(text(), &[("title", "".into())]), 422, &["requisites-missing"]),
        ("too long a title", with(text(), &[("title", "я".repeat(301).into())]), 422, &["requisites-missing"]),
        ("an unknown signer", with(text(), &[("signers", signer(unknown, true, 1))]), 422, &["participant-unknown"]),
        ("no mandatory signer", with(text(), &[("signers", signer(&seller.id, false, 1))]), 422, &["signers-invalid"]),
        ("a group of none", with(text(), &[("signers", signer(&seller.id, true, 0))]), 422, &["signers-invalid"]),
        (
            "everything at once",
            with(
                form("scan-jpeg", png),
                &[
                    ("title", "".into()),
                    ("sha256", "0".repeat(64).into()),
                    ("signers", json!([{"participant": unknown, "mandatory": false}])),
                ],
            ),
            422,
            &["requisites-missing", "media-type-mismatch", "digest-mismatch", "signers-invalid", "participant-unknown"],
        ),
    ];
    for (name, body, status, codes) in rows {
        log.refused(seller, &(name, "/v1/documents", body.clone(), *status, codes));
    }
    let key = form("text", seller.signer.private_key_pem().as_bytes());
    let codes = &["private-key-material-refused"];
    log.refused_without_record(&seller.client, &("a private key", "/v1/documents", key, 422, codes));
    let unregistered = exchange.service.participant(unknown);
    let codes = &["participant-unknown"];
    log.refused_without_record(&unregistered, &("by nobody we know", "/v1/documents", text(), 422, codes));
}

/// A CMS with two signers, as `openssl` makes it.
fn two_signers(first: &Party, second: &Party, content: &[u8]) -> Vec<u8> {
    let folder = std::env::temp_dir().join(format!("edl-two-signers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(file("content"), content).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["cms", "-sign", "-binary", "-outform", "DER", "-in", &file("content"), "-out", &file("cms")]);
    for (number, party) in [first, second].into_iter().enumerate() {
        let (certificate, key) = (file(&format!("{number}.pem")), file(&format!("{number}.key")));
        std::fs::write(&certificate, party.certificate_pem()).unwrap();
        std::fs::write(&key, party.private_key_pem()).unwrap();
        openssl.args(["-signer", &certificate, "-inkey", &key]);
    }
    let output = openssl.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let cms = std::fs::read(file("cms")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    cms
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn bad_signatures_are_refused_with_all_reasons_at_once() {
    let mut exchange = Exchange::open();
    let now = exchange.now;
    let unregistered = exchange.issue(SELLER_BIN, 20, |_| {});
    let authentication = exchange.issue(SELLER_BIN, 21, |spec| spec.purpose = Purpose::Authentication);
    let revoked = exchange.issue(SELLER_BIN, 22, |_| {});
    let mut untrusted_ca = TestCa::new("UNKNOWN CA", now.minus_ms(30 * DAY_MS), [9; 32]);
    let mut hopeless = spec(BUYER_BIN, Algorithm::P256, now);
    hopeless.purpose = Purpose::Authentication;
    (hopeless.not_before, hopeless.not_after) = (now.minus_ms(9 * DAY_MS), now.minus_ms(2 * DAY_MS));
    let hopeless = untrusted_ca.issue(&hopeless, [23; 32]);
    let operator = exchange.service.operator();
    let (seller, buyer) = (&exchange.seller, &exchange.buyer);
    seller.client.post(&seller.certificates(), "revoked", &seller.registration_of(&revoked)).ok(201);
    let crl = exchange.ca.crl(&[(&revoked.serial, now.minus_ms(DAY_MS / 2))], now.minus_ms(1000), now.plus_ms(DAY_MS));
    operator.post("/v1/crls", "second", &json!({"crl": base64(&crl)})).ok(201);
    let document = seller.formed("text");
    let signed = seller.signed("signed");
    let (sent, _) = seller.sent(buyer, "sent");

    let log = Watched::new(&exchange);
    let path = |document: &str| format!("/v1/documents/{document}:sign");
    let cms = |bytes: &[u8]| json!({"cms": base64(bytes)});
    let by = |party: &Party| cms(&party.sign_detached(b"text", now));
    let mut altered = seller.signer.sign_detached(b"text", now);
    *altered.last_mut().unwrap() ^= 1;
    let rows: &[(&str, &str, Value, u16, &[&str])] = &[
        ("no CMS", &document, cms(&[1, 2, 3]), 422, &["signature-malformed"]),
        ("cut off", &document, cms(&altered[..altered.len() - 1]), 422, &["signature-malformed"]),
        ("other bytes", &document, seller.cms(b"texts"), 422, &["signature-digest-mismatch"]),
        ("another value", &document, cms(&altered), 422, &["signature-invalid"]),
        ("an unregistered certificate", &document, by(&unregistered), 422, &["certificate-not-registered"]),
        (
            "a certificate for authentication",
            &document,
            by(&authentication),
            422,
            &["certificate-purpose", "certificate-not-registered"],
        ),
        ("a revoked certificate", &document, by(&revoked), 422, &["certificate-revoked"]),
        (
            "two signers in one CMS",
            &document,
            cms(&two_signers(&seller.signer, &unregistered, b"text")),
            422,
            &["signature-malformed"],
        ),
        (
            "the other company's signature",
            &document,
            buyer.cms(b"text"),
            403,
            &["not-the-owner", "signer-not-expected"],
        ),
        (
            "everything at once",
            &document,
            by(&hopeless),
            422,
            &["certificate-expired", "certificate-untrusted", "certificate-purpose", "certificate-not-registered"],
        ),
        ("signed already", &signed, seller.cms(b"signed"), 409, &["signer-already-signed"]),
        ("sent already", &sent, seller.cms(b"sent"), 409, &["document-state", "signer-already-signed"]),
    ];
    for (name, document, body, status, codes) in rows {
        log.refused(seller, &(name, &path(document), body.clone(), *status, codes));
    }
    for (name, body) in [
        ("a private key in PEM", json!({"cms": seller.signer.private_key_pem()})),
        ("a key store", cms(&[0x30, 0x82, 1, 0, 2, 1, 3, 0x30, 0x82, 0, 1, 0])),
    ] {
        let codes = &["private-key-material-refused"];
        log.refused_without_record(&seller.client, &(name, &path(&document), body, 422, codes));
    }
    // Nobody learns whether a document of others is there, whatever they send.
    log.ask(&buyer.client, &path(&document), &buyer.cms(b"text")).problem(404, "not-found");
    log.ask(&exchange.service.client(ledger_api::server::auth::Role::Auditor), &path(&document), &json!({}))
        .problem(403, "forbidden");
    let large = json!({"cms": "A".repeat(1024 * 1024)});
    log.ask(&seller.client, &path(&document), &large).problem(413, "body-too-large");
    assert_eq!(log.news(), Vec::<Value>::new());

    // A compromised key is of no use from the report on, for anything.
    let key: KeyId = Certificate::parse(&seller.signer.certificate_der).unwrap().key();
    let notice =
        |key: &Value, learned: u64| json!({"key": key, "learned_at": now.plus_ms(learned), "claimed_since": now});
    let known = json!(key);
    let rows: &[(&Company, &str, Value, u16, &[&str])] = &[
        (seller, "a key that nobody registered", notice(&json!("00".repeat(32)), 0), 422, &["key-unknown"]),
        (seller, "learned tomorrow", notice(&known, DAY_MS), 422, &["compromise-time-in-future"]),
        (buyer, "another company's key", notice(&known, 0), 403, &["not-the-owner"]),
        (
            seller,
            "before there was a certificate",
            with(notice(&known, 0), &[("claimed_since", json!(now.minus_ms(20 * DAY_MS)))]),
            422,
            &["compromise-before-certificate"],
        ),
    ];
    for (company, name, body, status, codes) in rows {
        log.refused(company, &(name, "/v1/compromises", body.clone(), *status, codes));
    }
    seller.client.post("/v1/compromises", "lost", &notice(&known, 0)).ok(201);
    log.news();
    log.refused(seller, &("reported again", "/v1/compromises", notice(&known, 0), 422, &["certificate-suspended"]));
    log.refused(seller, &("signed with it", &path(&document), seller.cms(b"text"), 422, &["certificate-suspended"]));
}

#[test]
fn bad_sendings() {
    let exchange = Exchange::open();
    let (seller, buyer) = (&exchange.seller, &exchange.buyer);
    let (unsigned, signed) = (seller.formed("unsigned"), seller.signed("signed"));
    let (sent, _) = seller.sent(buyer, "sent");
    let log = Watched::new(&exchange);
    let path = |document: &str| format!("/v1/documents/{document}:send");
    let to = |ids: &[&str]| json!({"recipients": ids.iter().map(|id| json!({"participant": id})).collect::<Vec<_>>()});
    let (own, other) = (seller.id.as_str(), buyer.id.as_str());
    let unknown = "0123456789abcdef0123456789abcdef";
    let rows: &[(&str, &str, Value, u16, &[&str])] = &[
        ("unsigned", &unsigned, to(&[other]), 409, &["document-unsigned"]),
        ("to nobody", &signed, json!({}), 422, &["recipients-missing"]),
        ("to one unknown, twice", &signed, to(&[unknown; 2]), 409, &["recipient-unknown", "recipient-duplicate"]),
        ("to itself", &signed, to(&[own]), 422, &["recipient-self"]),
        ("twice to one", &signed, to(&[other, other]), 422, &["recipient-duplicate"]),
        ("to somebody unknown", &signed, to(&[other, unknown]), 409, &["recipient-unknown"]),
        ("sent already", &sent, to(&[other]), 409, &["document-state"]),
        (
            "everything at once",
            &unsigned,
            to(&[own, unknown, other, other]),
            409,
            &["document-unsigned", "recipient-self", "recipient-unknown", "recipient-duplicate"],
        ),
    ];
    for (name, document, body, status, codes) in rows {
        log.refused(seller, &(name, &path(document), body.clone(), *status, codes));
    }
    log.refused(buyer, &("by the recipient", &path(&sent), to(&[other]), 403, &["not-the-owner", "document-state"]));
    log.ask(&buyer.client, &path(&signed), &to(&[own])).problem(404, "not-found");
    assert_eq!(log.news(), Vec::<Value>::new());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn bad_acts_on_deliveries() {
    let exchange = Exchange::open();
    let (seller, buyer) = (&exchange.seller, &exchange.buyer);
    let log = Watched::new(&exchange);
    let act = |delivery: &str, act: &str| format!("/v1/deliveries/{delivery}:{act}");
    let reasoned = |company: &Company, delivery: &str, act: &str| {
        company.reasoned_statement(delivery, act, "We changed our mind.")
    };
    let state = &["document-state"];

    // On its way.
    let (_, delivery) = seller.sent(buyer, "on its way");
    let plain = |company: &Company, kind: &str| company.signed_statement(&delivery, kind);
    log.news();
    let by_seller: &[Row<'_>] = &[
        ("received by the sender", &act(&delivery, "receive"), json!({}), 403, &["not-the-owner"]),
        (
            "withdrawn before it is accounted",
            &act(&delivery, "withdraw"),
            reasoned(seller, &delivery, "withdraw"),
            409,
            state,
        ),
        (
            "recalled by a signature over the withdrawal",
            &act(&delivery, "recall"),
            json!({"cms": reasoned(seller, &delivery, "withdraw")["cms"]}),
            422,
            &["signature-digest-mismatch"],
        ),
        (
            "recalled by the document's own signature",
            &act(&delivery, "recall"),
            seller.cms(b"on its way"),
            422,
            &["signature-digest-mismatch"],
        ),
        (
            "recalled with the other's signature",
            &act(&delivery, "recall"),
            plain(buyer, "recall"),
            409,
            &["signer-not-expected"],
        ),
    ];
    for row in by_seller {
        log.refused(seller, row);
    }
    let by_buyer: &[Row<'_>] = &[
        ("recalled by the recipient", &act(&delivery, "recall"), plain(buyer, "recall"), 409, state),
        ("answered before it is accounted", &act(&delivery, "countersign"), buyer.cms(b"on its way"), 409, state),
        (
            "refused before it is accounted, with a reason and a signature that are none",
            &act(&delivery, "refuse"),
            json!({"reason": "", "cms": "AQID"}),
            409,
            &["document-state", "requisites-missing", "signature-malformed"],
        ),
    ];
    for row in by_buyer {
        log.refused(buyer, row);
    }

    // Accounted, the answer is awaited.
    buyer.receives(&delivery);
    log.news();
    let by_buyer: &[Row<'_>] = &[
        ("received twice", &act(&delivery, "receive"), json!({}), 409, state),
        (
            "answer to other bytes",
            &act(&delivery, "countersign"),
            buyer.cms(b"other"),
            422,
            &["signature-digest-mismatch"],
        ),
        (
            "answer with the sender's signature",
            &act(&delivery, "countersign"),
            seller.cms(b"on its way"),
            409,
            &["signer-not-expected"],
        ),
        (
            "annulled before the answer",
            &format!("/v1/deliveries/{delivery}/annulments"),
            reasoned(buyer, &delivery, "propose-annulment"),
            409,
            state,
        ),
    ];
    for row in by_buyer {
        log.refused(buyer, row);
    }
    let by_seller: &[Row<'_>] = &[
        ("recalled after it was accounted", &act(&delivery, "recall"), plain(seller, "recall"), 409, state),
        ("answered by the sender", &act(&delivery, "countersign"), seller.cms(b"on its way"), 409, state),
    ];
    for row in by_seller {
        log.refused(seller, row);
    }

    // Refused by the recipient: there is nothing to annul.
    let refusal = reasoned(buyer, &delivery, "refuse-answer");
    buyer.client.post(&act(&delivery, "refuse"), "refuse", &refusal).ok(201);
    log.news();
    let annul = reasoned(seller, &delivery, "propose-annulment");
    let annulments = format!("/v1/deliveries/{delivery}/annulments");
    let problem = log.refused(seller, &("annulled after the refusal", &annulments, annul, 409, state));
    assert_eq!(problem["current_state"], "answer-refused");

    // A stranger's acts meet nothing, whatever they carry.
    let mut exchange = exchange;
    let third = exchange.service.participant("0123456789abcdef0123456789abcdef");
    exchange.service.stranger().post(&act(&delivery, "receive"), "x", &json!({})).problem(401, "unauthorized");
    let stray = exchange.issue("990740001235", 30, |_| {}).sign_detached(b"on its way", exchange.now);
    let log = Watched::new(&exchange);
    for kind in ["receive", "recall", "countersign", "withdraw", "refuse"] {
        let body = match kind {
            "receive" => json!({}),
            "recall" | "countersign" => json!({"cms": base64(&stray)}),
            _ => json!({"cms": base64(&stray), "reason": "x"}),
        };
        log.ask(&third, &act(&delivery, kind), &body).problem(404, "not-found");
    }
    assert_eq!(log.news(), Vec::<Value>::new());
}

#[test]
fn bad_acts_of_the_operator() {
    let exchange = Exchange::open();
    let log = Watched::new(&exchange);
    let now = exchange.now;
    let foreign = TestCa::new("UNKNOWN CA", now.minus_ms(DAY_MS), [9; 32]);
    let anchor = base64(exchange.ca.certificate_der());
    let known = exchange.ca.crl(&[], now.minus_ms(DAY_MS), now.plus_ms(DAY_MS));
    let for_tests = SignaturePolicy::for_ledger(IdentifierMode::TestIdentifiers).to_canonical_bytes().unwrap();
    let for_tests = String::from_utf8(for_tests).unwrap();
    let rows: &[Row<'_>] = &[
        ("no anchors", "/v1/trust", json!({}), 422, &["trust-invalid"]),
        ("an anchor that is none", "/v1/trust", json!({"anchors": ["AQID"]}), 422, &["trust-invalid"]),
        ("a policy that is none", "/v1/trust", json!({"anchors": [&anchor], "policy": "{}"}), 422, &["trust-invalid"]),
        (
            "terms for a stranger",
            "/v1/trust",
            json!({"anchors": [&anchor], "terms": [{"certificate": "00".repeat(32), "hierarchy": "test"}]}),
            422,
            &["trust-invalid"],
        ),
        (
            "a policy for tests",
            "/v1/trust",
            json!({"anchors": [&anchor], "policy": for_tests}),
            409,
            &["policy-for-tests"],
        ),
        ("what is in force", "/v1/trust", json!({"anchors": [&anchor]}), 409, &["trust-unchanged"]),
        ("a list that is none", "/v1/crls", json!({"crl": "AQID"}), 422, &["crl-malformed"]),
        (
            "a list of nobody we trust",
            "/v1/crls",
            json!({"crl": base64(&foreign.crl(&[], now, now.plus_ms(DAY_MS)))}),
            422,
            &["crl-untrusted"],
        ),
        ("a list that is recorded", "/v1/crls", json!({"crl": base64(&known)}), 409, &["crl-exists"]),
    ];
    for row in rows {
        log.refused_without_record(&log.operator, row);
    }
}

#[test]
fn a_key_stands_for_one_act_of_one_company() {
    let exchange = Exchange::open();
    let (seller, buyer) = (&exchange.seller, &exchange.buyer);
    let (one, two) = (seller.formed("one"), seller.formed("two"));
    let path = |document: &str| format!("/v1/documents/{document}:sign");
    let cms = seller.cms(b"one");
    let log = Watched::new(&exchange);
    let first = seller.client.post(&path(&one), "key", &cms);
    first.ok(201);
    assert_eq!(log.news().len(), 1);
    let again = seller.client.post(&path(&one), "key", &cms);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{again}");
    assert_eq!(again.body, first.body);
    let form = json!({"format": "text", "title": "t", "content_base64": "aGk="});
    for (path, body) in
        [(path(&one), seller.cms(b"other")), (path(&two), cms.clone()), ("/v1/documents".to_owned(), form.clone())]
    {
        seller.client.post(&path, "key", &body).problem(422, "idempotency-key-reused");
    }
    let json_type = [("Content-Type", "application/json")];
    let unkeyed = seller.client.send("POST", &path(&two), &json_type, cms.to_string().as_bytes());
    unkeyed.problem(400, "idempotency-key-missing");
    assert_eq!(log.news(), Vec::<Value>::new(), "a repetition and a mistake of the client leave no record");
    buyer.client.post("/v1/documents", "key", &form).ok(201);
}

/// Clause 5.3.6: a check that fails at receipt is an outcome with all its reasons, not a refusal.
#[test]
fn a_document_whose_certificate_was_revoked_on_the_way_is_deemed_not_received() {
    let exchange = Exchange::open();
    let (seller, buyer, now) = (&exchange.seller, &exchange.buyer, exchange.now);
    let (_, delivery) = seller.sent(buyer, "on its way");
    let revoked = [(seller.signer.serial.as_slice(), now.minus_ms(1000))];
    let crl = exchange.ca.crl(&revoked, now, now.plus_ms(DAY_MS));
    exchange.service.operator().post("/v1/crls", "second", &json!({"crl": base64(&crl)})).ok(201);
    let log = Watched::new(&exchange);
    buyer.receives(&delivery);
    let news = log.news();
    let [record] = news.as_slice() else { panic!("{news:#?}") };
    assert_eq!(record["type"], "delivery.deemed_not_received");
    assert_eq!(record["data"]["reasons"], json!(["certificate-revoked"]));
    let state = &["document-state"];
    let again = log.refused(buyer, &("again", &format!("/v1/deliveries/{delivery}:receive"), json!({}), 409, state));
    assert_eq!(again["current_state"], "deemed-not-received");
}

/// Beyond thirty a minute the refusals of a company share a record, in which each of them has a proof.
#[test]
fn a_flood_of_refusals_is_answered_and_recorded_together() {
    let exchange = Exchange::open();
    let (seller, buyer) = (&exchange.seller, &exchange.buyer);
    let log = Watched::new(&exchange);
    let empty = json!({"format": "text", "title": "", "content_base64": "aGk="});
    for _ in 0..33 {
        log.ask(&seller.client, "/v1/documents", &empty).problem(422, "requisites-missing");
    }
    assert_eq!(log.news().len(), 30);
    let path = format!("/v1/participants/{}/refusals", seller.id);
    let page = seller.client.get(&format!("{path}?limit=20")).ok(200);
    let next = page["next"].as_u64().unwrap();
    let rest = seller.client.get(&format!("{path}?after={next}")).ok(200);
    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!((count(&page), count(&rest)), (20, 10));
    assert_eq!(page["items"][0]["refused"]["codes"], json!(["requisites-missing"]));
    assert_eq!(page["items"][0]["details"]["findings"][0]["clause"], "2.29");
    buyer.client.get(&path).problem(404, "not-found");
}
