//! The acts: one handler for each command. Reads the request into the command and hands it to the ledger, nothing more.

use std::str::FromStr;

use actix_web::{HttpRequest, web};
use ledger_core::digest::Digest;
use ledger_core::domain::command::{
    AcceptAnnulment, AnnulKey, ApplySignature, Countersign, FormDocument, ProposeAnnulment, PublishTrust, Recall,
    Receive, RecipientRequest, RecordCrl, RecordFinding, RefuseAnnulment, RefuseAnswer, RegisterCertificate,
    RegisterParticipant, ReportCompromise, ResumeKey, SendDocument, SlotRequest, Withdraw, WithdrawAnnulmentProposal,
};
use ledger_core::domain::event::{Answer as AnswerWish, Channel, Format, ParticipantKind, VersionName};
use ledger_core::domain::refusal::RefusalCode;
use ledger_core::id::{DeliveryId, DocumentId, IdentityKind, KeyId, ParticipantId};
use ledger_core::pki::policy::SignaturePolicy;
use ledger_core::pki::trust::TrustTerms;
use serde::de::DeserializeOwned;

use super::auth::{Caller, Role};
use super::json::{Json, Members, boolean, parsed, text};
use super::problem::Problem;
use super::request::{
    Act, CONTENT_BYTES_MAX, CRL_JSON_BYTES_MAX, DOCUMENT_JSON_BYTES_MAX, Id, Query, SMALL_BYTES_MAX, build_body, bytes,
    bytes_list, content, json_body, looks_like_private_key_file,
};
use super::{Answer, State, now, view};

const ID: &str = "an id: 32 lower-case hex digits";
const TIME: &str = "a time: YYYY-MM-DDThh:mm:ss.sssZ";
/// As many as the rules know; a longer list is refused before it costs anything.
const SIGNERS_MAX: usize = 64;
const RECIPIENTS_MAX: usize = 64;
const CERTIFICATES_MAX: usize = 64;

/// `POST /v1/participants` (clause 2.1)
pub(super) async fn register_participant(mut act: Act) -> Answer {
    act.caller.operator()?;
    let mut body = act.json(SMALL_BYTES_MAX).await?;
    let identity_kind = body.required("identity_kind", "bin or iin", |json| match parsed::<String>(json)?.as_str() {
        "bin" => Some(IdentityKind::Bin),
        "iin" => Some(IdentityKind::Iin),
        _ => None,
    });
    let number = body.required("number", "text", text);
    let name = body.required("name", "text", text);
    let kind = body.required("kind", "legal-entity, individual-entrepreneur or individual", |json| {
        word(ParticipantKind::ALL, ParticipantKind::as_str, json)
    });
    let terms = named(&mut body, "terms", RefusalCode::TermsUnknown, "a version of the terms", VersionName::from_str);
    let command = build_body(
        body,
        (|| {
            Some(RegisterParticipant {
                identity_kind: identity_kind?,
                number: number?,
                name: name?,
                kind: kind?,
                terms: terms?,
            })
        })(),
    )?;
    act.execute(command).await
}

/// `POST /v1/participants/{id}/certificates` (clause 8.1)
pub(super) async fn register_certificate(mut act: Act, Id(participant): Id<ParticipantId>) -> Answer {
    act.caller.acts_for(participant)?;
    let mut body = act.json(SMALL_BYTES_MAX).await?;
    let certificate = bytes(&mut body, "certificate");
    let chain = bytes_list(&mut body, "chain", CERTIFICATES_MAX);
    let possession = bytes(&mut body, "possession");
    let command = build_body(
        body,
        (|| {
            Some(RegisterCertificate { participant, certificate: certificate?, chain: chain?, possession: possession? })
        })(),
    )?;
    act.execute(command).await
}

