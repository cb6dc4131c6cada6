//! Tables, read so that nothing is silently taken for something else.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use intune_core::AccordTemplate;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IntoDeserializer as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Reads a value that is there, so that JSON's `null` is an error, and not a setting that wasn't made.
pub(in crate::policy) fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads one of some words. serde would also read it from a table with the word as its one key.
pub(super) fn word<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Word<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Word<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a word as the value")
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
            T::deserialize(word.into_deserializer())
        }
    }

    deserializer.deserialize_str(Word(PhantomData)).map(Some)
}

/// Reads a table of settings.
pub(super) fn one<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Table::deserialize(deserializer).map(|Table(table)| table)
}

/// Reads a list of tables.
pub(super) fn list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let tables = Vec::<Table<T>>::deserialize(deserializer)?;
    Ok(tables.into_iter().map(|Table(table)| table).collect())
}

/// A table of settings. serde would also read one from an array of its values.
struct Table<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Settings<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Settings<T> {
            type Value = Table<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Table)
            }
        }

        deserializer.deserialize_map(Settings(PhantomData))
    }
}

/// Reads tables by template. A JSON object may name a template twice, and the last would silently win.
pub(super) fn by_template<'de, T, D>(
    deserializer: D,
) -> Result<BTreeMap<AccordTemplate, T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Accords<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Accords<T> {
        type Value = BTreeMap<AccordTemplate, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of accord templates")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut accords = BTreeMap::new();
            while let Some((template, Table(entry))) =
                map.next_entry::<AccordTemplate, Table<T>>()?
            {
                if accords.insert(template.clone(), entry).is_some() {
                    return Err(A::Error::custom(format!(
                        "accord `{template}` is given twice"
                    )));
                }
            }
            Ok(accords)
        }
    }

    deserializer.deserialize_map(Accords(PhantomData))
}
