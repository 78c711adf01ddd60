//! Two parties act on one delivery at the same moment: exactly one wins, the other is told by which event.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::company::{Company, Exchange};
use crate::support::Reply;

const ROUNDS: usize = 100;

/// Sends both requests at once and gives both answers.
fn race(one: impl FnOnce() -> Reply + Send, two: impl FnOnce() -> Reply + Send) -> [Reply; 2] {
    let start = Barrier::new(2);
    let at_once = |act: &mut dyn FnMut() -> Reply| {
        start.wait();
        act()
    };
    let (mut one, mut two) = (Some(one), Some(two));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| at_once(&mut || one.take().unwrap()()));
        let second = scope.spawn(|| at_once(&mut || two.take().unwrap()()));
        [first.join().unwrap(), second.join().unwrap()]
    })
}

/// One answer says that it is done, the other that the first one's event came before; the record agrees.
fn exactly_one_won(replies: &[Reply; 2], seller: &Company, document: &str, events: [&str; 2]) -> usize {
    let winner = replies.iter().position(|reply| reply.status == 201).unwrap_or_else(|| panic!("{replies:?}"));
    let done = replies[winner].json();
    let problem = replies[1 - winner].problem(409, "document-state");
    let state = &problem["findings"][0]["detail"]["state"];
    assert!(done["events"].as_array().unwrap().contains(&state["event"]), "{done} {problem}");
    let timeline = seller.client.get(&format!("/v1/documents/{document}/timeline")).ok(200);
    let names: Vec<&Value> = timeline["items"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    let told = |event: &str| names.iter().any(|name| **name == *event);
    assert_eq!((told(events[winner]), told(events[1 - winner])), (true, false), "{timeline}");
    winner
}

#[test]
fn recall_and_accounting_have_exactly_one_winner() {
    let exchange = Exchange::open();
    let (seller, buyer) = (&exchange.seller, &exchange.buyer);
    for round in 0..ROUNDS {
        let (document, delivery) = seller.sent(buyer, &format!("round {round}"));
        let recall = seller.signed_statement(&delivery, "recall");
        let path = |act: &str| format!("/v1/deliveries/{delivery}:{act}");
        let replies = race(
            || seller.client.post(&path("recall"), &delivery, &recall),
            || buyer.client.post(&path("receive"), &delivery, &json!({})),
        );
        exactly_one_won(&replies, seller, &document, ["delivery.recalled", "delivery.accounted"]);
    }
}

#[test]
fn withdrawal_and_answer_have_exactly_one_winner() {
    let exchange = Exchange::open();
    let (seller, buyer) = (&exchange.seller, &exchange.buyer);
    for round in 0..ROUNDS {
        let text = format!("round {round}");
        let (document, delivery) = seller.sent(buyer, &text);
        buyer.receives(&delivery);
        let withdrawal = seller.reasoned_statement(&delivery, "withdraw", "Late");
        let answer = buyer.cms(text.as_bytes());
        let path = |act: &str| format!("/v1/deliveries/{delivery}:{act}");
        let replies = race(
            || seller.client.post(&path("withdraw"), &delivery, &withdrawal),
            || buyer.client.post(&path("countersign"), &format!("answer-{delivery}"), &answer),
        );
        exactly_one_won(&replies, seller, &document, ["delivery.withdrawn", "delivery.countersignature_applied"]);
    }
}
