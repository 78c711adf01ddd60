//! Problems (RFC 9457): what went wrong, with every finding at once. The only file that knows error status codes.
//!
//! Nothing that a client sent is repeated here, and nothing of the inside is told: an internal error goes to the log
//! under the request's id, the client gets the id.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use ledger_core::domain::refusal::{Detail, Finding, Refusal, RefusalCode};
use ledger_store::LedgerError;
use ledger_store::store::StoreError;
use serde_json::{Value, json};

use super::json::Fault;

/// Every problem type is this and the slug.
const TYPE_PREFIX: &str = "urn:edl:problem:";

/// The content type of problems.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Declares the problems that the edge itself has: slug, status, whether trying again may help, what it means.
macro_rules! edge {
    ($($name:ident = $slug:literal, $status:ident, $retryable:literal, $title:literal;)*) => {
        /// Problems of the edge; those of the rules are [`RefusalCode`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Edge { $(#[doc = $title] $name,)* }

        impl Edge {
            /// Every problem of the edge.
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The slug: last part of the problem type.
            pub(super) const fn slug(self) -> &'static str {
                self.parts().0
            }

            const fn parts(self) -> (&'static str, StatusCode, bool, &'static str) {
                match self { $(Self::$name => ($slug, StatusCode::$status, $retryable, $title),)* }
            }
        }
    };
}

edge! {
    BodyInvalid = "body-invalid", UNPROCESSABLE_ENTITY, false, "Members are missing, unknown or malformed; see the findings.";
    BodyMalformed = "body-malformed", BAD_REQUEST, false, "The body is not JSON of the accepted profile.";
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, false, "The body is over the limit of this route; see /v1/limits.";
    Busy = "busy", SERVICE_UNAVAILABLE, true, "Too many large uploads at once; try again.";
    CursorInvalid = "cursor-invalid", BAD_REQUEST, false, "This cursor was not given out by this list.";
    Forbidden = "forbidden", FORBIDDEN, false, "This token's role may not do this.";
    IdempotencyKeyInvalid = "idempotency-key-invalid", BAD_REQUEST, false, "Idempotency-Key is 1 to 128 visible ASCII characters, not beginning with edl:.";
    IdempotencyKeyMissing = "idempotency-key-missing", BAD_REQUEST, false, "A legally significant request needs an Idempotency-Key header, fresh for each act.";
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, false, "This Idempotency-Key stood on another request; take a fresh one.";
    Internal = "internal", INTERNAL_SERVER_ERROR, true, "Something broke here; the request's id leads the operator to it.";
    MediaTypeUnsupported = "media-type-unsupported", UNSUPPORTED_MEDIA_TYPE, false, "The Content-Type is not one that this route reads.";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, false, "This resource does not know this method; see Allow.";
    NotFound = "not-found", NOT_FOUND, false, "There is no such resource, or it is not yours to see.";
    OutcomeUnknown = "outcome-unknown", SERVICE_UNAVAILABLE, true, "The write may or may not have happened; repeat it with the same Idempotency-Key.";
    QueryInvalid = "query-invalid", BAD_REQUEST, false, "Query parameters are missing, unknown or malformed; see the findings.";
    RequestTimeout = "request-timeout", REQUEST_TIMEOUT, true, "The body did not arrive in time.";
    Unauthorized = "unauthorized", UNAUTHORIZED, false, "Send a valid token: Authorization: Bearer edl_…";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, true, "The ledger cannot write just now; reading goes on.";
    VersionConflict = "version-conflict", CONFLICT, true, "Others changed the same thing at the same moment; look again, then repeat.";
}

