//! The six actions, as two companies and the operator do them.

use std::path::Path;

use ledger_core::domain::command::{
    AcceptAnnulment, ApplySignature, Command, CommandKind, ConfirmReceiptDelivered, Countersign, FormDocument,
    ProposeAnnulment, PublishTrust, Recall, Receive, RecipientRequest, RecordCrl, RegisterCertificate,
    RegisterParticipant, ReportCompromise, SendDocument, SlotRequest, Withdraw,
};
use ledger_core::domain::event::{Answer, Channel, Format, ParticipantKind};
use ledger_core::id::{DeliveryId, DocumentId, IdentityKind, KeyId, ParticipantId, StreamKind};
use ledger_core::pki::certificate::Certificate;
use ledger_core::projection::Viewer;
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::test_ca::Party;
use ledger_store::{Executed, Ledger, LedgerError};

use super::cast::{BUYER, Cast, Company, SELLER};
use super::pdf::{self, Line};
use super::screen::Screen;
use super::{DemoError, now, write};

/// What the chapters after this one show.
pub(super) struct Story {
    pub(super) seller: ParticipantId,
    pub(super) buyer: ParticipantId,
    /// The contract: signed twice, countersigned, and touched by the compromise.
    pub(super) contract: DocumentId,
    /// The accountant's key.
    pub(super) compromised: KeyId,
    /// Documents with their titles, in the order of their forming.
    pub(super) titles: Vec<(DocumentId, String)>,
}

/// Plays all of it. Each chapter reads as the companies would tell it.
pub(super) async fn tell(
    ledger: &Ledger,
    cast: &Cast,
    dir: &Path,
    screen: &mut Screen<'_>,
) -> Result<Story, DemoError> {
    let mut teller = Teller { ledger, cast, screen, commands: 0, titles: Vec::new() };
    let (seller, buyer) = teller.register().await?;
    let lost_since = now()?;
    let contract = teller.exchange(seller, buyer, dir).await?;
    teller.revoke(seller, buyer).await?;
    let compromised = teller.compromise(seller, lost_since).await?;
    Ok(Story { seller, buyer, contract, compromised, titles: teller.titles })
}

struct Teller<'a, 'out> {
    ledger: &'a Ledger,
    cast: &'a Cast,
    screen: &'a mut Screen<'out>,
    commands: u32,
    titles: Vec<(DocumentId, String)>,
}

impl Teller<'_, '_> {
    async fn register(&mut self) -> Result<(ParticipantId, ParticipantId), DemoError> {
        self.screen.heading("The operator opens a ledger and registers two companies")?;
        self.screen.done(&format!("log {}", self.ledger.origin()))?;
        let policy = SignaturePolicy::default_2026().to_canonical_bytes();
        let policy = policy.map_err(|_| DemoError::Unexpected("a policy".into()))?;
        let anchors = vec![self.cast.ca.certificate_der().to_vec()];
        let trust = PublishTrust::of_anchors(anchors, policy);
        self.ask(&operator(), "publish whom it trusts", trust).await?;
        self.ask(&operator(), "record the CRL", RecordCrl { crl: self.cast.crl(now()?) }).await?;
        self.screen.done("trust in the test CA and its revocation list (CRL) stand in the ledger")?;
        let seller = self.participant(&SELLER).await?;
        let buyer = self.participant(&BUYER).await?;
        let Cast { director, accountant, buyer_director, seller_manager, buyer_manager, .. } = self.cast;
        for (company, id, party, who) in [
            (&SELLER, seller, director, "director, RSA-2048"),
            (&SELLER, seller, accountant, "chief accountant, Ed25519"),
            (&SELLER, seller, seller_manager, "manager, P-256"),
            (&BUYER, buyer, buyer_director, "director, P-256"),
            (&BUYER, buyer, buyer_manager, "manager, Ed25519"),
        ] {
            self.certificate(id, party).await?;
            self.screen.done(&format!("certificate of the {who}, of {}", company.name))?;
        }
        Ok((seller, buyer))
    }

