//! Strict JSON and query members: everything that is wrong with a request's shape, in one answer.
//!
//! A body is read into [`Json`] first: no member twice, no `null`, no fraction, at most [`DEPTH_MAX`] deep. Then [`Members`]
//! takes the members that the route knows; what is missing, of the wrong kind or unknown is collected, not first-fail.
//! Findings name members of the routes only, never values: an error text must not repeat somebody's number or name.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// The deepest route has an array of objects in an object; more is an attack on somebody's stack.
pub(super) const DEPTH_MAX: usize = 4;
/// How many members and items a body may have in all: a document names a few dozen signers or recipients.
const VALUES_MAX: usize = 4096;

/// A JSON value as the routes know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    /// `true` or `false`.
    Bool(bool),
    /// An integer that is not negative.
    Number(u64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// Why a body is not JSON for us; the text says what and where, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line}, column {column}")]
pub(super) struct JsonError {
    what: &'static str,
    line: usize,
    column: usize,
}

/// Reads a whole body.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let mut values = 0;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed { depth: 0, values: &mut values };
    let value = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        let text = error.to_string();
        let own = OWN_ERRORS.into_iter().find(|own| text.starts_with(own));
        JsonError { what: own.unwrap_or("not JSON"), line: error.line(), column: error.column() }
    })
}

const TWICE: &str = "a member stands twice";
const TOO_DEEP: &str = "nested too deeply";
const TOO_MANY: &str = "too many values";
const NOT_OURS: &str = "null, a fraction or a negative number";
const OWN_ERRORS: [&str; 4] = [TWICE, TOO_DEEP, TOO_MANY, NOT_OURS];

struct Seed<'a> {
    depth: usize,
    values: &'a mut usize,
}

impl Seed<'_> {
    fn inner(&mut self) -> Seed<'_> {
        Seed { depth: self.depth + 1, values: self.values }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        *self.values += 1;
        if self.depth > DEPTH_MAX {
            return Err(D::Error::custom(TOO_DEEP));
        }
        if *self.values > VALUES_MAX {
            return Err(D::Error::custom(TOO_MANY));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Json, E> {
        Err(E::custom(NOT_OURS))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Json, E> {
        Err(E::custom(NOT_OURS))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Json, E> {
        Err(E::custom(NOT_OURS))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner())?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Json::Object(object))
    }
}

/// What is wrong with one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The member's place, for example `signers/0/participant`.
    pub field: String,
    /// What is wrong: `member-missing`, `member-unknown` or `member-malformed`.
    pub code: &'static str,
    /// What was expected.
    pub expected: &'static str,
}

/// The members of an object or a query, taken one by one; what is wrong is collected.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the members of a JSON object are its members")]
pub(super) struct Members {
    place: String,
    members: BTreeMap<String, Json>,
    faults: Vec<Fault>,
}

impl Members {
    /// The members of a whole body; a body that is no object has every member missing.
    pub(super) fn of(json: Json) -> Self {
        Self::at(String::new(), json, "an object")
    }

