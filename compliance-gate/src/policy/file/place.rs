//! Lines and columns.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};

use super::PolicyFile;

/// Reads a policy file, or says what is wrong, and where.
pub(super) fn parse(text: &str) -> Result<PolicyFile, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    read(text, PhantomData::<PolicyFile>)
}

/// Where the value is to which `path` leads, as in "line 3 column 1".
pub(super) fn of(text: &str, path: &[&str]) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = read(text, Seek(path)).err()?;
    Some(found.strip_prefix(FOUND)?.to_owned())
}

fn read<'de, S: DeserializeSeed<'de>>(text: &'de str, seed: S) -> Result<S::Value, String> {
    if text.trim_start().starts_with('{') {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = seed.deserialize(&mut deserializer);
        // serde_json's message ends in the line and column.
        let value = value.and_then(|value| deserializer.end().map(|()| value));
        return value.map_err(|error| error.to_string());
    }
    let value = toml::Deserializer::parse(text).and_then(|toml| seed.deserialize(toml));
    value.map_err(|error| {
        let place = place(text, error.span().map_or(0, |span| span.start));
        format!("{} at {place}", error.message().replace('\n', ", "))
    })
}

fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|it| *it != '\n').count() + 1;
    format!("line {line} column {column}")
}

const FOUND: &str = "found at ";

/// Fails where the path leads to: so the parser itself says where that is.
#[derive(Clone, Copy)]
struct Seek<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            [] => Err(D::Error::custom("found")),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.0 {
                [first, rest @ ..] if *first == key => map.next_value_seed(Seek(rest))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