/// The status of each refusal of the rules (clauses.md A.17): the one table.
fn status(code: RefusalCode) -> StatusCode {
    use RefusalCode as R;
    match code {
        R::AgreementNotActive | R::AuthorityMissing | R::NotTheOwner | R::OperatorOnly => StatusCode::FORBIDDEN,
        R::CertificateExists
        | R::CrlExists
        | R::DocumentState
        | R::DocumentUnsigned
        | R::FindingUnchanged
        | R::KeyNotSuspended
        | R::ParticipantExists
        | R::PolicyForTests
        | R::RecipientSuspended
        | R::RecipientUnknown
        | R::SignaturePending
        | R::SignerAlreadySigned
        | R::SignerNotExpected
        | R::SigningOrder
        | R::TrustUnchanged => StatusCode::CONFLICT,
        R::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        R::MediaTypeMismatch => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        R::CertificateAnnulled
        | R::CertificateExpired
        | R::CertificateIndeterminate
        | R::CertificateMalformed
        | R::CertificateNotRegistered
        | R::CertificateNotYetValid
        | R::CertificatePurpose
        | R::SignerRole
        | R::SlotRole
        | R::CertificateRevoked
        | R::CertificateSubjectMismatch
        | R::CertificateSuspended
        | R::CertificateUntrusted
        | R::CompromiseBeforeCertificate
        | R::CompromiseTimeInFuture
        | R::CrlMalformed
        | R::CrlUntrusted
        | R::DigestMismatch
        | R::EmptyContent
        | R::FormatUnknown
        | R::FormatViolation
        | R::InvalidBin
        | R::InvalidIin
        | R::KeyUnknown
        | R::ParticipantUnknown
        | R::PossessionMissing
        | R::PrivateKeyMaterialRefused
        | R::RecipientDuplicate
        | R::RecipientSelf
        | R::RecipientsMissing
        | R::RequisitesMissing
        | R::SignatureAlgorithmUnsupported
        | R::SignatureDigestMismatch
        | R::SignatureIndeterminate
        | R::SignatureInvalid
        | R::SignatureMalformed
        | R::SignatureUnknown
        | R::SignersInvalid
        | R::TermsUnknown
        | R::TrustInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// What a client is told when its request did not do what it asked.
#[derive(Debug)]
pub(super) struct Problem {
    slug: &'static str,
    status: StatusCode,
    retryable: bool,
    title: &'static str,
    detail: Option<String>,
    clause: Option<&'static str>,
    findings: Vec<Value>,
    state: Option<(Value, Value)>,
    allow: Option<String>,
    /// For the log only.
    cause: Option<String>,
}

impl Problem {
    /// A problem of the edge.
    pub(super) fn edge(edge: Edge) -> Self {
        let (slug, status, retryable, title) = edge.parts();
        Self {
            slug,
            status,
            retryable,
            title,
            detail: None,
            clause: None,
            findings: Vec::new(),
            state: None,
            allow: None,
            cause: None,
        }
    }

    /// A problem of the edge, said more exactly.
    pub(super) fn with_detail(edge: Edge, detail: &'static str) -> Self {
        Self { detail: Some(detail.to_owned()), ..Self::edge(edge) }
    }

    /// Not JSON of ours; the detail says what and where, never a value.
    pub(super) fn malformed(detail: String) -> Self {
        Self { detail: Some(detail), ..Self::edge(Edge::BodyMalformed) }
    }

    /// A rule's no that the edge can already say.
    pub(super) fn of(code: RefusalCode) -> Self {
        Self::refused(&Refusal::of(Finding::new(code)))
    }

    /// Not there, or not visible to this caller: nobody learns which.
    pub(super) fn not_found() -> Self {
        Self::edge(Edge::NotFound)
    }

    /// The role may not do this.
    pub(super) fn forbidden(detail: &'static str) -> Self {
        Self::with_detail(Edge::Forbidden, detail)
    }

    /// The resource has other methods.
    pub(super) fn method_not_allowed(allow: &str) -> Self {
        Self { allow: Some(allow.to_owned()), ..Self::edge(Edge::MethodNotAllowed) }
    }

    /// Something of ours broke; the cause goes to the log.
    pub(super) fn internal(cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::edge(Edge::Internal) }
    }

    /// A body or query whose members are wrong. A fault that is a rule's no makes it that rule's problem, and private
    /// key material outranks everything else that is wrong.
    pub(super) fn faults(edge: Edge, faults: &[Fault]) -> Self {
        let private = RefusalCode::PrivateKeyMaterialRefused;
        let rule = |fault: &Fault| RefusalCode::ALL.iter().copied().find(|code| code.as_str() == fault.code);
        let rules: Vec<RefusalCode> = faults.iter().filter_map(rule).collect();
        let outranking = rules.iter().find(|code| **code == private).or(rules.first());
        let cursor = faults.iter().any(|fault| fault.code == Edge::CursorInvalid.slug());
        let edge = if cursor { Edge::CursorInvalid } else { edge };
        let mut problem = outranking.map_or_else(|| Self::edge(edge), |code| Self::of_code(*code));
        let finding = |fault: &Fault| {
            let mut told = json!({"code": fault.code, "field": fault.field, "expected": fault.expected});
            if let (Some(code), Value::Object(members)) = (rule(fault), &mut told) {
                members.insert("clause".to_owned(), code.clause().into());
            }
            told
        };
        problem.findings = faults.iter().map(finding).collect();
        problem
    }

    /// The rules said no.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let mut problem = match refusal.findings().first() {
            Some(first) => Self { clause: Some(first.clause), ..Self::of_code(first.code) },
            None => Self::internal("a refusal without findings"),
        };
        problem.retryable = refusal.is_retryable();
        for finding in refusal.findings() {
            let mut told = serde_json::to_value(finding).unwrap_or_default();
            if let Value::Object(members) = &mut told {
                members.insert("advice".to_owned(), finding.code.advice().into());
            }
            problem.findings.push(told);
            if let Some(Detail::State { state, allowed, .. }) = &finding.detail {
                problem.state = Some((json!(state), json!(allowed)));
            }
        }
        problem
    }

    fn of_code(code: RefusalCode) -> Self {
        Self {
            slug: code.as_str(),
            status: status(code),
            retryable: code.is_retryable(),
            title: code.advice(),
            clause: Some(code.clause()),
            ..Self::edge(Edge::Internal)
        }
    }

    /// For the log: what the client is not told.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The problem that stands for an error answer of the framework, which has no body of ours.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::edge(Edge::MethodNotAllowed),
            StatusCode::PAYLOAD_TOO_LARGE => Self::edge(Edge::BodyTooLarge),
            StatusCode::REQUEST_TIMEOUT => Self::edge(Edge::RequestTimeout),
            status if status.is_client_error() => Self::edge(Edge::BodyMalformed),
            status => Self::internal(status),
        }
    }
}