/// `POST /v1/documents` (clause 5.3.2): JSON, or the bytes themselves with `?format=` and a `Document-Title`.
pub(super) async fn form_document(mut act: Act) -> Answer {
    let sender = act.caller.participant()?;
    let command = if act.media_type() == "application/octet-stream" {
        form_raw_document(&mut act, sender).await?
    } else {
        let mut body = act.json(DOCUMENT_JSON_BYTES_MAX).await?;
        let format = format(&mut body);
        let title = body.required("title", "text", text);
        let document_type = body.optional("document_type", "a type of 1 to 32 of a-z, 0-9 and -", parsed);
        let content = content(&mut body, "content_base64");
        let declared_sha256 = body.optional("sha256", "64 lower-case hex digits", parsed);
        let signers = body.each("signers", SIGNERS_MAX, |signer| {
            let participant = signer.required("participant", ID, parsed);
            let mandatory = signer.optional("mandatory", "true or false", boolean).unwrap_or(true);
            let group = signer.optional("group", "a number", number).unwrap_or(1);
            let required_role = signer.optional("required_role", "a role that certificates state", parsed);
            Some(SlotRequest { participant: participant?, mandatory, group, required_role })
        });
        build_body(
            body,
            (|| {
                Some(FormDocument {
                    sender,
                    format: format?,
                    document_type,
                    title: title?,
                    content: content?,
                    declared_sha256,
                    signers,
                })
            })(),
        )?
    };
    act.execute(command).await
}

async fn form_raw_document(act: &mut Act, sender: ParticipantId) -> Result<FormDocument, Problem> {
    let format = format(&mut act.query.0);
    let title = act.title()?;
    let declared_sha256 = act.declared_sha256()?;
    let content = act.raw(CONTENT_BYTES_MAX).await?.to_vec();
    if looks_like_private_key_file(&content) {
        return Err(Problem::of(RefusalCode::PrivateKeyMaterialRefused));
    }
    let format = format.ok_or_else(|| Problem::of(RefusalCode::FormatUnknown))?;
    Ok(FormDocument { sender, format, document_type: None, title, content, declared_sha256, signers: Vec::new() })
}

/// `POST /v1/documents/{id}:sign` (clauses 5.3.2, 8.2)
pub(super) async fn sign(mut act: Act, Id(document): Id<DocumentId>) -> Answer {
    act.caller.participant()?;
    let cms = act.cms().await?;
    act.execute(ApplySignature { document, cms }).await
}

/// `POST /v1/documents/{id}:send` (clause 5.3.1.2)
pub(super) async fn send(mut act: Act, Id(document): Id<DocumentId>) -> Answer {
    act.caller.participant()?;
    let mut body = act.json(SMALL_BYTES_MAX).await?;
    let recipients = body.each("recipients", RECIPIENTS_MAX, |recipient| {
        let participant = recipient.required("participant", ID, parsed);
        let answer = recipient
            .optional("answer", "required or not-required", |json| word(AnswerWish::ALL, AnswerWish::as_str, json));
        Some(RecipientRequest { participant: participant?, answer: answer.unwrap_or(AnswerWish::NotRequired) })
    });
    let command = build_body(body, Some(SendDocument { document, recipients }))?;
    act.execute(command).await
}

/// `POST /v1/deliveries/{id}:receive` (clauses 5.2.4, 5.3.6)
pub(super) async fn receive(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    act.nothing().await?;
    act.execute(Receive { delivery }).await
}

/// `POST /v1/deliveries/{id}:recall` (clause 5.3.1.5)
pub(super) async fn recall(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let cms = act.cms().await?;
    act.execute(Recall { delivery, cms }).await
}

/// `POST /v1/deliveries/{id}:withdraw` (clause 5.3.1.5)
pub(super) async fn withdraw(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let (reason, cms) = reason_and_cms(&mut act).await?;
    act.execute(Withdraw { delivery, reason, cms }).await
}

/// `POST /v1/deliveries/{id}:countersign` (clause 5.3.4)
pub(super) async fn countersign(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let command = if act.media_type() == "application/json" {
        let mut body = act.json(SMALL_BYTES_MAX).await?;
        let cms = bytes(&mut body, "cms");
        let reservations = body.optional("reservations", "text", text);
        build_body(body, cms.map(|cms| Countersign { delivery, cms, reservations }))?
    } else {
        Countersign { delivery, cms: act.cms().await?, reservations: None }
    };
    act.execute(command).await
}

/// `POST /v1/deliveries/{id}:refuse` (clause 5.3.4)
pub(super) async fn refuse(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let (reason, cms) = reason_and_cms(&mut act).await?;
    act.execute(RefuseAnswer { delivery, reason, cms }).await
}

