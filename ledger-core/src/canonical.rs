//! The JSON profile of every record: one value, one spelling (format.md section 1, RFC 8785).
//!
//! [`check`] accepts exactly the canonical bytes, so "stored bytes == canonical(parse(stored bytes))" is
//! one pass without memory. Only stored bytes are ever hashed; nothing is encoded again to verify.
//!
//! In the profile: UTF-8 without BOM; strings, booleans, arrays, objects and integers 0..2^53-1; depth at most 8.
//! Outside it, and refused: floats, null, empty arrays and objects, control characters, noncharacters,
//! members out of order or twice, any white space, any escape but `\"` and `\\`.

use std::cmp::Ordering;

use serde::Serialize;

/// Nesting that the deepest of our structures needs, with room; a deeper text is an attack on the stack.
pub const DEPTH_MAX: u32 = 8;
/// The largest record in bytes; anything bigger is a payload.
pub const RECORD_BYTES_MAX: usize = 60 * 1024;
/// The largest integer that every JSON parser reads exactly (2^53 - 1).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why bytes are not in the profile. `at` is the offset of the first byte that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Something else stands where the profile allows one thing.
    #[error("not canonical JSON at byte {at}: {expected}")]
    Syntax {
        /// Offset in bytes.
        at: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// Members must be in the order of their UTF-16 code units, each once.
    #[error("object member at byte {at} is out of order or doubled")]
    MemberOrder {
        /// Offset in bytes.
        at: usize,
    },
    /// The text nests deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX} at byte {at}")]
    Depth {
        /// Offset in bytes.
        at: usize,
    },
    /// The text is longer than [`RECORD_BYTES_MAX`].
    #[error("{bytes} bytes, at most {RECORD_BYTES_MAX} are allowed; put big contents into a payload")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// A value that the profile cannot say (null, float, number above 2^53-1) was to be encoded.
    #[error("cannot be said in the profile: {what}")]
    Unrepresentable {
        /// What it was.
        what: &'static str,
    },
}

/// Checks that the bytes are one value in canonical form, nothing before and nothing after; returns their text.
pub fn check(bytes: &[u8]) -> Result<&str, CanonicalError> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(CanonicalError::TooLong { bytes: bytes.len() });
    }
    check_any_length(bytes)
}

/// As [`check`], for texts whose length somebody else limits (manifests of bundles).
pub fn check_any_length(bytes: &[u8]) -> Result<&str, CanonicalError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| CanonicalError::Syntax { at: error.valid_up_to(), expected: "UTF-8" })?;
    let mut scanner = Scanner { text, bytes, at: 0 };
    scanner.value(1)?;
    if scanner.at == bytes.len() { Ok(text) } else { Err(scanner.syntax("the end of the text")) }
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    const fn syntax(&self, expected: &'static str) -> CanonicalError {
        CanonicalError::Syntax { at: self.at, expected }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), CanonicalError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.syntax(expected))
        }
    }

    fn value(&mut self, depth: u32) -> Result<(), CanonicalError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'0'..=b'9') => self.integer(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            _ => Err(self.syntax("a string, boolean, array, object or integer")),
        }
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), CanonicalError> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(literal.as_bytes())) {
            self.at += literal.len();
            Ok(())
        } else {
            Err(self.syntax(literal))
        }
    }

    fn integer(&mut self) -> Result<(), CanonicalError> {
        let start = self.at;
        let mut number: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // Seventeen digits cannot overflow a u64 and are above 2^53-1 already.
            number = number * 10 + u64::from(digit - b'0');
            self.at += 1;
            let leading_zero = self.at - start > 1 && self.bytes.get(start) == Some(&b'0');
            if leading_zero || number > INTEGER_MAX {
                self.at = start;
                return Err(self.syntax("an integer 0..2^53-1 without leading zeros"));
            }
        }
        Ok(())
    }

    /// A string; returns the text between the quotes, escapes as they stand.
    fn string(&mut self) -> Result<&'a str, CanonicalError> {
        self.take(b'"', "a quote")?;
        let start = self.at;
        loop {
            // Nearly everything is plain, so plain bytes are passed in runs.
            self.at += plain_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    if !matches!(self.peek(), Some(b'"' | b'\\')) {
                        return Err(self.syntax("\\\" or \\\\, the only escapes"));
                    }
                    self.at += 1;
                }
                Some(0x80..) => self.character()?,
                Some(_) | None => return Err(self.syntax("a character that is not a control character")),
            }
        }
        let text = self.text.get(start..self.at).ok_or(self.syntax("UTF-8"))?;
        self.at += 1;
        Ok(text)
    }

    /// A character beyond ASCII; the text is known to be UTF-8.
    fn character(&mut self) -> Result<(), CanonicalError> {
        let next = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let character = next.ok_or(self.syntax("UTF-8"))?;
        let code = u32::from(character);
        if (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe {
            return Err(self.syntax("a character, not a noncharacter"));
        }
        self.at += character.len_utf8();
        Ok(())
    }

    fn deeper(&self, depth: u32) -> Result<u32, CanonicalError> {
        if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(CanonicalError::Depth { at: self.at }) }
    }

    fn array(&mut self, depth: u32) -> Result<(), CanonicalError> {
        self.take(b'[', "[")?;
        let inside = self.deeper(depth)?;
        loop {
            self.value(inside)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.syntax(", or ]")),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn object(&mut self, depth: u32) -> Result<(), CanonicalError> {
        self.take(b'{', "{")?;
        let inside = self.deeper(depth)?;
        let mut before: Option<&str> = None;
        loop {
            let at = self.at;
            let name = self.string()?;
            if before.is_some_and(|before| utf16_order(before, name) != Ordering::Less) {
                return Err(CanonicalError::MemberOrder { at });
            }
            before = Some(name);
            self.take(b':', ":")?;
            self.value(inside)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.syntax(", or }")),
            }
        }
        self.at += 1;
        Ok(())
    }
}