    /// The members of a query: all are text, none stands twice.
    pub(super) fn of_query(pairs: Vec<(String, String)>) -> Self {
        let mut members = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, value) in pairs {
            if members.contains_key(&name) {
                faults.push(Fault { field: shown(&name), code: "member-malformed", expected: "once" });
            }
            members.insert(name, Json::Text(value));
        }
        Self { place: String::new(), members, faults }
    }

    fn at(place: String, json: Json, expected: &'static str) -> Self {
        let (members, faults) = match json {
            Json::Object(members) => (members, Vec::new()),
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) => {
                (BTreeMap::new(), vec![Fault { field: place.clone(), code: "member-malformed", expected }])
            }
        };
        Self { place, members, faults }
    }

    /// A member that must be there and that `read` understands.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(Json) -> Option<T>,
    ) -> Option<T> {
        if !self.members.contains_key(name) {
            self.fault(name, "member-missing", expected);
        }
        self.optional(name, expected, read)
    }

    /// A member that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(Json) -> Option<T>,
    ) -> Option<T> {
        let value = read(self.members.remove(name)?);
        if value.is_none() {
            self.fault(name, "member-malformed", expected);
        }
        value
    }

    /// An array of objects, each read by `read`; left out is empty.
    pub(super) fn each<T>(
        &mut self,
        name: &str,
        items_max: usize,
        mut read: impl FnMut(&mut Members) -> Option<T>,
    ) -> Vec<T> {
        let array = |json| match json {
            Json::Array(items) if items.len() <= items_max => Some(items),
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => None,
        };
        let items = self.optional(name, "an array, not too long", array).unwrap_or_default();
        let mut all = Vec::new();
        for (place, item) in items.into_iter().enumerate() {
            let mut members = Self::at(format!("{}/{place}", self.path(name)), item, "an object");
            all.extend(read(&mut members));
            members.refuse_the_rest();
            self.faults.append(&mut members.faults);
        }
        all
    }

    /// Notes a fault that only the route can see.
    pub(super) fn fault(&mut self, name: &str, code: &'static str, expected: &'static str) {
        let field = self.path(name);
        self.faults.push(Fault { field, code, expected });
    }

    /// Ends the reading: everything that was wrong, in one list.
    pub(super) fn finish(mut self) -> Result<(), Vec<Fault>> {
        self.refuse_the_rest();
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    fn refuse_the_rest(&mut self) {
        let rest: Vec<String> = std::mem::take(&mut self.members).into_keys().collect();
        for name in rest {
            self.fault(&shown(&name), "member-unknown", "only the members that this route knows");
        }
    }

    fn path(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}/{name}", self.place) }
    }
}

/// A foreign member name is repeated only if it looks like one: a value that slipped into its place is not.
fn shown(name: &str) -> String {
    let plain = (1..=40).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
    if plain { name.to_owned() } else { "(other)".to_owned() }
}

/// The text of a value.
pub(super) fn text(json: Json) -> Option<String> {
    match json {
        Json::Text(text) => Some(text),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A text that parses.
pub(super) fn parsed<T: std::str::FromStr>(json: Json) -> Option<T> {
    text(json)?.parse().ok()
}

/// `true` or `false`.
pub(super) fn boolean(json: Json) -> Option<bool> {
    match json {
        Json::Bool(value) => Some(value),
        Json::Number(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_two_readers_could_read_differently_are_refused() {
        for (body, what) in [
            (r#"{"a":1,"a":1}"#, TWICE),
            (r#"{"a":{"b":true,"b":false}}"#, TWICE),
            ("null", NOT_OURS),
            (r#"{"a":null}"#, NOT_OURS),
            ("1.5", NOT_OURS),
            ("-1", NOT_OURS),
            ("1e3", NOT_OURS),
            ("[[[[[[]]]]]]", TOO_DEEP),
            ("{} {}", "not JSON"),
            ("", "not JSON"),
            ("{\"a\":\"\u{1}\"}", "not JSON"),
            ("\u{feff}{}", "not JSON"),
        ] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.what, what, "{body}");
        }
        assert_eq!(parse(format!("[{}1]", "1,".repeat(VALUES_MAX)).as_bytes()).unwrap_err().what, TOO_MANY);
        assert_eq!(parse(&b"[".repeat(1_000_000)).unwrap_err().what, TOO_DEEP);
        assert_eq!(parse(b"{\"a\":\"\xff\"}").unwrap_err().what, "not JSON");
    }

    #[test]
    fn everything_wrong_with_a_body_is_told_at_once_and_no_value_is_repeated() {
        let body = br#"{"number":5,"items":[{"id":"x"},{"extra":true}],"other_thing":1,"990740001230":"secret"}"#;
        let mut members = Members::of(parse(body).unwrap());
        assert_eq!(members.required("number", "text", text), None);
        assert_eq!(members.required("name", "text", text), None);
        let items = members.each("items", 5, |item| item.required("id", "text", text));
        assert_eq!(items, ["x"]);
        let faults = members.finish().unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
        assert_eq!(
            told,
            [
                ("number", "member-malformed"),
                ("name", "member-missing"),
                ("items/1/id", "member-missing"),
                ("items/1/extra", "member-unknown"),
                ("(other)", "member-unknown"),
                ("other_thing", "member-unknown"),
            ]
        );
    }

    #[test]
    fn a_query_parameter_stands_once() {
        let pairs = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        let mut query = Members::of_query(pairs);
        let _: Option<u64> = query.optional("a", "a number", parsed);
        assert_eq!(query.finish().unwrap_err().len(), 1);
    }
}