    async fn participant(&mut self, company: &Company) -> Result<ParticipantId, DemoError> {
        let command = RegisterParticipant {
            identity_kind: IdentityKind::Bin,
            number: company.bin.into(),
            name: company.name.into(),
            kind: ParticipantKind::LegalEntity,
            terms: parsed("idocs-2021-10-11")?,
        };
        let executed = self.ask(&operator(), "register a company", command).await?;
        self.screen.done(&format!("{} (BIN {}) registered, agreement accepted", company.name, company.bin))?;
        subject(&executed, StreamKind::Participant)
    }

    async fn certificate(&mut self, participant: ParticipantId, party: &Party) -> Result<(), DemoError> {
        let statement = self.ledger.possession_statement(participant);
        let statement = statement.map_err(|source| DemoError::Ledger { what: "word a statement".into(), source })?;
        // Whoever registers a certificate proves to have its key.
        let possession = party.sign_detached(&statement, now()?);
        let certificate = party.certificate_der.clone();
        let command = RegisterCertificate { participant, certificate, chain: vec![], possession };
        self.ask(&of(participant), "register a certificate", command).await.map(|_| ())
    }

    async fn exchange(
        &mut self,
        seller: ParticipantId,
        buyer: ParticipantId,
        dir: &Path,
    ) -> Result<DocumentId, DemoError> {
        self.screen.heading("Create, sign, send, receive: a contract goes from seller to buyer")?;
        let pdf = contract();
        write(dir, "contract.pdf", &pdf)?;
        let contract = self.form(seller, "Supply contract 17", &pdf, &[1, 2]).await?;
        self.screen.done(&format!("contract.pdf formed: {} bytes, frozen, two signatures demanded", pdf.len()))?;
        for (party, who) in [(&self.cast.director, "director (RSA)"), (&self.cast.accountant, "accountant (Ed25519)")] {
            self.sign(seller, contract, &pdf, party).await?;
            self.screen.done(&format!("signed by the seller's {who}"))?;
        }
        let delivery = self.send(seller, contract, buyer, Answer::Required).await?;
        self.screen.done("sent to the buyer, countersignature asked for")?;
        self.receive(buyer, delivery).await?;
        self.screen.done("received: every signature checked again, accounted, receipt issued")?;
        self.ask(&of(seller), "confirm the receipt", ConfirmReceiptDelivered { delivery }).await?;
        self.screen.done("the seller has the signed receipt")?;
        self.countersign(buyer, delivery, &pdf, &self.cast.buyer_director).await?;
        self.screen.done("countersigned by the buyer's director (P-256)")?;
        Ok(contract)
    }

    /// The three ways back, each at its moment (clause 5.3.1.5).
    async fn revoke(&mut self, seller: ParticipantId, buyer: ParticipantId) -> Result<(), DemoError> {
        self.screen.heading("Revoke: three ways back, each at its moment")?;
        let Cast { seller_manager, buyer_manager, .. } = self.cast;

        let delivery = self.deliver(seller, buyer, "Price list, wrong file", Answer::NotRequired).await?;
        let cms = self.sign_act(seller_manager, CommandKind::Recall, delivery, "").await?;
        self.ask(&of(seller), "recall", Recall { delivery, cms }).await?;
        self.screen.done("recalled before it was accounted: the buyer never receives it")?;
        self.expect_refusal(&of(buyer), Receive { delivery }, "receiving the recalled document").await?;

        let delivery = self.deliver(seller, buyer, "Offer for barley", Answer::Required).await?;
        self.receive(buyer, delivery).await?;
        let reason = "The goods are sold.".to_owned();
        let cms = self.sign_act(seller_manager, CommandKind::Withdraw, delivery, &reason).await?;
        self.ask(&of(seller), "withdraw", Withdraw { delivery, reason, cms }).await?;
        self.screen.done("withdrawn after receipt, before the answer")?;

        let delivery = self.deliver(seller, buyer, "Amendment 1", Answer::Required).await?;
        self.receive(buyer, delivery).await?;
        self.countersign(buyer, delivery, &short_document("Amendment 1"), buyer_manager).await?;
        let reason = "Both sides prefer the contract as it was.".to_owned();
        let cms = self.sign_act(seller_manager, CommandKind::ProposeAnnulment, delivery, &reason).await?;
        self.ask(&of(seller), "propose annulment", ProposeAnnulment { delivery, reason, cms }).await?;
        let cms = self.sign_act(buyer_manager, CommandKind::AcceptAnnulment, delivery, "").await?;
        self.ask(&of(buyer), "consent to annulment", AcceptAnnulment { delivery, cms }).await?;
        self.screen.done("annulled after the countersignature, by consent of both").map_err(DemoError::from)
    }

