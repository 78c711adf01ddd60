//! Companies with keys of their own, and an exchange to put them into.

use base64ct::{Base64, Encoding as _};
use ledger_core::digest::Digest;
use ledger_core::time::Timestamp;
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use serde_json::{Value, json};

use crate::support::{Client, Reply, Service};

pub(crate) const DAY_MS: u64 = 86_400_000;
pub(crate) const SELLER_BIN: &str = "171140001255";
pub(crate) const BUYER_BIN: &str = "190340018426";

/// A service, a CA that it trusts, a seller and a buyer.
pub(crate) struct Exchange {
    pub(crate) seller: Company,
    pub(crate) buyer: Company,
    pub(crate) ca: TestCa,
    pub(crate) now: Timestamp,
    /// Last, so that everybody has hung up before it is stopped.
    pub(crate) service: Service,
}

impl Exchange {
    pub(crate) fn open() -> Self {
        let service = Service::start();
        let operator = service.operator();
        let now = SystemClock.now();
        let mut ca = TestCa::new("TEST CA", now.minus_ms(30 * DAY_MS), [1; 32]);
        operator.post("/v1/trust", "trust", &json!({"anchors": [base64(ca.certificate_der())]})).ok(201);
        let crl = ca.crl(&[], now.minus_ms(DAY_MS), now.plus_ms(DAY_MS));
        operator.post("/v1/crls", "crl", &json!({"crl": base64(&crl)})).ok(201);
        let seller = Company::enter(&service, &mut ca, SELLER_BIN, Algorithm::P256, now);
        let buyer = Company::enter(&service, &mut ca, BUYER_BIN, Algorithm::Ed25519, now);
        Self { seller, buyer, ca, now, service }
    }

    /// Another certificate of a company, changed as the test wants it.
    pub(crate) fn issue(&mut self, number: &str, seed: u8, change: impl FnOnce(&mut PartySpec)) -> Party {
        let mut spec = spec(number, Algorithm::P256, self.now);
        change(&mut spec);
        self.ca.issue(&spec, [seed; 32])
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// A certificate as the national CA issues them to a director.
pub(crate) fn spec(number: &str, algorithm: Algorithm, now: Timestamp) -> PartySpec {
    PartySpec {
        common_name: "DIRECTOR".into(),
        organization: Some("Company".into()),
        bin: Some(number.into()),
        iin: "800512300477".into(),
        algorithm,
        not_before: now.minus_ms(DAY_MS),
        not_after: now.plus_ms(365 * DAY_MS),
        purpose: Purpose::Signing,
    }
}

pub(crate) struct Company {
    pub(crate) client: Client,
    pub(crate) id: String,
    pub(crate) signer: Party,
    pub(crate) now: Timestamp,
}

impl Company {
    /// Registers a company and its certificate.
    fn enter(service: &Service, ca: &mut TestCa, number: &str, algorithm: Algorithm, now: Timestamp) -> Self {
        let mut seed = [3; 32];
        seed[..12].copy_from_slice(number.as_bytes());
        let signer = ca.issue(&spec(number, algorithm, now), seed);
        let registered = service.operator().post("/v1/participants", number, &registration(number)).ok(201);
        let id = registered["id"].as_str().unwrap().to_owned();
        let company = Self { client: service.participant(&id), id, signer, now };
        let body = company.registration_of(&company.signer);
        company.client.post(&company.certificates(), "certificate", &body).ok(201);
        company
    }

    pub(crate) fn certificates(&self) -> String {
        format!("/v1/participants/{}/certificates", self.id)
    }

    /// A certificate with the proof that its key is this company's.
    pub(crate) fn registration_of(&self, party: &Party) -> Value {
        let possession = self.client.get(&format!("/v1/participants/{}/possession", self.id)).body;
        let possession = base64(&party.sign_detached(&possession, self.now));
        json!({"certificate": base64(&party.certificate_der), "possession": possession})
    }

    pub(crate) fn cms(&self, bytes: &[u8]) -> Value {
        json!({"cms": base64(&self.signer.sign_detached(bytes, self.now))})
    }

    /// The statement of an act on a delivery, signed.
    pub(crate) fn signed_statement(&self, delivery: &str, act: &str) -> Value {
        let statement = self.client.get(&format!("/v1/deliveries/{delivery}/statement?act={act}"));
        assert_eq!(statement.status, 200, "{statement}");
        self.cms(&statement.body)
    }

    /// As [`Self::signed_statement`], for an act that gives a reason.
    pub(crate) fn reasoned_statement(&self, delivery: &str, act: &str, reason: &str) -> Value {
        let digest = Digest::sha256(&[reason.as_bytes()]);
        let mut body = self.signed_statement(delivery, &format!("{act}&reason_sha256={digest}"));
        body["reason"] = reason.into();
        body
    }

    /// Signs the statement of an act on a delivery and hands it in.
    pub(crate) fn act(&self, delivery: &str, act: &str) -> Reply {
        let path = format!("/v1/deliveries/{delivery}:{act}");
        self.client.post(&path, &format!("{act}-{delivery}"), &self.signed_statement(delivery, act))
    }

    /// A document of this company; gives its id.
    pub(crate) fn formed(&self, text: &str) -> String {
        let form = json!({"format": "text", "title": "Contract", "content_base64": base64(text.as_bytes())});
        let formed = self.client.post("/v1/documents", &format!("{}-form", text.replace(' ', "-")), &form).ok(201);
        formed["id"].as_str().unwrap().to_owned()
    }

    /// As [`Self::formed`], and signed.
    pub(crate) fn signed(&self, text: &str) -> String {
        let document = self.formed(text);
        let path = format!("/v1/documents/{document}:sign");
        self.client.post(&path, &format!("{document}-sign"), &self.cms(text.as_bytes())).ok(201);
        document
    }

    /// A signed document on its way; gives its id and the delivery's.
    pub(crate) fn sent(&self, recipient: &Self, text: &str) -> (String, String) {
        let document = self.signed(text);
        let recipients = json!({"recipients": [{"participant": recipient.id, "answer": "required"}]});
        let path = format!("/v1/documents/{document}:send");
        let sent = self.client.post(&path, &format!("{document}-send"), &recipients).ok(201);
        let subjects = sent["subjects"].as_array().unwrap();
        let delivery = subjects.iter().find(|subject| subject["kind"] == "delivery").unwrap();
        (document, delivery["id"].as_str().unwrap().to_owned())
    }

    /// Accounts a delivery.
    pub(crate) fn receives(&self, delivery: &str) {
        self.client.post(&format!("/v1/deliveries/{delivery}:receive"), delivery, &json!({})).ok(201);
    }
}

pub(crate) fn registration(number: &str) -> Value {
    json!({"identity_kind": "bin", "number": number, "name": "C", "kind": "legal-entity", "terms": "idocs-2021-10-11"})
}
