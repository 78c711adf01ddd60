//! A naive sequencer for tests: everything in memory, everything hashed again for every proof. It can be told to lie.

use std::collections::BTreeMap;

use ledger_core::digest::Digest;
use ledger_core::domain::event::*;
use ledger_core::domain::refusal::RefusalCode;
use ledger_core::evidence::bundle::{BundleInput, PayloadInput, StreamInput, build};
use ledger_core::evidence::manifest::{UnavailablePayload, UnavailableReason};
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::id::*;
use ledger_core::log::checkpoint::CheckpointBody;
use ledger_core::log::genesis::{Genesis, GenesisType, Limits, TreeHashes, index_key_commitment};
use ledger_core::log::map::StreamMap;
use ledger_core::log::merkle::{Frontier, MerkleTree, Sha3Tree, Sha256Tree, TreeHash as _, leaf_hash, prove_batch};
use ledger_core::log::note::SignerKey;
use ledger_core::log::seal::{PreviousSeal, Seal, SealType};
use ledger_core::log::stream::StreamFrontier;
use ledger_core::payload::{Commitment, Salt};
use ledger_core::pki::certificate::{Certificate, Role};
use ledger_core::record::{Actor, Basis, Capacity, Cause, Record};
use ledger_core::signature::{SignaturePolicy, TrustSnapshot};
use ledger_core::time::Timestamp;

pub const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ledger-core/tests/data/evidence/");

pub fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{DATA}{name}")).unwrap()
}

pub fn origin() -> Origin {
    Origin::from_name_and_random("ledger.example", [7; 16]).unwrap()
}

pub fn signer() -> SignerKey {
    SignerKey::from_seed(origin().as_str(), &[3; 32]).unwrap()
}

pub fn party(n: u8) -> ParticipantId {
    ParticipantId::from_random([n; 16])
}

pub const SENDER: u8 = 1;
pub const RECIPIENT: u8 = 2;

pub fn document() -> DocumentId {
    DocumentId::from_random([0xd0; 16])
}

pub fn delivery() -> DeliveryId {
    DeliveryId::from_random([0xde; 16])
}

pub fn certificate(name: &str) -> Certificate {
    Certificate::parse(&file(&format!("{name}.der"))).unwrap()
}

pub struct Ledger {
    pub genesis: Vec<u8>,
    pub leaves: Vec<Vec<u8>>,
    pub payloads: Vec<PayloadInput>,
    pub homes: BTreeMap<StreamId, (u64, Digest)>,
    pub streams: BTreeMap<StreamId, Vec<LeafIndex>>,
    seals: Vec<LeafIndex>,
    next_id: u8,
    pub at: u64,
}

impl Ledger {
    /// A ledger with its genesis and first seal.
    pub fn new() -> Self {
        let genesis = Genesis {
            t: GenesisType::V1,
            at: time(0),
            origin: origin(),
            format: 1,
            hashes: TreeHashes::V1,
            log_keys: vec![signer().verifier().clone()],
            recovery_keys: Vec::new(),
            policy: None,
            limits: Limits {
                batch_records_max: 4096,
                seal_interval_ms: 60_000,
                anchor_interval_ms: 60_000,
                clock_skew_ms: 1000,
            },
            index_key: index_key_commitment(&[9; 32]),
            identifiers: IdentifierMode::Strict,
            previous: None,
        };
        Self::with_genesis(&genesis)
    }

    pub fn with_genesis(genesis: &Genesis) -> Self {
        let bytes = genesis.encode().unwrap();
        let mut ledger = Self {
            genesis: bytes.clone(),
            leaves: vec![bytes],
            payloads: Vec::new(),
            homes: BTreeMap::new(),
            streams: BTreeMap::from([(StreamId::ledger(&genesis.origin), vec![LeafIndex(0)])]),
            seals: vec![LeafIndex(0)],
            next_id: 0,
            at: 0,
        };
        ledger.seal();
        ledger
    }

    pub fn size(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap()
    }

    /// Appends an event; returns its place and id.
    /// The events that recorded revocation lists.
    fn lists(&self) -> Vec<EventId> {
        let records = self.leaves.iter().filter_map(|leaf| Record::decode(leaf).ok());
        records.filter(|record| record.event_type.as_str() == "ledger.crl_recorded").map(|record| record.id).collect()
    }