/// `POST /v1/deliveries/{id}/annulments` (clause 5.3.1.5)
pub(super) async fn propose_annulment(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let (reason, cms) = reason_and_cms(&mut act).await?;
    act.execute(ProposeAnnulment { delivery, reason, cms }).await
}

/// `POST /v1/deliveries/{id}/annulments/{n}:accept` (clause 5.3.1.5)
pub(super) async fn accept_annulment(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let cms = act.cms().await?;
    act.execute(AcceptAnnulment { delivery, cms }).await
}

/// `POST /v1/deliveries/{id}/annulments/{n}:refuse` (clause 5.3.1.5)
pub(super) async fn refuse_annulment(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let (reason, cms) = reason_and_cms(&mut act).await?;
    act.execute(RefuseAnnulment { delivery, reason, cms }).await
}

/// `POST /v1/deliveries/{id}/annulments/{n}:withdraw` (clause 5.3.1.5)
pub(super) async fn withdraw_annulment(mut act: Act, Id(delivery): Id<DeliveryId>) -> Answer {
    let cms = act.cms().await?;
    act.execute(WithdrawAnnulmentProposal { delivery, cms }).await
}

/// `POST /v1/compromises` (clauses 8.7 to 8.9)
///
/// An owner's own notice is received now, by the API; an officer writes down how and when one reached them.
pub(super) async fn report_compromise(mut act: Act) -> Answer {
    let owner = matches!(act.caller.role, Role::Participant(_));
    let mut body = act.json(SMALL_BYTES_MAX).await?;
    let key = body.required("key", "a key id: 64 lower-case hex digits", parsed);
    let certificate = body.optional("certificate", "a certificate id: 64 lower-case hex digits", parsed);
    let learned_at = body.required("learned_at", TIME, parsed);
    let claimed_since = body.required("claimed_since", TIME, parsed);
    let (channel, received_at) = if owner {
        (Some(Channel::Api), Some(now()))
    } else {
        let channel = body.required("channel", "phone or written", |json| word(Channel::ALL, Channel::as_str, json));
        (channel, body.required("received_at", TIME, parsed))
    };
    let command = build_body(
        body,
        (|| {
            Some(ReportCompromise {
                key: key?,
                certificate,
                channel: channel?,
                learned_at: learned_at?,
                claimed_since: claimed_since?,
                received_at: received_at?,
            })
        })(),
    )?;
    act.execute(command).await
}

/// `POST /v1/compromises/{key}:annul` (clause 8.10)
pub(super) async fn annul_key(mut act: Act, Id(key): Id<KeyId>) -> Answer {
    act.caller.operator()?;
    act.nothing().await?;
    act.execute(AnnulKey { key }).await
}

/// `POST /v1/compromises/{key}:resume` (clause 8.8)
pub(super) async fn resume_key(mut act: Act, Id(key): Id<KeyId>) -> Answer {
    act.caller.operator()?;
    act.nothing().await?;
    act.execute(ResumeKey { key }).await
}

/// `POST /v1/documents/{id}/findings` (clauses 5.2.3.2, 8.2): names a signature, and a delivery where its receipt is the
/// second moment; what is found is for the ledger to say.
pub(super) async fn record_finding(mut act: Act, Id(document): Id<DocumentId>) -> Answer {
    let mut body = act.json(SMALL_BYTES_MAX).await?;
    let signature = body.required("signature", "the id of the event that recorded the signature", parsed);
    let delivery = body.optional("delivery", ID, parsed);
    let command = build_body(body, signature.map(|signature| RecordFinding { document, signature, delivery }))?;
    act.execute(command).await
}

/// `POST /v1/trust` (clause 8.2)
pub(super) async fn publish_trust(mut act: Act) -> Answer {
    act.caller.operator()?;
    let mut body = act.json(SMALL_BYTES_MAX).await?;
    let anchors = bytes_list(&mut body, "anchors", CERTIFICATES_MAX);
    let intermediates = bytes_list(&mut body, "intermediates", CERTIFICATES_MAX);
    let terms = body.each("terms", CERTIFICATES_MAX, trust_terms).into_iter().collect();
    let policy = if let Some(policy) = body.optional("policy", "text", text) {
        policy.into_bytes()
    } else {
        let policy = SignaturePolicy::for_ledger(act.ledger().genesis().identifiers);
        policy.to_canonical_bytes().map_err(Problem::internal)?
    };
    let command = build_body(
        body,
        (|| Some(PublishTrust { anchors: anchors?, intermediates: intermediates?, terms, policy }))(),
    )?;
    act.execute(command).await
}

