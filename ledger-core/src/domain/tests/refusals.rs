//! The bad inputs of clauses.md A.17 that belong to these actions, each with its own code.

use RefusalCode as R;

use super::*;

/// One bad input: what it is, what was decided, the codes that it must get.
type Case = (&'static str, Result<Vec<NewEvent>, Refusal>, Vec<RefusalCode>);

fn decide<A: Aggregate>(
    given: &[Event],
    when: A::Command,
    circumstances: &Circumstances,
) -> Result<Vec<NewEvent>, Refusal> {
    past::<A>(given).decide(&when, circumstances)
}

fn participant_cases() -> Vec<Case> {
    let case = |name, change: fn(&mut RegisterParticipant, &mut RegistrationFacts), codes: &[R]| {
        let (mut command, mut facts) = registration();
        change(&mut command, &mut facts);
        (name, decide::<Participant>(&[], ParticipantCommand::Register(command, facts), &operator()), codes.to_vec())
    };
    let (command, facts) = registration();
    let itself = decide::<Participant>(&[], ParticipantCommand::Register(command, facts), &by(SENDER));
    vec![
        case("wrong check digit", |c, _| c.number = "171140001256".into(), &[R::InvalidBin]),
        case("full-width digits", |c, _| c.number = "１７１１４０００１２５５".into(), &[R::InvalidBin]),
        case("placeholder", |c, _| c.number = "000000000000".into(), &[R::InvalidBin]),
        case(
            "IIN of 11 digits",
            |c, _| {
                (c.identity_kind, c.kind, c.number) =
                    (IdentityKind::Iin, ParticipantKind::Individual, "12345678901".into());
            },
            &[R::InvalidIin],
        ),
        case("BIN of an individual", |c, _| c.kind = ParticipantKind::Individual, &[R::InvalidBin]),
        case("registered already", |_, f| f.identity_is_registered = true, &[R::ParticipantExists]),
        case("other terms", |_, f| f.terms_in_force.clear(), &[R::TermsUnknown]),
        case("no name", |c, _| c.name = " ".into(), &[R::RequisitesMissing]),
        case("name with a noncharacter", |c, _| c.name = "a\u{FFFE}".into(), &[R::RequisitesMissing]),
        case(
            "everything at once",
            |c, f| {
                (c.number, c.name) = ("1".into(), String::new());
                f.terms_in_force.clear();
                f.identity_is_registered = true;
            },
            &[R::InvalidBin, R::ParticipantExists, R::RequisitesMissing, R::TermsUnknown],
        ),
        ("registers itself", itself, vec![R::OperatorOnly]),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn certificate_cases() -> Vec<Case> {
    let case = |name, change: fn(&mut RegisterCertificate, &mut CertificateFacts), codes: &[R]| {
        let (mut command, mut facts) = certification();
        change(&mut command, &mut facts);
        (name, decide::<Certificate>(&[], CertificateCommand::Register(command, facts), &operator()), codes.to_vec())
    };
    let other = |given: &[Event], circumstances| {
        let (command, facts) = certification();
        decide::<Certificate>(given, CertificateCommand::Register(command, facts), circumstances)
    };
    vec![
        case("not DER", |_, f| f.check.contents = None, &[R::CertificateMalformed]),
        case("too long a chain", |c, _| c.chain = vec![vec![1]; 9], &[R::CertificateMalformed]),
        case(
            "authentication certificate",
            |_, f| {
                f.check.contents.as_mut().unwrap().purpose_is_signing = false;
            },
            &[R::CertificatePurpose],
        ),
        case(
            "foreign BIN",
            |_, f| {
                f.check.contents.as_mut().unwrap().bin = Some(identity(RECIPIENT));
            },
            &[R::CertificateSubjectMismatch],
        ),
        case(
            "expired, as both verifier and rule find",
            |_, f| {
                f.check.contents.as_mut().unwrap().not_after = time(999);
                f.check.outcome = short(Verdict::Failed, &["EXPIRED"]);
            },
            &[R::CertificateExpired],
        ),
        case(
            "not yet valid",
            |_, f| {
                f.check.contents.as_mut().unwrap().not_before = time(1001);
            },
            &[R::CertificateNotYetValid],
        ),
        case(
            "revoked",
            |_, f| f.check.outcome = short(Verdict::Failed, &["certificate-revoked"]),
            &[R::CertificateRevoked],
        ),
        case(
            "no chain",
            |_, f| {
                f.check.outcome = short(Verdict::Failed, &["NO_CERTIFICATE_CHAIN_FOUND"]);
            },
            &[R::CertificateUntrusted],
        ),
        case(
            "a failure without a known code",
            |_, f| {
                f.check.outcome = short(Verdict::Failed, &["GENERIC"]);
            },
            &[R::CertificateUntrusted],
        ),
        case(
            "no revocation data",
            |_, f| {
                f.check.outcome = short(Verdict::Indeterminate, &["TRY_LATER"]);
            },
            &[R::CertificateIndeterminate],
        ),
        case(
            "GOST",
            |_, f| {
                f.check.outcome = short(Verdict::Indeterminate, &["unsupported-algorithm", "not-reached"]);
            },
            &[R::SignatureAlgorithmUnsupported],
        ),
        case(
            "possession of another certificate",
            |_, f| {
                f.possession.certificate = Some(certificate(RECIPIENT));
            },
            &[R::PossessionMissing],
        ),
        case(
            "possession not checked to the end for want of revocation data",
            |_, f| {
                f.possession.outcome = short(Verdict::Indeterminate, &["TRY_LATER"]);
            },
            &[R::SignatureIndeterminate],
        ),
        case(
            "possession not checked to the end for another reason",
            |_, f| {
                f.possession.outcome = short(Verdict::Indeterminate, &["TRY_LATER", "path-limit"]);
            },
            &[R::PossessionMissing],
        ),
        case(
            "PKCS#12 instead of a certificate",
            |_, f| {
                (f.check.contents, f.check.private_key_material) = (None, true);
            },
            &[R::PrivateKeyMaterialRefused],
        ),
        case(
            "the key was compromised under another certificate",
            |_, f| f.key_is_suspended = true,
            &[R::CertificateSuspended],
        ),
        case("unknown participant", |_, f| f.participant = Participant::default(), &[R::ParticipantUnknown]),
        case("no agreement", |_, f| f.participant.agreement = None, &[R::AgreementNotActive]),
        ("registered already", other(&[sample("certificate.registered")], &operator()), vec![R::CertificateExists]),
        ("for somebody else", other(&[], &by(RECIPIENT)), vec![R::NotTheOwner]),
    ]
}

fn key_cases() -> Vec<Case> {
    let facts = || CompromiseFacts { certificates: vec![certified(SENDER)] };
    let case = |name, change: fn(&mut ReportCompromise), codes: &[R]| {
        let mut command = report(SENDER);
        change(&mut command);
        (name, decide::<Key>(&[], KeyCommand::ReportCompromise(command, facts()), &operator()), codes.to_vec())
    };
    let again = [sample("key.compromise_reported"), sample("key.use_suspended")];
    let annulled = [again.to_vec(), vec![sample("key.annulled")]].concat();
    let other = |given: &[Event], facts, circumstances: &Circumstances| {
        decide::<Key>(given, KeyCommand::ReportCompromise(report(SENDER), facts), circumstances)
    };
    vec![
        case("received later than now", |c| c.received_at = time(1001), &[R::CompromiseTimeInFuture]),
        case("learned after the receipt", |c| c.learned_at = time(31), &[R::CompromiseTimeInFuture]),
        case("compromised after the receipt", |c| c.claimed_since = time(31), &[R::CompromiseTimeInFuture]),
        case("before the certificate", |c| c.claimed_since = time(0).minus_ms(1), &[R::CompromiseBeforeCertificate]),
        case("a certificate of another key", |c| c.certificate = Some(certificate(RECIPIENT)), &[R::KeyUnknown]),
        ("unknown key", other(&[], CompromiseFacts { certificates: vec![] }, &operator()), vec![R::KeyUnknown]),
        ("not the owner", other(&[], facts(), &by(RECIPIENT)), vec![R::NotTheOwner]),
        ("annulling a key in use", decide::<Key>(&[], annul(), &operator()), vec![R::KeyNotSuspended]),
        ("resuming a key in use", decide::<Key>(&[], resume(), &operator()), vec![R::KeyNotSuspended]),
        ("annulling by the owner", decide::<Key>(&again, annul(), &by(SENDER)), vec![R::OperatorOnly]),
        ("resuming by the owner", decide::<Key>(&again, resume(), &by(SENDER)), vec![R::OperatorOnly]),
        ("annulling twice", decide::<Key>(&annulled, annul(), &operator()), vec![R::CertificateAnnulled]),
        ("resuming an annulled key", decide::<Key>(&annulled, resume(), &operator()), vec![R::CertificateAnnulled]),
        ("reporting an annulled key", other(&annulled, facts(), &by(SENDER)), vec![R::CertificateAnnulled]),
        ("second report", other(&again, facts(), &by(SENDER)), vec![R::CertificateSuspended]),
    ]
}

fn form_cases() -> Vec<Case> {
    let case = |name, change: fn(&mut FormDocument, &mut FormFacts), codes: &[R]| {
        let (mut command, mut facts) = forming();
        change(&mut command, &mut facts);
        (name, decide::<Document>(&[], DocumentCommand::Form(command, facts), &by(SENDER)), codes.to_vec())
    };
    let other = |given: &[Event], circumstances| {
        let (command, facts) = forming();
        decide::<Document>(given, DocumentCommand::Form(command, facts), circumstances)
    };
    vec![
        case("digest of other bytes", |c, _| c.content = b"texts".to_vec(), &[R::DigestMismatch]),
        case("zero bytes", |c, _| (c.content, c.declared_sha256) = (vec![], None), &[R::EmptyContent]),
        case(
            "PNG renamed .pdf",
            |c, _| {
                (c.format, c.content, c.declared_sha256) = (Format::ScanPdf, b"\x89PNG\r\n\x1A\n".to_vec(), None);
            },
            &[R::MediaTypeMismatch],
        ),
        case("no text", |c, _| (c.content, c.declared_sha256) = (vec![0], None), &[R::FormatViolation]),
        case(
            "scan of 10 MiB and a byte",
            |c, _| {
                let mut content = b"%PDF-1.7".to_vec();
                content.resize(10 * 1024 * 1024 + 1, b' ');
                (c.format, c.content, c.declared_sha256) = (Format::ScanPdf, content, None);
            },
            &[R::ContentTooLarge],
        ),
        case("no title", |c, _| c.title = String::new(), &[R::RequisitesMissing]),
        case("a private key", |_, f| f.private_key_material = true, &[R::PrivateKeyMaterialRefused]),
        case(
            "unknown signer",
            |c, _| {
                c.signers =
                    vec![SlotRequest { participant: participant(99), mandatory: true, group: 1, required_role: None }];
            },
            &[R::ParticipantUnknown],
        ),
        case(
            "no mandatory signer",
            |c, _| {
                c.signers = vec![SlotRequest {
                    participant: participant(SENDER),
                    mandatory: false,
                    group: 1,
                    required_role: None,
                }];
            },
            &[R::SignersInvalid],
        ),
        case(
            "group 0",
            |c, _| {
                c.signers = vec![SlotRequest {
                    participant: participant(SENDER),
                    mandatory: true,
                    group: 0,
                    required_role: None,
                }];
            },
            &[R::SignersInvalid],
        ),
        case(
            "33 signers",
            |c, _| {
                c.signers = vec![
                    SlotRequest {
                        participant: participant(SENDER),
                        mandatory: true,
                        group: 1,
                        required_role: None
                    };
                    33
                ];
            },
            &[R::SignersInvalid],
        ),
        case("sender unknown", |_, f| f.sender = Participant::default(), &[R::ParticipantUnknown]),
        case("sender without agreement", |_, f| f.sender.agreement = None, &[R::AgreementNotActive]),
        ("for somebody else", other(&[], &by(RECIPIENT)), vec![R::NotTheOwner]),
        ("by the operator", other(&[], &operator()), vec![R::NotTheOwner]),
        ("formed already", other(&[formed(&[(SENDER, true, 1)])], &by(SENDER)), vec![R::DocumentState]),
    ]
}

#[expect(clippy::too_many_lines, reason = "one table")]
fn sign_cases() -> Vec<Case> {
    let given = || vec![formed(&[(SENDER, true, 1), (THIRD, true, 2)])];
    let sign = |given: &[Event], facts: SignerFacts, circumstances: &Circumstances| {
        let command = DocumentCommand::Sign(ApplySignature { document: document(), cms: cms() }, facts);
        decide::<Document>(given, command, circumstances)
    };
    let case = |name, change: fn(&mut SignerFacts), codes: &[R]| {
        let mut facts = signer(SENDER);
        change(&mut facts);
        (name, sign(&given(), facts, &by(SENDER)), codes.to_vec())
    };
    let signed = [given(), vec![signature(1, SENDER)]].concat();
    let sent = [signed.clone(), vec![signature(2, THIRD), sample("document.sent")]].concat();
    vec![
        case(
            "not a CMS",
            |f| {
                f.check.outcome = short(Verdict::Failed, &["FORMAT_FAILURE"]);
                (f.check.certificate, f.check.key) = (None, None);
            },
            &[R::SignatureMalformed],
        ),
        case("passed, but by nobody", |f| f.check.certificate = None, &[R::SignatureMalformed]),
        case(
            "other bytes",
            |f| f.check.outcome = short(Verdict::Failed, &["HASH_FAILURE"]),
            &[R::SignatureDigestMismatch],
        ),
        case(
            "wrong value",
            |f| f.check.outcome = short(Verdict::Failed, &["SIG_CRYPTO_FAILURE"]),
            &[R::SignatureInvalid],
        ),
        case("failed without a reason", |f| f.check.outcome = short(Verdict::Failed, &[]), &[R::SignatureInvalid]),
        case(
            "no revocation data, and something that waiting does not mend",
            |f| f.check.outcome = short(Verdict::Indeterminate, &["TRY_LATER", "path-limit", "not-reached"]),
            &[R::SignatureIndeterminate],
        ),
        case(
            "no revocation data, by a suspended key",
            |f| {
                f.check.outcome = short(Verdict::Indeterminate, &["TRY_LATER"]);
                f.key = suspended(SENDER);
            },
            &[R::CertificateSuspended],
        ),
        case("without the authority", |f| f.authority = Authority::Missing, &[R::AuthorityMissing]),
        (
            "while the first one waits",
            sign(&[given(), vec![pending(1, SENDER)]].concat(), signer(SENDER), &by(SENDER)),
            vec![R::SignaturePending],
        ),
        (
            "after a group that waits",
            sign(&[given(), vec![pending(1, SENDER)]].concat(), signer(THIRD), &by(THIRD)),
            vec![R::SigningOrder],
        ),
        case(
            "indeterminate without a reason",
            |f| f.check.outcome = short(Verdict::Indeterminate, &[]),
            &[R::SignatureIndeterminate],
        ),
        case(
            "GOST",
            |f| f.check.outcome = short(Verdict::Indeterminate, &["unsupported-algorithm", "not-reached"]),
            &[R::SignatureAlgorithmUnsupported],
        ),
        case("without the slot's role", |f| f.check.outcome = short(Verdict::Failed, &["slot-role"]), &[R::SlotRole]),
        case(
            "the slot's role unknown, and that of the type missing",
            |f| f.check.outcome = short(Verdict::Indeterminate, &["slot-role-unknown", "signer-role-unknown"]),
            &[R::SignerRole, R::SlotRole],
        ),
        case(
            "checked for another role",
            |f| f.check.required_role = Some(crate::pki::certificate::Role::Head),
            &[R::SignatureIndeterminate],
        ),
        case("without the role", |f| f.check.outcome = short(Verdict::Failed, &["signer-role"]), &[R::SignerRole]),
        case(
            "with a role that nobody knows",
            |f| f.check.outcome = short(Verdict::Indeterminate, &["signer-role-unknown"]),
            &[R::SignerRole],
        ),
        case("revoked", |f| f.check.outcome = short(Verdict::Failed, &["REVOKED"]), &[R::CertificateRevoked]),
        case("certificate not registered", |f| f.certificate = Certificate::default(), &[R::CertificateNotRegistered]),
        case(
            "another certificate's registration",
            |f| f.certificate = certified(THIRD),
            &[R::CertificateNotRegistered],
        ),
        case("authentication certificate", |f| f.check.purpose_is_signing = false, &[R::CertificatePurpose]),
        case("suspended key", |f| f.key = suspended(SENDER), &[R::CertificateSuspended]),
        case("expired", |f| f.certificate.registered.as_mut().unwrap().not_after = time(999), &[R::CertificateExpired]),
        case(
            "not yet valid",
            |f| f.certificate.registered.as_mut().unwrap().not_before = time(1001),
            &[R::CertificateNotYetValid],
        ),
        case("no agreement", |f| f.participant.agreement = None, &[R::AgreementNotActive]),
        case("private key", |f| f.check.private_key_material = true, &[R::PrivateKeyMaterialRefused]),
        case(
            "everything at once",
            |f| {
                f.check.outcome = short(Verdict::Failed, &["HASH_FAILURE", "REVOKED"]);
                f.key = suspended(SENDER);
                f.check.purpose_is_signing = false;
            },
            &[R::CertificatePurpose, R::CertificateRevoked, R::CertificateSuspended, R::SignatureDigestMismatch],
        ),
        ("a stranger", sign(&given(), signer(RECIPIENT), &by(RECIPIENT)), vec![R::SignerNotExpected]),
        ("another's signature", sign(&given(), signer(SENDER), &by(THIRD)), vec![R::NotTheOwner]),
        ("out of order", sign(&given(), signer(THIRD), &by(THIRD)), vec![R::SigningOrder]),
        ("twice", sign(&signed, signer(SENDER), &by(SENDER)), vec![R::SignerAlreadySigned]),
        ("after sending", sign(&sent, signer(SENDER), &by(SENDER)), vec![R::DocumentState, R::SignerAlreadySigned]),
        ("no such document", sign(&[], signer(SENDER), &by(SENDER)), vec![R::DocumentState]),
    ]
}

fn send_cases() -> Vec<Case> {
    let signed = [formed(&[(SENDER, true, 1)]), signature(1, SENDER)];
    let case = |name, to: &[u8], change: fn(&mut SendFacts), codes: &[R]| {
        let (command, mut facts) = sending(to);
        change(&mut facts);
        (name, decide::<Document>(&signed, DocumentCommand::Send(command, facts), &by(SENDER)), codes.to_vec())
    };
    let other = |given: &[Event], circumstances| {
        let (command, facts) = sending(&[RECIPIENT]);
        decide::<Document>(given, DocumentCommand::Send(command, facts), circumstances)
    };
    let sent = [&signed[..], &[sample("document.sent")]].concat();
    let many: Vec<u8> = vec![RECIPIENT; 257];
    vec![
        case("nobody", &[], |_| {}, &[R::RecipientsMissing]),
        case("257 recipients", &many, |_| {}, &[R::RecipientDuplicate, R::RecipientsMissing]),
        case("the sender itself", &[SENDER], |_| {}, &[R::RecipientSelf]),
        case("twice the same", &[RECIPIENT, RECIPIENT], |_| {}, &[R::RecipientDuplicate]),
        case("an unknown one", &[RECIPIENT], |f| f.recipients = BTreeMap::new(), &[R::RecipientUnknown]),
        case(
            "one without agreement",
            &[RECIPIENT],
            |f| {
                f.recipients.values_mut().for_each(|one| one.participant.agreement = None);
            },
            &[R::RecipientSuspended],
        ),
        case("no agreement", &[RECIPIENT], |f| f.sender.agreement = None, &[R::AgreementNotActive]),
        ("unsigned", other(&signed[..1], &by(SENDER)), vec![R::DocumentUnsigned]),
        ("not the sender", other(&signed, &by(RECIPIENT)), vec![R::NotTheOwner]),
        ("twice", other(&sent, &by(SENDER)), vec![R::DocumentState]),
        ("no such document", other(&[], &by(SENDER)), vec![R::DocumentState]),
    ]
}

fn delivery_cases() -> Vec<Case> {
    let pending = vec![opened(Answer::Required)];
    let received = [pending.clone(), accounted()].concat();
    let go = |given: &[Event], when, circumstances: &Circumstances| decide::<Delivery>(given, when, circumstances);
    let nothing = ReceiptFacts { signatures: vec![], basis: basis() };
    let mut unfinished = receiving();
    unfinished.signatures[0].check.outcome = short(Verdict::Indeterminate, &["unsupported-algorithm", "not-reached"]);
    let blank = |reason: String| {
        DeliveryCommand::Withdraw(Withdraw { delivery: delivery(9), reason, cms: cms() }, signer(SENDER))
    };
    let mut by_other = signer(RECIPIENT);
    by_other.check.outcome = short(Verdict::Failed, &["HASH_FAILURE"]);
    let foreign = DeliveryCommand::Recall(Recall { delivery: delivery(9), cms: cms() }, by_other);
    let reserved = Countersign { delivery: delivery(9), cms: cms(), reservations: Some(String::new()) };
    let mut compromised = signer(RECIPIENT);
    compromised.key = suspended(RECIPIENT);
    vec![
        ("receive without signatures", go(&pending, receive(nothing), &system()), vec![R::DocumentUnsigned]),
        ("receive with GOST", go(&pending, receive(unfinished), &system()), vec![R::SignatureAlgorithmUnsupported]),
        ("receive by the sender", go(&pending, receive(receiving()), &by(SENDER)), vec![R::NotTheOwner]),
        ("receive twice", go(&received, receive(receiving()), &by(RECIPIENT)), vec![R::DocumentState]),
        ("no such delivery", go(&[], receive(receiving()), &system()), vec![R::DocumentState]),
        ("confirm before the receipt", go(&pending, confirm(), &by(SENDER)), vec![R::DocumentState]),
        ("confirm by the recipient", go(&received, confirm(), &by(RECIPIENT)), vec![R::NotTheOwner]),
        ("recall by the recipient", go(&pending, recall(RECIPIENT), &by(RECIPIENT)), vec![R::DocumentState]),
        ("recall by a stranger", go(&pending, recall(THIRD), &by(THIRD)), vec![R::NotTheOwner]),
        (
            "recall by the operator",
            go(&pending, recall(SENDER), &operator()),
            vec![R::NotTheOwner, R::SignerNotExpected],
        ),
        (
            "recall signed by another, over other bytes",
            go(&pending, foreign, &by(SENDER)),
            vec![R::SignatureDigestMismatch, R::SignerNotExpected],
        ),
        ("withdraw without a reason", go(&received, blank(" ".into()), &by(SENDER)), vec![R::RequisitesMissing]),
        ("withdraw with a book", go(&received, blank("x".repeat(10_001)), &by(SENDER)), vec![R::RequisitesMissing]),
        (
            "empty reservations",
            go(&received, DeliveryCommand::Countersign(reserved, signer(RECIPIENT)), &by(RECIPIENT)),
            vec![R::RequisitesMissing],
        ),
        (
            "countersign with a suspended key",
            go(
                &received,
                DeliveryCommand::RefuseAnswer(
                    RefuseAnswer { delivery: delivery(9), reason: reason(), cms: cms() },
                    compromised,
                ),
                &by(RECIPIENT),
            ),
            vec![R::CertificateSuspended],
        ),
        ("act on no delivery", go(&[], recall(SENDER), &by(SENDER)), vec![R::DocumentState, R::NotTheOwner]),
    ]
}

fn finding_cases() -> Vec<Case> {
    let given = [formed(&[(SENDER, true, 1)]), pending(1, SENDER)];
    let go = |given: &[Event], outcome, circumstances: &Circumstances| {
        decide::<Document>(given, DocumentCommand::RecordFinding(finding(101), found(SENDER, outcome)), circumstances)
    };
    let waits = || short(Verdict::Indeterminate, &["TRY_LATER"]);
    let (command, facts) = sending(&[RECIPIENT]);
    let send = decide::<Document>(&given, DocumentCommand::Send(command, facts), &by(SENDER));
    let on_delivery = |outcome, circumstances: &Circumstances| {
        let command = DeliveryCommand::RecordFinding(finding(9), found(RECIPIENT, outcome));
        decide::<Delivery>(&[vec![opened(Answer::Required)], accounted()].concat(), command, circumstances)
    };
    vec![
        ("sending what waits", send, vec![R::SignaturePending]),
        ("a finding by a stranger", go(&given, passed(), &by(THIRD)), vec![R::NotTheOwner]),
        ("a finding that says nothing new", go(&given, waits(), &system()), vec![R::FindingUnchanged]),
        ("a finding about no document", go(&[], passed(), &system()), vec![R::DocumentState]),
        ("a finding about no signature", go(&given[..1], passed(), &system()), vec![R::SignatureUnknown]),
        ("a finding about no countersignature", on_delivery(passed(), &system()), vec![R::SignatureUnknown]),
    ]
}

fn ledger_cases() -> Vec<Case> {
    let digest = Digest::sha256(&[b"trust"]);
    let publish =
        |anchors: Vec<Vec<u8>>, snapshot: Option<Vec<u8>>, policy, given: &[Event], circumstances: &Circumstances| {
            let command = PublishTrust::of_anchors(anchors, b"{}".to_vec());
            let (policy_is_for_tests, mode) = (false, IdentifierMode::Strict);
            let facts = TrustFacts { origin: origin(), snapshot, trust: digest, policy, policy_is_for_tests, mode };
            decide::<LedgerActs>(given, LedgerCommand::PublishTrust(command, facts), circumstances)
        };
    let good = || (vec![b"ca".to_vec()], Some(b"{}".to_vec()), Some(Digest::sha256(&[b"policy"])));
    let in_force = [sample("ledger.trust_published")];
    let contents =
        |is_trusted| Some(CrlContents { issuer: digest, this_update: time(0), next_update: None, is_trusted });
    let record = |contents, given: &[Event], circumstances: &Circumstances| {
        let facts = CrlFacts { origin: origin(), contents };
        let command = LedgerCommand::RecordCrl(RecordCrl { crl: b"crl".to_vec() }, facts);
        decide::<LedgerActs>(given, command, circumstances)
    };
    let for_tests = {
        let command = PublishTrust::of_anchors(vec![b"ca".to_vec()], b"{}".to_vec());
        let (snapshot, policy) = (Some(b"{}".to_vec()), Some(Digest::sha256(&[b"policy"])));
        let (policy_is_for_tests, mode) = (true, IdentifierMode::Strict);
        let facts = TrustFacts { origin: origin(), snapshot, trust: digest, policy, policy_is_for_tests, mode };
        decide::<LedgerActs>(&[], LedgerCommand::PublishTrust(command, facts), &operator())
    };
    let known = [sample("ledger.crl_recorded")];
    let (anchors, snapshot, policy) = good();
    vec![
        ("no anchor", publish(vec![], snapshot.clone(), policy, &[], &operator()), vec![R::TrustInvalid]),
        ("not a CA", publish(anchors.clone(), None, policy, &[], &operator()), vec![R::TrustInvalid]),
        ("no policy", publish(anchors.clone(), snapshot.clone(), None, &[], &operator()), vec![R::TrustInvalid]),
        (
            "unchanged",
            publish(anchors.clone(), snapshot.clone(), policy, &in_force, &operator()),
            vec![R::TrustUnchanged],
        ),
        ("tests count among real documents", for_tests, vec![R::PolicyForTests]),
        ("by a participant", publish(anchors, snapshot, policy, &[], &by(SENDER)), vec![R::OperatorOnly]),
        ("not a CRL", record(None, &[], &operator()), vec![R::CrlMalformed]),
        ("untrusted CRL", record(contents(false), &[], &operator()), vec![R::CrlUntrusted]),
        ("CRL again", record(contents(true), &known, &operator()), vec![R::CrlExists]),
        ("untrusted CRL by the ledger itself", record(contents(false), &[], &system()), vec![R::CrlUntrusted]),
        ("CRL by a participant", record(contents(true), &[], &by(SENDER)), vec![R::OperatorOnly]),
    ]
}

fn cases() -> Vec<Case> {
    [
        participant_cases(),
        certificate_cases(),
        key_cases(),
        form_cases(),
        sign_cases(),
        send_cases(),
        delivery_cases(),
        finding_cases(),
        ledger_cases(),
    ]
    .concat()
}

#[test]
fn every_bad_input_gets_all_its_codes_at_once() {
    for (name, decided, codes) in cases() {
        let refusal = decided.expect_err(name);
        assert_eq!(refusal.codes(), codes, "{name}");
        for finding in refusal.findings() {
            assert_eq!(finding.clause, finding.code.clause(), "{name}");
        }
        // What is recorded of it has a canonical form.
        crate::canonical::encode(&refusal).unwrap();
    }
}

#[test]
fn every_code_is_reached_by_a_case() {
    let mut unreached: Vec<R> = R::ALL.to_vec();
    for (_, _, codes) in cases() {
        unreached.retain(|code| !codes.contains(code));
    }
    // A format's name is parsed before a command exists (tested with the registry).
    assert_eq!(unreached, [R::FormatUnknown]);
}

#[test]
fn every_code_has_its_own_slug_a_clause_and_advice() {
    for (place, code) in R::ALL.iter().enumerate() {
        let slug = code.as_str();
        assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{slug}");
        assert!(R::ALL[..place].iter().all(|other| other.as_str() < slug), "{slug} is out of order");
        assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{slug}\""));
        assert!(
            code.advice().ends_with('.') && code.clause().starts_with(|digit: char| digit.is_ascii_digit()),
            "{slug}"
        );
    }
}

/// The codes of the signature checks are other people's; a new one must not slip through as something harmless.
#[test]
fn an_unknown_check_code_is_a_failed_or_unfinished_signature() {
    for code in ["", "ok", "something-new", "not-reached"] {
        assert_eq!(R::of_failed_check(code), R::SignatureInvalid);
        assert_eq!(R::of_indeterminate_check(code), R::SignatureIndeterminate);
    }
    let only_unreached = short(Verdict::Indeterminate, &["not-reached"]);
    assert_eq!(only_unreached.findings()[0].code, R::SignatureIndeterminate);
}

#[test]
fn commands_know_their_kind() {
    let (command, _) = forming();
    assert_eq!(Command::from(command).kind().as_str(), "form-document");
}