    pub fn append(&mut self, event: Event, payloads: &[(&str, Vec<u8>)]) -> (LeafIndex, EventId) {
        self.next_id += 1;
        self.at += 1;
        let id = EventId::from_time_and_random(time(self.at), [self.next_id; 10]);
        let home = event.streams()[0].clone();
        let (seq, prev) = self.homes.get(&home).copied().unwrap_or((0, leaf_hash(&self.genesis)));
        let mut sealed = Vec::new();
        let index = LeafIndex(self.size());
        for (number, (slot, bytes)) in (0_u8..).zip(payloads) {
            let slot = slot.parse().unwrap();
            let salt = Salt::from_random([self.next_id.wrapping_mul(7) ^ number; 32]);
            sealed.push(Commitment::to_payload(id, &slot, &salt, bytes).unwrap());
            self.payloads.push(PayloadInput { leaf: index, slot, salt, bytes: bytes.clone() });
        }
        sealed.sort_by(|a: &Commitment, b| a.slot.cmp(&b.slot));
        let record = Record {
            actor: Actor { capacity: Capacity::Operator, participant: None, user: None },
            at: time(self.at),
            basis: Basis {
                clauses: event.clauses().iter().map(|clause| (*clause).to_owned()).collect(),
                terms: "idocs-2021-10-11".into(),
            },
            cause: Cause {
                command: CommandId::of_idempotency_key(&[4; 32], party(SENDER), "k"),
                event: None,
                request: RequestDigest::of_request(&[4; 32], b"r"),
            },
            data: event.data().unwrap(),
            id,
            prev,
            sealed,
            seq,
            streams: event.streams(),
            event_type: event.event_type().unwrap(),
            version: event.version(),
        };
        self.push(&record);
        (index, id)
    }

    /// Appends a record as it is.
    pub fn push(&mut self, record: &Record) {
        let bytes = record.encode().unwrap().into_bytes();
        let index = LeafIndex(self.size());
        self.homes.insert(record.streams[0].clone(), (record.seq + 1, leaf_hash(&bytes)));
        for stream in &record.streams {
            self.streams.entry(stream.clone()).or_default().push(index);
        }
        self.leaves.push(bytes);
    }

    pub fn record(&self, index: LeafIndex) -> Record {
        Record::decode(&self.leaves[usize::try_from(index.0).unwrap()]).unwrap()
    }

    pub fn frontier(&self, stream: &StreamId) -> StreamFrontier {
        let mut frontier = StreamFrontier::default();
        for index in &self.streams[stream] {
            frontier.push(*index, &leaf_hash(&self.leaves[usize::try_from(index.0).unwrap()])).unwrap();
        }
        frontier
    }

    pub fn map(&self) -> StreamMap {
        let mut map = StreamMap::new();
        for stream in self.streams.keys() {
            map.insert(stream.map_key(), self.frontier(stream).head_value()).unwrap();
        }
        map.root();
        map
    }

    pub fn seal(&mut self) {
        self.at += 1;
        let mut alt = Frontier::<Sha3Tree>::new();
        self.leaves.iter().for_each(|leaf| alt.push(Sha3Tree::leaf(leaf)));
        let last = *self.seals.last().unwrap();
        let seal = Seal {
            t: SealType::V1,
            at: time(self.at),
            genesis: leaf_hash(&self.genesis),
            size: TreeSize(self.size()),
            map_root: self.map().root(),
            alt_root: alt.root(),
            prev_seal: PreviousSeal { index: last, leaf: leaf_hash(&self.leaves[usize::try_from(last.0).unwrap()]) },
        };
        self.seals.push(LeafIndex(self.size()));
        self.leaves.push(seal.encode().unwrap());
    }

    pub fn tree(&self) -> MerkleTree<Sha256Tree> {
        let mut tree = MerkleTree::new();
        self.leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
        tree
    }

    /// What an honest exporter hands out about the document: everything. The last leaf is a seal.
    pub fn input(&self) -> BundleInput {
        self.input_signed_by(&signer())
    }

