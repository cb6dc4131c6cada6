use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};

use crate::{object::Object, row::Row};

/// Ten times what Graph puts on a page. A row of `{}` takes two bytes of an answer and two hundred times
/// that of our memory, so the size of the answer is no bound.
const MAX_ROWS: usize = 10_000;

/// One page of a collection.
#[derive(Debug, Deserialize)]
pub(crate) struct PageBody {
    #[serde(deserialize_with = "rows")]
    pub(crate) value: Vec<Row>,
    #[serde(default, rename = "@odata.nextLink")]
    pub(crate) next_link: Option<String>,
}

fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Row>, D::Error> {
    deserializer.deserialize_seq(Rows)
}

struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Row>, A::Error> {
        let mut rows = Vec::new();
        while let Some(Object(row)) = items.next_element()? {
            if rows.len() == MAX_ROWS {
                return Err(A::Error::custom("too many rows"));
            }
            rows.push(row);
        }
        Ok(rows)
    }
}