impl From<LedgerError> for Problem {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what a client cannot act on is internal, whatever comes")]
    fn from(error: LedgerError) -> Self {
        match &error {
            LedgerError::Refused(refusal) => Self::refused(refusal),
            LedgerError::NotFound(_) => Self::not_found(),
            LedgerError::CommandReused | LedgerError::Store(StoreError::CommandReused { .. }) => {
                Self::edge(Edge::IdempotencyKeyReused)
            }
            LedgerError::Contended | LedgerError::Store(StoreError::Conflict { .. }) => {
                Self::edge(Edge::VersionConflict)
            }
            LedgerError::IdempotencyKey => Self::edge(Edge::IdempotencyKeyInvalid),
            LedgerError::Store(
                StoreError::Overloaded | StoreError::Refused(_) | StoreError::Broken | StoreError::Closed,
            ) => Self { cause: Some(chain(&error)), ..Self::edge(Edge::Unavailable) },
            LedgerError::Store(StoreError::UnknownOutcome(_)) => {
                Self { cause: Some(chain(&error)), ..Self::edge(Edge::OutcomeUnknown) }
            }
            _ => Self::internal(chain(&error)),
        }
    }
}

/// An error and its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut body = json!({
            "type": format!("{TYPE_PREFIX}{}", self.slug),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.slug,
            "retryable": self.retryable,
        });
        if let Value::Object(members) = &mut body {
            let mut tell = |name: &str, value: Value| members.insert(name.to_owned(), value);
            if let Some(detail) = &self.detail {
                tell("detail", detail.as_str().into());
            }
            if let Some(clause) = self.clause {
                tell("clause", clause.into());
            }
            if !self.findings.is_empty() {
                tell("findings", self.findings.clone().into());
            }
            if let Some((state, allowed)) = &self.state {
                tell("current_state", state.clone());
                tell("allowed_actions", allowed.clone());
            }
        }
        let mut response = HttpResponse::build(self.status).body(body.to_string());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn body(problem: &Problem) -> Value {
        let bytes = actix_web::body::to_bytes(problem.error_response().into_body());
        let bytes = actix_web::rt::System::new().block_on(bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn every_slug_is_its_own_problem_type_with_an_error_status() {
        let rules = RefusalCode::ALL.iter().map(|code| Problem::refused(&Refusal::of(Finding::new(*code))));
        let edges = Edge::ALL.iter().map(|edge| Problem::edge(*edge));
        let mut seen = BTreeSet::new();
        for problem in rules.chain(edges) {
            let told = body(&problem);
            assert!(seen.insert(problem.slug), "{} stands twice", problem.slug);
            assert_eq!(told["type"], format!("urn:edl:problem:{}", problem.slug));
            assert_eq!(told["status"], problem.error_response().status().as_u16());
            assert!(problem.status.is_client_error() || problem.status.is_server_error(), "{problem}");
            assert!(told["title"].as_str().unwrap().len() > 10, "{problem}");
        }
    }

    #[test]
    fn the_rules_never_answer_with_a_server_error_and_always_name_their_clause() {
        for code in RefusalCode::ALL {
            let told = body(&Problem::refused(&Refusal::of(Finding::new(*code))));
            assert!(status(*code).is_client_error(), "{code}");
            assert_eq!(told["clause"], code.clause(), "{code}");
            assert_eq!(told["findings"][0]["code"], code.as_str());
            assert_eq!(told["retryable"], code.is_retryable());
        }
    }

    /// The rows of clauses.md A.17 whose status is fixed there.
    #[test]
    fn the_statuses_are_those_of_the_catalogue() {
        for (slug, expected) in [
            ("invalid-bin", 422),
            ("invalid-iin", 422),
            ("participant-exists", 409),
            ("terms-unknown", 422),
            ("agreement-not-active", 403),
            ("certificate-not-registered", 422),
            ("certificate-purpose", 422),
            ("certificate-subject-mismatch", 422),
            ("certificate-expired", 422),
            ("certificate-not-yet-valid", 422),
            ("certificate-revoked", 422),
            ("certificate-suspended", 422),
            ("certificate-annulled", 422),
            ("signature-digest-mismatch", 422),
            ("signature-malformed", 422),
            ("signature-algorithm-unsupported", 422),
            ("signer-not-expected", 409),
            ("signer-already-signed", 409),
            ("signing-order", 409),
            ("format-unknown", 422),
            ("format-violation", 422),
            ("requisites-missing", 422),
            ("empty-content", 422),
            ("content-too-large", 413),
            ("media-type-mismatch", 415),
            ("digest-mismatch", 422),
            ("recipient-unknown", 409),
            ("recipient-suspended", 409),
            ("document-state", 409),
            ("private-key-material-refused", 422),
        ] {
            let code = RefusalCode::ALL.iter().find(|code| code.as_str() == slug).unwrap();
            assert_eq!(status(*code).as_u16(), expected, "{slug}");
        }
        assert_eq!(Problem::edge(Edge::IdempotencyKeyMissing).status.as_u16(), 400);
        assert_eq!(Problem::edge(Edge::IdempotencyKeyReused).status.as_u16(), 422);
        assert_eq!(Problem::edge(Edge::CursorInvalid).status.as_u16(), 400);
    }

    #[test]
    fn an_internal_cause_is_for_the_log_alone() {
        let problem = Problem::internal("disk /secret/path is gone");
        assert!(!body(&problem).to_string().contains("secret"));
        assert_eq!(problem.cause(), Some("disk /secret/path is gone"));
    }
}