    pub fn input_signed_by(&self, signer: &SignerKey) -> BundleInput {
        let tree = self.tree();
        let size = TreeSize(self.size());
        let seals: Vec<_> = self.seals[1..self.seals.len() - 1].to_vec();
        let leaves: BTreeMap<LeafIndex, Vec<u8>> =
            (0..).map(LeafIndex).zip(self.leaves.iter().cloned()).filter(|(index, _)| !seals.contains(index)).collect();
        let indexes: Vec<LeafIndex> = leaves.keys().copied().collect();
        let checkpoint = CheckpointBody::new(origin().as_str(), size, tree.root()).sign(signer).unwrap();
        let map = self.map();
        let wanted = [StreamKind::Document, StreamKind::Delivery, StreamKind::Certificate, StreamKind::Key];
        let streams = self.streams.keys().filter(|stream| wanted.contains(&stream.kind()));
        let input = |stream: &StreamId| StreamInput {
            stream: stream.clone(),
            positions: self.streams[stream]
                .iter()
                .map(|index| (*index, leaf_hash(&self.leaves[usize::try_from(index.0).unwrap()])))
                .collect(),
            proof: map.prove(&stream.map_key()),
        };
        let personal = |payload: &&PayloadInput| payload.slot.as_str() == "client-data";
        BundleInput {
            document: document(),
            origin: origin(),
            checkpoint: checkpoint.to_string(),
            inclusion: prove_batch::<Sha256Tree>(&tree, &indexes, size).unwrap(),
            leaves,
            streams: streams.map(input).collect(),
            payloads: self.payloads.iter().filter(|payload| !personal(payload)).cloned().collect(),
            unavailable: self
                .payloads
                .iter()
                .filter(personal)
                .map(|payload| UnavailablePayload {
                    leaf: payload.leaf,
                    reason: UnavailableReason::PersonalData,
                    slot: payload.slot.clone(),
                })
                .collect(),
        }
    }

    pub fn bundle(&self) -> Vec<u8> {
        build(&self.input()).unwrap()
    }

    pub fn trust(&self) -> TrustDirectory {
        self.trust_with(&[("ca/root.der", file("ca.der"))])
    }

    pub fn trust_with(&self, authorities: &[(&str, Vec<u8>)]) -> TrustDirectory {
        let genesis = leaf_hash(&self.genesis).to_string();
        let key = signer().verifier().to_string();
        let origin = origin().to_string();
        let files =
            [("origin", origin.as_bytes()), ("genesis.sha256", genesis.as_bytes()), ("log.vkey", key.as_bytes())];
        let authorities = authorities.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
        TrustDirectory::from_files(files.into_iter().chain(authorities)).unwrap()
    }
}

/// The first of June 2026 and some seconds.
pub fn time(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_780_272_000 + second).unwrap()
}

pub fn trust_snapshot() -> TrustSnapshot {
    TrustSnapshot::from_certificates([file("ca.der")]).unwrap()
}

pub fn signed(n: u8, evidence: &[EventId]) -> Signed {
    let certificate = certificate(if n == SENDER { "sender" } else { "recipient" });
    Signed {
        participant: party(n),
        certificate: certificate.id(),
        key: certificate.key(),
        verdict: Verdict::Passed,
        trust: trust_snapshot().id(),
        policy: SignaturePolicy::default_2026().id(),
        evidence: evidence.to_vec(),
        proven_at: None,
    }
}

pub fn name(n: u8) -> &'static str {
    if n == SENDER { "sender" } else { "recipient" }
}

/// Trust, a CRL, two participants with certificates.
pub fn prepare(ledger: &mut Ledger) -> EventId {
    let (trust, policy) = (trust_snapshot(), SignaturePolicy::default_2026());
    let published = TrustPublished { origin: origin(), trust: trust.id(), policy: policy.id() };
    ledger.append(
        Event::TrustPublished(published),
        &[("trust", trust.encode().unwrap()), ("policy", policy.to_canonical_bytes().unwrap())],
    );
    let crl = CrlRecorded {
        origin: origin(),
        crl: Digest::sha256(&[&file("crl.der")]),
        issuer: Digest::sha256(&[b"issuer"]),
        this_update: "2026-05-31T00:00:00.000Z".parse().unwrap(),
        next_update: Some("2027-05-31T00:00:00.000Z".parse().unwrap()),
    };
    let (_, crl) = ledger.append(Event::CrlRecorded(crl), &[("crl", file("crl.der"))]);
    for n in [SENDER, RECIPIENT] {
        let registered = ParticipantRegistered {
            participant: party(n),
            identity: IdentityId::of_number(&[9; 32], IdentityKind::Bin, &n.to_string()),
            identity_kind: IdentityKind::Bin,
            kind: ParticipantKind::LegalEntity,
        };
        ledger.append(Event::ParticipantRegistered(registered), &[("client-data", b"{\"number\":\"1\"}".to_vec())]);
        let accepted = AgreementAccepted {
            participant: party(n),
            terms: "idocs-2021-10-11".parse().unwrap(),
            method: AcceptanceMethod::OperatorRegistration,
        };
        ledger.append(Event::AgreementAccepted(accepted), &[]);
        let certificate = certificate(name(n));
        let registered = CertificateRegistered {
            certificate: certificate.id(),
            key: certificate.key(),
            participant: party(n),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            trust: trust.id(),
            policy: policy.id(),
        };
        let payloads = [
            ("certificate", certificate.der().to_vec()),
            ("possession", file(&format!("{}-possession.p7s", name(n)))),
            ("report", b"{\"schema\":1}".to_vec()),
        ];
        ledger.append(Event::CertificateRegistered(registered), &payloads);
    }
    crl
}