/// On which terms one certificate of a publication is trusted.
fn trust_terms(members: &mut Members) -> Option<(Digest, TrustTerms)> {
    let certificate = members.required("certificate", "SHA-256 of the certificate, 64 lower-case hex digits", parsed);
    let hierarchy = members.optional("hierarchy", "production or test", published_word);
    let authority = members.optional(
        "authority",
        "root, national, state-bodies, btsd, bank, timestamping or other",
        published_word,
    );
    let purposes =
        members.optional("purposes", "an array of document-signing, timestamping and ocsp", |json| match json {
            Json::Array(items) => items.into_iter().map(published_word).collect(),
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => None,
        });
    let trusted_from = members.optional("trusted_from", TIME, parsed);
    let trusted_until = members.optional("trusted_until", TIME, parsed);
    let purposes = purposes.unwrap_or_default();
    Some((certificate?, TrustTerms { hierarchy, authority, purposes, trusted_from, trusted_until }))
}

/// A word by which something is written in published snapshots.
fn published_word<T: DeserializeOwned>(json: Json) -> Option<T> {
    serde_json::from_value(text(json)?.into()).ok()
}

/// `POST /v1/crls` (clause 2.12)
pub(super) async fn record_crl(mut act: Act) -> Answer {
    act.caller.operator()?;
    let mut body = act.json(CRL_JSON_BYTES_MAX).await?;
    let crl = bytes(&mut body, "crl");
    let command = build_body(body, crl.map(|crl| RecordCrl { crl }))?;
    act.execute(command).await
}

/// `POST /v1/tokens`: the operator hands out a token for a participant or an auditor. It is shown once.
///
/// Operators' own tokens are made where the data lies (`ledgerd token create`).
pub(super) async fn create_token(
    caller: Caller,
    query: Query,
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    caller.operator()?;
    query.build(Some(()))?;
    let mut body = json_body(&state, &request, Some(payload), SMALL_BYTES_MAX).await?;
    let auditor = body.required("role", "participant or auditor", |json| match text(json)?.as_str() {
        "participant" => Some(false),
        "auditor" => Some(true),
        _ => None,
    });
    let role = match auditor {
        Some(true) => Some(Role::Auditor),
        Some(false) => body.required("participant", ID, parsed).map(Role::Participant),
        None => {
            let _: Option<ParticipantId> = body.optional("participant", ID, parsed);
            None
        }
    };
    let role = build_body(body, role)?;
    if let Role::Participant(id) = role
        && state.ledger.participant(id, caller.viewer()).await?.is_none()
    {
        return Err(Problem::of(RefusalCode::ParticipantUnknown));
    }
    let (token, grant) =
        state.tokens.create(role, now()).map_err(|error| Problem::internal(super::problem::chain(&error)))?;
    Ok(view::token(&token, &grant))
}

async fn reason_and_cms(act: &mut Act) -> Result<(String, Vec<u8>), Problem> {
    let mut body = act.json(SMALL_BYTES_MAX).await?;
    let reason = body.required("reason", "text", text);
    let cms = bytes(&mut body, "cms");
    build_body(body, reason.zip(cms))
}

fn format(members: &mut Members) -> Option<Format> {
    let known = |text: &str| Format::ALL.iter().copied().find(|format| format.as_str() == text).ok_or(());
    named(members, "format", RefusalCode::FormatUnknown, "a format of /v1/limits", known)
}

/// A required text that names something; one that names nothing is the rule's problem, not a malformed member.
fn named<T, E>(
    members: &mut Members,
    name: &str,
    code: RefusalCode,
    expected: &'static str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let text = members.required(name, expected, text)?;
    let found = read(&text).ok();
    if found.is_none() {
        members.fault(name, code.as_str(), expected);
    }
    found
}

/// One of the words of a closed list.
fn word<T: Copy>(all: &[T], spelling: fn(T) -> &'static str, json: Json) -> Option<T> {
    let text = text(json)?;
    all.iter().copied().find(|value| spelling(*value) == text)
}

fn number(json: Json) -> Option<u64> {
    match json {
        Json::Number(number) => Some(number),
        Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => None,
    }
}
