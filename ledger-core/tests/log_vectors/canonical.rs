//! RFC 8785: inside our profile we give the same bytes, outside it we refuse.

use ledger_core::canonical::{INTEGER_MAX, check, encode};

use super::{bytes, hex, json, text};

#[test]
fn inputs_inside_the_profile_give_the_published_bytes_and_others_are_refused() {
    // arrays: null, empty array; structures: empty object, a name with a line feed; values: floats, control characters, null;
    // weird: names with control characters.
    for (name, inside) in [
        ("french", true),
        ("unicode", true),
        ("arrays", false),
        ("structures", false),
        ("values", false),
        ("weird", false),
    ] {
        let output = bytes(&format!("jcs-rfc8785/output/{name}.json"));
        let outhex: String = text(&format!("jcs-rfc8785/outhex/{name}.txt")).split_whitespace().collect();
        assert_eq!(hex(&outhex), output, "{name}");
        let encoded = encode(&json(&format!("jcs-rfc8785/input/{name}.json")));
        assert_eq!(encoded.is_ok(), inside, "{name}: {encoded:?}");
        assert_eq!(check(&output).is_ok(), inside, "{name}");
        if let Ok(encoded) = encoded {
            assert_eq!(encoded, output, "{name}");
        }
        let input = bytes(&format!("jcs-rfc8785/input/{name}.json"));
        assert!(check(&input).is_err(), "{name}: has white space");
    }
}

#[test]
fn of_a_thousand_numbers_only_small_integers_are_taken() {
    let mut taken = 0;
    let lines = text("jcs-rfc8785/es6-numbers-1000.txt");
    for line in lines.lines() {
        let (_, number) = line.split_once(',').unwrap();
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let inside = digits && number.parse::<u64>().is_ok_and(|number| number <= INTEGER_MAX);
        assert_eq!(check(number.as_bytes()).is_ok(), inside, "{number}");
        taken += usize::from(inside);
    }
    assert_eq!(lines.lines().count(), 1000);
    assert!(taken > 0);
}