/// The document is formed and signed; the place of the signature.
pub fn form_and_sign(ledger: &mut Ledger, crl: EventId) -> LeafIndex {
    form_and_sign_as(ledger, signed(SENDER, &[crl])).0
}

/// A document and its signature with whatever the ledger says of its check.
pub fn form_and_sign_as(ledger: &mut Ledger, signature: Signed) -> (LeafIndex, EventId) {
    form_and_sign_in(ledger, None, signature)
}

fn form_and_sign_in(ledger: &mut Ledger, required_role: Option<Role>, signature: Signed) -> (LeafIndex, EventId) {
    let content = file("content.txt");
    let info = format!(
        "{{\"bytes\":{},\"media_type\":\"text/plain\",\"sha256\":\"{}\",\"title\":\"Act\"}}",
        content.len(),
        Digest::sha256(&[&content])
    );
    let formed = DocumentFormed {
        document_type: None,
        document: document(),
        sender: party(SENDER),
        format: Format::Text,
        formats: "2026-11".parse().unwrap(),
        slots: vec![SignatureSlot { slot: 1, participant: party(SENDER), mandatory: true, group: 1, required_role }],
    };
    ledger.append(Event::DocumentFormed(formed), &[("content", content), ("content-info", info.into_bytes())]);
    let applied = SignatureApplied { document: document(), slot: 1, signature };
    let cms = ("cms", file("sender-content.p7s"));
    ledger.append(Event::SignatureApplied(applied), &[cms, ("report", b"{\"schema\":1}".to_vec())])
}

/// A later check of the signature.
pub fn find(ledger: &mut Ledger, event: EventId, signature: Signed) {
    let reasons = reasons(&signature);
    let found = FindingRecorded { document: document(), event, reasons, slot: 1, signature };
    ledger.append(Event::FindingRecorded(found), &[("report", b"{\"schema\":1}".to_vec())]);
}

fn reasons(signature: &Signed) -> Vec<RefusalCode> {
    if signature.verdict == Verdict::Failed { vec![RefusalCode::CertificateRevoked] } else { vec![] }
}

/// A later check of a signature as of its receipt.
pub fn find_at_receipt(ledger: &mut Ledger, event: EventId, slot: u64, signature: Signed) {
    let found = DeliveryFinding {
        delivery: delivery(),
        document: document(),
        sender: party(SENDER),
        recipient: party(RECIPIENT),
        event,
        reasons: reasons(&signature),
        slot: Some(slot),
        signature,
    };
    ledger.append(Event::DeliveryFinding(found), &[("report", b"{\"schema\":1}".to_vec())]);
}

/// A document whose slot demands the role of a head, signed and received by a certificate that states none.
pub fn signed_without_the_role() -> Ledger {
    let mut ledger = Ledger::new();
    let crl = prepare(&mut ledger);
    form_and_sign_in(&mut ledger, Some(Role::Head), signed(SENDER, &[crl]));
    send(&mut ledger);
    receive(&mut ledger);
    ledger.seal();
    ledger
}

/// As [`exchange`], but the receipt was looked at again twice: without a list, which came to no end, and with one.
pub fn exchange_found_at_receipt() -> Ledger {
    let mut ledger = Ledger::new();
    let crl = prepare(&mut ledger);
    let (_, event) = form_and_sign_as(&mut ledger, signed(SENDER, &[crl]));
    send(&mut ledger);
    receive(&mut ledger);
    find_at_receipt(&mut ledger, event, 1, Signed { verdict: Verdict::Indeterminate, ..signed(SENDER, &[]) });
    find_at_receipt(&mut ledger, event, 1, signed(SENDER, &[crl]));
    countersign(&mut ledger, crl);
    ledger.seal();
    ledger
}