    async fn compromise(&mut self, seller: ParticipantId, since: Timestamp) -> Result<KeyId, DemoError> {
        self.screen.heading("Compromise report: the accountant's token is lost")?;
        let key = key_of(&self.cast.accountant)?;
        let received_at = now()?;
        let command = ReportCompromise {
            key,
            certificate: None,
            channel: Channel::Phone,
            learned_at: received_at,
            claimed_since: since,
            received_at,
        };
        self.ask(&operator(), "report the compromise", command).await?;
        self.screen.done("reported by phone; the key is suspended in the same batch")?;
        let title = "Invoice 4";
        let bytes = short_document(title);
        let invoice = self.form(seller, title, &bytes, &[1]).await?;
        let cms = self.cast.accountant.sign_detached(&bytes, now()?);
        let command = ApplySignature { document: invoice, cms };
        self.expect_refusal(&of(seller), command, "a new signature with the lost key").await?;
        Ok(key)
    }

    /// Forms, signs by the manager and sends a small document.
    async fn deliver(
        &mut self,
        seller: ParticipantId,
        buyer: ParticipantId,
        title: &str,
        answer: Answer,
    ) -> Result<DeliveryId, DemoError> {
        let bytes = short_document(title);
        let document = self.form(seller, title, &bytes, &[1]).await?;
        self.sign(seller, document, &bytes, &self.cast.seller_manager).await?;
        self.send(seller, document, buyer, answer).await
    }

    async fn form(
        &mut self,
        sender: ParticipantId,
        title: &str,
        content: &[u8],
        groups: &[u64],
    ) -> Result<DocumentId, DemoError> {
        let slot =
            |group: &u64| SlotRequest { participant: sender, mandatory: true, group: *group, required_role: None };
        let command = FormDocument {
            document_type: None,
            sender,
            format: Format::Pdf,
            title: title.into(),
            content: content.to_vec(),
            declared_sha256: None,
            signers: groups.iter().map(slot).collect(),
        };
        let executed = self.ask(&of(sender), "form a document", command).await?;
        let document = subject(&executed, StreamKind::Document)?;
        self.titles.push((document, title.into()));
        Ok(document)
    }

    async fn sign(
        &mut self,
        signer: ParticipantId,
        document: DocumentId,
        bytes: &[u8],
        party: &Party,
    ) -> Result<(), DemoError> {
        let cms = party.sign_detached(bytes, now()?);
        self.ask(&of(signer), "sign", ApplySignature { document, cms }).await.map(|_| ())
    }

    async fn send(
        &mut self,
        sender: ParticipantId,
        document: DocumentId,
        recipient: ParticipantId,
        answer: Answer,
    ) -> Result<DeliveryId, DemoError> {
        let recipients = vec![RecipientRequest { participant: recipient, answer }];
        let executed = self.ask(&of(sender), "send", SendDocument { document, recipients }).await?;
        subject(&executed, StreamKind::Delivery)
    }

    async fn receive(&mut self, recipient: ParticipantId, delivery: DeliveryId) -> Result<(), DemoError> {
        self.ask(&of(recipient), "receive", Receive { delivery }).await.map(|_| ())
    }

    async fn countersign(
        &mut self,
        recipient: ParticipantId,
        delivery: DeliveryId,
        bytes: &[u8],
        party: &Party,
    ) -> Result<(), DemoError> {
        let cms = party.sign_detached(bytes, now()?);
        let command = Countersign { delivery, cms, reservations: None };
        self.ask(&of(recipient), "countersign", command).await.map(|_| ())
    }