/// How many plain bytes stand in front.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // Eight bytes at a time: the highest bit of a byte remains where it is below 0x20, a quote, a backslash or not
    // ASCII. A borrow can only set the bit of a byte above one that has it rightly, and so changes nothing.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let plain = |word: &&[u8; 8]| {
        let word = u64::from_le_bytes(**word);
        let (quote, backslash) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        (below(word, 0x20) | below(quote, 1) | below(backslash, 1) | word) & HIGHS == 0
    };
    let (words, _) = bytes.as_chunks();
    let run = words.iter().take_while(plain).count() * 8;
    let rest = bytes.get(run..).unwrap_or_default();
    run + rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len())
}

/// Whether a byte stands for itself in a string: ASCII that is no control character, quote or backslash.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7f)
}

/// Order of two escaped strings by the UTF-16 code units of what they mean (RFC 8785 section 3.2.3).
fn utf16_order(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() && !left.contains('\\') && !right.contains('\\') {
        return left.cmp(right);
    }
    let units = |text: &str| unescape(text).encode_utf16().collect::<Vec<_>>();
    units(left).cmp(&units(right))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

/// Encodes anything serialisable in canonical form, as a record (at most [`RECORD_BYTES_MAX`]).
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let bytes = encode_any_length(value)?;
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(CanonicalError::TooLong { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// As [`encode`], for texts whose length somebody else limits.
pub fn encode_any_length<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let unrepresentable = |_| CanonicalError::Unrepresentable { what: "a value that is no JSON" };
    // Where the members of a type stand in canonical order, its plain JSON is canonical.
    let plain = serde_json::to_vec(value).map_err(unrepresentable)?;
    if check_any_length(&plain).is_ok() {
        return Ok(plain);
    }
    let value = serde_json::to_value(value).map_err(unrepresentable)?;
    let mut bytes = Vec::with_capacity(1024);
    write(&value, &mut bytes)?;
    // One rule decides what is canonical, for what we write as for what we read.
    check_any_length(&bytes)?;
    Ok(bytes)
}

fn write(value: &serde_json::Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        serde_json::Value::Null => return Err(CanonicalError::Unrepresentable { what: "null" }),
        serde_json::Value::Bool(true) => out.extend_from_slice(b"true"),
        serde_json::Value::Bool(false) => out.extend_from_slice(b"false"),
        serde_json::Value::Number(number) => match number.as_u64() {
            Some(integer) if integer <= INTEGER_MAX => out.extend_from_slice(integer.to_string().as_bytes()),
            _ => return Err(CanonicalError::Unrepresentable { what: "a number that is not an integer 0..2^53-1" }),
        },
        serde_json::Value::String(text) => write_string(text, out),
        serde_json::Value::Array(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(value, out)?;
            }
            out.push(b']');
        }
        serde_json::Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            out.push(b'{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write(value, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_the_one_spelling_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            (" 1", 0),
            ("1 ", 1),
            ("{\"a\": 1}", 5),
            ("{\"a\":1,}", 7),
            ("[1,2", 4),
            ("01", 0),
            ("-1", 0),
            ("1.0", 1),
            ("1e3", 1),
            ("9007199254740992", 0),
            ("99999999999999999999999", 0),
            ("null", 0),
            ("[]", 1),
            ("{}", 1),
            ("\"\u{1}\"", 1),
            ("\"\\u0041\"", 2),
            ("\"\\n\"", 2),
            ("\"\\/\"", 2),
            ("\"\u{fffe}\"", 1),
            ("\"\u{fdd0}\"", 1),
            ("\u{feff}1", 0),
            ("tru", 0),
            ("1\n", 1),
        ] {
            let error = check(text.as_bytes()).unwrap_err();
            assert!(matches!(error, CanonicalError::Syntax { at: found, .. } if found == at), "{text:?}: {error}");
        }
        assert_eq!(check(b"{\"b\":1,\"a\":2}"), Err(CanonicalError::MemberOrder { at: 7 }));
        assert_eq!(check(b"{\"a\":1,\"a\":2}"), Err(CanonicalError::MemberOrder { at: 7 }));
        assert_eq!(check(b"[[[[[[[[1]]]]]]]]"), Err(CanonicalError::Depth { at: 8 }));
        assert_eq!(check(b"[[[[[[[1]]]]]]]"), Ok("[[[[[[[1]]]]]]]"));
        assert_eq!(check(b"\"\xff\""), Err(CanonicalError::Syntax { at: 1, expected: "UTF-8" }));
        let long = format!("\"{}\"", "a".repeat(RECORD_BYTES_MAX));
        assert_eq!(check(long.as_bytes()), Err(CanonicalError::TooLong { bytes: long.len() }));
    }

    #[test]
    fn members_sort_by_utf16_units_not_by_bytes() {
        // U+10000 is D800 DC00 in UTF-16 and so stands before U+E000, which is smaller in UTF-8.
        let value = serde_json::json!({ "\u{e000}": 1, "\u{10000}": 2 });
        assert_eq!(encode(&value).unwrap(), "{\"\u{10000}\":2,\"\u{e000}\":1}".as_bytes());
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(serde_json::Value::from),
            (0..=INTEGER_MAX).prop_map(serde_json::Value::from),
            "[ -~а-яәғқңөұүһі\u{10000}-\u{10010}]{0,8}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map("[a-z\"\\\\я\u{10000}\u{e000}]{0,3}", inner, 1..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    #[test]
    fn a_run_ends_at_the_first_byte_that_is_not_plain_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut bytes = [b'a'; 20];
                bytes[at] = byte;
                assert_eq!(plain_run(&bytes), if is_plain(byte) { 20 } else { at }, "{byte} at {at}");
            }
        }
    }

    proptest! {
        /// The naive form of the rule: parse with another parser, encode, compare.
        #[test]
        fn accepted_means_equal_to_its_own_canonical_form(value in any_value(), flip in any::<prop::sample::Index>(), bit in 0_u32..8) {
            let canonical = encode(&value).unwrap();
            prop_assert_eq!(check(&canonical), Ok(std::str::from_utf8(&canonical).unwrap()));
            prop_assert_eq!(&serde_json::from_slice::<serde_json::Value>(&canonical).unwrap(), &value);
            let mut changed = canonical.clone();
            let place = flip.index(changed.len());
            changed[place] ^= 1_u8 << bit;
            let reparsed = serde_json::from_slice::<serde_json::Value>(&changed);
            let naive = reparsed.ok().and_then(|value| encode(&value).ok()) == Some(changed.clone());
            prop_assert_eq!(check(&changed).is_ok(), naive);
        }

        #[test]
        fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }
    }
}