/// A signature, and dishonest findings about its receipt: that it was another slot's, another signer's, that of an event
/// that is none, or that nothing new came of it.
pub fn dishonest_findings_at_receipt() -> Vec<(&'static str, Ledger)> {
    type Lie = (&'static str, fn(&mut Ledger, EventId, EventId));
    let open = || Signed { verdict: Verdict::Indeterminate, ..signed(SENDER, &[]) };
    let lies: [Lie; 3] = [
        ("slot", |ledger, event, _| {
            find_at_receipt(ledger, event, 2, Signed { verdict: Verdict::Indeterminate, ..signed(SENDER, &[]) });
        }),
        ("signer", |ledger, event, _| {
            find_at_receipt(ledger, event, 1, Signed { verdict: Verdict::Indeterminate, ..signed(RECIPIENT, &[]) });
        }),
        ("event", |ledger, _, crl| {
            find_at_receipt(ledger, crl, 1, Signed { verdict: Verdict::Indeterminate, ..signed(SENDER, &[]) });
        }),
    ];
    let mut ledgers = Vec::new();
    for (name, lie) in lies {
        let mut ledger = Ledger::new();
        let crl = prepare(&mut ledger);
        let (_, event) = form_and_sign_as(&mut ledger, signed(SENDER, &[crl]));
        send(&mut ledger);
        receive(&mut ledger);
        lie(&mut ledger, event, crl);
        ledger.seal();
        ledgers.push((name, ledger));
    }
    let mut early = Ledger::new();
    let crl = prepare(&mut early);
    let (_, event) = form_and_sign_as(&mut early, signed(SENDER, &[crl]));
    send(&mut early);
    find_at_receipt(&mut early, event, 1, open());
    receive(&mut early);
    early.seal();
    ledgers.push(("early", early));
    ledgers
}

/// As [`exchange`], but the signature waited: it was checked without a list, and again with one.
pub fn exchange_that_waited() -> Ledger {
    let mut ledger = Ledger::new();
    let crl = prepare(&mut ledger);
    let waits = Signed { verdict: Verdict::Indeterminate, ..signed(SENDER, &[]) };
    let (_, event) = form_and_sign_as(&mut ledger, waits);
    find(&mut ledger, event, signed(SENDER, &[crl]));
    send(&mut ledger);
    receive(&mut ledger);
    countersign(&mut ledger, crl);
    ledger.seal();
    ledger
}

pub fn send(ledger: &mut Ledger) {
    ledger.append(Event::DocumentSent(DocumentSent { document: document(), sender: party(SENDER) }), &[]);
    let opened = DeliveryOpened {
        delivery: delivery(),
        document: document(),
        sender: party(SENDER),
        recipient: party(RECIPIENT),
        answer: Answer::Required,
    };
    ledger.append(Event::DeliveryOpened(opened), &[]);
}

pub fn receive(ledger: &mut Ledger) -> LeafIndex {
    let (sender, recipient) = (party(SENDER), party(RECIPIENT));
    let accounted = DeliveryAccounted {
        delivery: delivery(),
        document: document(),
        sender,
        recipient,
        trust: trust_snapshot().id(),
        policy: SignaturePolicy::default_2026().id(),
        signatures: vec![CheckedSignature {
            slot: 1,
            certificate: certificate("sender").id(),
            verdict: Verdict::Passed,
        }],
        evidence: ledger.lists(),
    };
    let (index, _) = ledger.append(Event::DeliveryAccounted(accounted), &[("report-1", b"{\"schema\":1}".to_vec())]);
    let noticed = DeliveryNoticed { delivery: delivery(), document: document(), sender, recipient };
    ledger.append(Event::ReceiptIssued(noticed), &[]);
    index
}

pub fn countersign(ledger: &mut Ledger, crl: EventId) {
    let event = CountersignatureApplied {
        delivery: delivery(),
        document: document(),
        sender: party(SENDER),
        recipient: party(RECIPIENT),
        reservations: false,
        signature: signed(RECIPIENT, &[crl]),
    };
    let cms = ("cms", file("recipient-content.p7s"));
    ledger.append(Event::CountersignatureApplied(event), &[cms, ("report", b"{\"schema\":1}".to_vec())]);
}

/// The whole exchange, honest, without the last seal.
pub fn exchange() -> Ledger {
    let mut ledger = Ledger::new();
    let crl = prepare(&mut ledger);
    form_and_sign(&mut ledger, crl);
    send(&mut ledger);
    receive(&mut ledger);
    countersign(&mut ledger, crl);
    ledger
}

/// As [`exchange`], sealed.
pub fn sealed() -> Ledger {
    let mut ledger = exchange();
    ledger.seal();
    ledger
}