    /// Signs the statement by which a party does something to a delivery.
    async fn sign_act(
        &self,
        party: &Party,
        act: CommandKind,
        delivery: DeliveryId,
        reason: &str,
    ) -> Result<Vec<u8>, DemoError> {
        let statement = self.ledger.statement(delivery, act, reason, Viewer::Operator).await;
        let statement = statement.map_err(|source| DemoError::Ledger { what: format!("word {act}"), source })?;
        let statement = statement.ok_or_else(|| DemoError::Unexpected(format!("a statement for {act}")))?;
        Ok(party.sign_detached(&statement, now()?))
    }

    /// Every command has a key of its own, so that a repeated one would be answered with the first receipt.
    async fn execute(&mut self, actor: &Actor, command: Command) -> Result<Executed, LedgerError> {
        self.commands += 1;
        self.ledger.execute(actor, &format!("demo-{}", self.commands), command).await
    }

    async fn ask(&mut self, actor: &Actor, what: &str, command: impl Into<Command>) -> Result<Executed, DemoError> {
        let executed = self.execute(actor, command.into()).await;
        executed.map_err(|source| DemoError::Ledger { what: what.into(), source })
    }

    async fn expect_refusal(
        &mut self,
        actor: &Actor,
        command: impl Into<Command>,
        what: &str,
    ) -> Result<(), DemoError> {
        match self.execute(actor, command.into()).await {
            Err(LedgerError::Refused(refusal)) => {
                for finding in refusal.findings() {
                    let (code, clause) = (finding.code, finding.code.clause());
                    self.screen.refused(&format!("{what} is refused: {code} (clause {clause})"))?;
                }
                Ok(())
            }
            Ok(_) => Err(DemoError::Unexpected(format!("{what} to be refused"))),
            Err(source) => Err(DemoError::Ledger { what: what.into(), source }),
        }
    }
}

fn operator() -> Actor {
    Actor { capacity: Capacity::Operator, participant: None, user: None }
}

fn of(participant: ParticipantId) -> Actor {
    Actor { capacity: Capacity::Participant, participant: Some(participant), user: None }
}

/// The id of the thing that a command made or touched.
fn subject<T: std::str::FromStr>(executed: &Executed, kind: StreamKind) -> Result<T, DemoError> {
    let made = executed.subjects.iter().find(|stream| stream.kind() == kind);
    let id = made.and_then(|stream| stream.id().parse().ok());
    id.ok_or_else(|| DemoError::Unexpected(format!("a {kind} in the answer")))
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, DemoError> {
    text.parse().map_err(|_| DemoError::Unexpected(format!("{text} to be a name")))
}

fn key_of(party: &Party) -> Result<KeyId, DemoError> {
    let certificate = Certificate::parse(&party.certificate_der);
    certificate.map(|certificate| certificate.key()).map_err(|_| DemoError::Unexpected("a certificate".into()))
}

/// The price, as it stands in the PDF; the last chapter changes its first digit.
pub(super) const PRICE: &str = "12 500 000 KZT";

fn contract() -> Vec<u8> {
    let parties = format!("Seller: {}, BIN {}.  Buyer: {}, BIN {}.", SELLER.name, SELLER.bin, BUYER.name, BUYER.bin);
    let price = format!("The price is {PRICE}, to be paid within ten working days of delivery.");
    pdf::page(
        "Supply contract 17",
        &[
            Line::Title("Supply contract No. 17"),
            Line::Text("Astana"),
            Line::Gap,
            Line::Text(&parties),
            Line::Gap,
            Line::Heading("1. Subject"),
            Line::Text("The seller delivers 100 tonnes of wheat, class 3, to the mill of the buyer."),
            Line::Heading("2. Price"),
            Line::Text(&price),
            Line::Heading("3. Form"),
            Line::Text("This contract is an electronic document. For the seller sign its director and its"),
            Line::Text("chief accountant; it binds from the buyer's countersignature on."),
        ],
    )
}

fn short_document(title: &str) -> Vec<u8> {
    pdf::page(title, &[Line::Title(title), Line::Text("A document of the demo.")])
}
