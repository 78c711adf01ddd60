//! How do I keep documents in a ledger of my own? Open, register, form, sign, send, receive, check the receipt.
//!
//! `setting.rs` plays the world around: a certification authority, and two companies with keys of their own.

mod setting;

use ledger_core::domain::command::{ApplySignature, FormDocument, Receive, RecipientRequest, SendDocument};
use ledger_core::domain::event::{Answer, Format};
use ledger_core::id::StreamKind;
use ledger_store::{Ledger, LedgerOptions};
use setting::{Setting, made, operator, participant};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "quickstart-ledger".into());
    let ledger = Ledger::create(folder.as_ref(), LedgerOptions::default()).await?;
    let world = Setting::new()?;

    // The operator says whom the ledger trusts, and registers two companies and a certificate.
    ledger.execute(&operator(), "trust", world.trust()?).await?;
    ledger.execute(&operator(), "crl", world.crl()).await?;
    let seller = made(StreamKind::Participant, &ledger.execute(&operator(), "seller", setting::seller()?).await?)?;
    let buyer = made(StreamKind::Participant, &ledger.execute(&operator(), "buyer", setting::buyer()?).await?)?;
    let certificate = world.certificate(&ledger, seller)?;
    ledger.execute(&participant(seller), "certificate", certificate).await?;

    // The seller forms a document, signs it with its own tools, sends it.
    let content = b"We offer 100 tonnes of wheat.".to_vec();
    let cms = world.sign(&content);
    let (format, title, declared_sha256, signers) = (Format::Text, "Offer".into(), None, vec![]);
    let form = FormDocument { sender: seller, format, document_type: None, title, content, declared_sha256, signers };
    let document = made(StreamKind::Document, &ledger.execute(&participant(seller), "form", form.into()).await?)?;
    ledger.execute(&participant(seller), "sign", ApplySignature { document, cms }.into()).await?;
    let recipients = vec![RecipientRequest { participant: buyer, answer: Answer::NotRequired }];
    let send = SendDocument { document, recipients };
    let delivery = made(StreamKind::Delivery, &ledger.execute(&participant(seller), "send", send.into()).await?)?;

    // Every signature is checked again for the buyer; the receipt proves to anybody that the ledger said so.
    let received = ledger.execute(&participant(buyer), "receive", Receive { delivery }.into()).await?;
    for receipt in &received.receipts {
        let verified = receipt.verify(ledger.origin(), ledger.verifier_key(), &ledger.genesis_hash())?;
        println!("leaf {} is in the log: {}", verified.index(), setting::event_type(verified.leaf())?);
    }
    Ok(ledger.close().await?)
}
