//! The six actions over HTTP, by two companies with keys of their own, and the evidence checked offline.

use base64ct::{Base64, Encoding as _};
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options, Verdict};
use ledger_core::id::KeyId;
use ledger_core::pki::certificate::Certificate;
use ledger_core::time::Timestamp;
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use serde_json::{Value, json};

use self::support::{Client, Service};

#[expect(dead_code, reason = "shared with the tests of the edge")]
mod support;

const DAY_MS: u64 = 86_400_000;

struct Company {
    client: Client,
    id: String,
    signer: Party,
    now: Timestamp,
}

impl Company {
    fn cms(&self, bytes: &[u8]) -> String {
        Base64::encode_string(&self.signer.sign_detached(bytes, self.now))
    }

    /// Signs the statement of an act on a delivery and hands it in.
    fn act(&self, delivery: &str, act: &str) -> support::Reply {
        let statement = self.client.get(&format!("/v1/deliveries/{delivery}/statement?act={act}"));
        assert_eq!(statement.status, 200, "{statement}");
        self.client.post(&format!("/v1/deliveries/{delivery}:{act}"), act, &json!({"cms": self.cms(&statement.body)}))
    }
}

fn company(service: &Service, ca: &mut TestCa, number: &str, algorithm: Algorithm, now: Timestamp) -> Company {
    let spec = PartySpec {
        common_name: "DIRECTOR".into(),
        organization: Some("Company".into()),
        bin: Some(number.into()),
        iin: "800512300477".into(),
        algorithm,
        not_before: now.minus_ms(DAY_MS),
        not_after: now.plus_ms(365 * DAY_MS),
        purpose: Purpose::Signing,
    };
    let mut seed = [3; 32];
    seed[..12].copy_from_slice(number.as_bytes());
    let signer = ca.issue(&spec, seed);
    let registration = json!({"identity_kind": "bin", "number": number, "name": "C", "kind": "legal-entity", "terms": "idocs-2021-10-11"});
    let registered = service.operator().post("/v1/participants", number, &registration).ok(201);
    let id = registered["id"].as_str().unwrap().to_owned();
    let client = service.participant(&id);
    let company = Company { client, id, signer, now };
    let possession = company.client.get(&format!("/v1/participants/{}/possession", company.id)).body;
    let certificate = json!({
        "certificate": Base64::encode_string(&company.signer.certificate_der),
        "possession": company.cms(&possession),
    });
    company.client.post(&format!("/v1/participants/{}/certificates", company.id), "certificate", &certificate).ok(201);
    company
}

/// A document of the sender, signed and sent; gives its id and the delivery's.
fn sent(sender: &Company, recipient: &Company, text: &str) -> (String, String) {
    let post = |path: &str, step: &str, body: &Value| {
        sender.client.post(path, &format!("{}-{step}", text.replace(' ', "-")), body).ok(201)
    };
    let content = Base64::encode_string(text.as_bytes());
    let formed =
        post("/v1/documents", "form", &json!({"format": "text", "title": "Contract", "content_base64": content}));
    let document = formed["id"].as_str().unwrap().to_owned();
    post(&format!("/v1/documents/{document}:sign"), "sign", &json!({"cms": sender.cms(text.as_bytes())}));
    let recipients = json!({"recipients": [{"participant": recipient.id, "answer": "required"}]});
    let sent = post(&format!("/v1/documents/{document}:send"), "send", &recipients);
    let subjects = sent["subjects"].as_array().unwrap();
    let delivery = subjects.iter().find(|subject| subject["kind"] == "delivery").unwrap();
    (document, delivery["id"].as_str().unwrap().to_owned())
}

#[test]
fn two_companies_exchange_a_document_and_anybody_can_check_it() {
    let service = Service::start();
    let operator = service.operator();
    let now = SystemClock.now();
    let mut ca = TestCa::new("TEST CA", now.minus_ms(DAY_MS), [1; 32]);
    operator.post("/v1/trust", "trust", &json!({"anchors": [Base64::encode_string(ca.certificate_der())]})).ok(201);
    let crl = ca.crl(&[], now.minus_ms(DAY_MS), now.plus_ms(DAY_MS));
    operator.post("/v1/crls", "crl", &json!({"crl": Base64::encode_string(&crl)})).ok(201);
    let seller = company(&service, &mut ca, "171140001255", Algorithm::P256, now);
    let buyer = company(&service, &mut ca, "190340018426", Algorithm::Ed25519, now);

    // Create, sign, send, receive, answer.
    let (document, delivery) = sent(&seller, &buyer, "100 tonnes of wheat");
    buyer.client.post(&format!("/v1/deliveries/{delivery}:receive"), "receive", &json!({})).ok(201);
    let late = seller.act(&delivery, "recall").problem(409, "document-state");
    assert!(late["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{late}");
    let receipt = seller.client.get(&format!("/v1/deliveries/{delivery}/receipt")).ok(200);
    assert!(receipt["note"].as_str().unwrap().contains("\"incoming\":{\"number\":1"), "{receipt}");
    let answer = json!({"cms": buyer.cms(b"100 tonnes of wheat")});
    buyer.client.post(&format!("/v1/deliveries/{delivery}:countersign"), "answer", &answer).ok(201);

    // Revoke: another one, before it is accounted.
    let (_, recalled) = sent(&seller, &buyer, "sent by mistake");
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
    let content = Base64::encode_string(b"after");
    let form = json!({"format": "text", "title": "After", "content_base64": content});
    let formed = seller.client.post("/v1/documents", "after", &form).ok(201);
    let path = format!("/v1/documents/{}:sign", formed["id"].as_str().unwrap());
    seller
        .client
        .post(&path, "after-sign", &json!({"cms": seller.cms(b"after")}))
        .problem(422, "certificate-suspended");

    // A stranger sees none of it.
    let stranger = service.participant("0123456789abcdef0123456789abcdef");
    for path in [format!("/v1/documents/{document}"), format!("/v1/deliveries/{delivery}")] {
        assert_eq!(stranger.get(&path).status, 404);
    }
}
