//! A setting on one line, read as a policy file's tables are.

use std::iter;

use env_config::parse_boolean;
use serde::{
    Deserializer,
    de::{
        Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{Error, MapDeserializer},
    },
    forward_to_deserialize_any,
};

/// A value at the end of a path: tables in tables, each with the one key that leads on.
///
/// A text is whole seconds if it is all digits; a table of one such number if it is `name:600`, as of
/// `{ name_seconds = 600 }`; else a word.
#[derive(Clone, Copy)]
pub(super) struct Assignment<'a> {
    path: &'a [&'a str],
    text: &'a str,
}

impl<'a> Assignment<'a> {
    pub(super) const fn new(path: &'a [&'a str], text: &'a str) -> Self {
        Self { path, text }
    }
}

impl<'de> IntoDeserializer<'de> for Assignment<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Assignment<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text;
        if let [first, path @ ..] = self.path {
            let rest = Self { path, text };
            visitor.visit_map(MapDeserializer::new(iter::once((*first, rest))))
        } else if let Some(number) = seconds(text) {
            visitor.visit_u64(number)
        } else if let Some((name, number)) = text.split_once(':')
            && seconds(number).is_some()
        {
            let key = format!("{name}_seconds");
            let number = Self::new(&[], number);
            visitor.visit_map(MapDeserializer::new(iter::once((key, number))))
        } else {
            visitor.visit_str(text)
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match parse_boolean(self.text) {
            Some(value) if self.path.is_empty() => visitor.visit_bool(value),
            _ => Err(Error::invalid_type(Unexpected::Other("text"), &visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.path {
            [] => visitor.visit_str(self.text),
            _ => Err(Error::invalid_type(Unexpected::Map, &visitor)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn seconds(text: &str) -> Option<u64> {
    // `parse` also takes a leading plus sign.
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all_digits)
}
