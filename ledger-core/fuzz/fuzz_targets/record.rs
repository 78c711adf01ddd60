//! Records: stored bytes are the canonical form of what they say, or they are refused; no event is decoded loosely.
#![no_main]

use ledger_core::canonical;
use ledger_core::domain::event::Event;
use ledger_core::log::genesis::Genesis;
use ledger_core::log::seal::Seal;
use ledger_core::record::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::decode(bytes) {
        assert!(canonical::check(bytes).is_ok());
        let _ = Event::decode(&record);
    }
    let _ = (Genesis::decode(bytes), Seal::decode(bytes));
});
